use std::path::Path;

use rohrpost_mail::ListenerTls;
use rohrpost_queue::{AccountPattern, AddressPattern, RouteRule};

use super::{parse, read};

/// The configuration that the faults below are built into.
const GOOD: &str = "host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\n";

/// What is said about `GOOD` with these lines behind it.
fn fault(lines: &str) -> String {
    parse(Path::new("rohrpost.toml"), &format!("{GOOD}{lines}")).unwrap_err().to_string()
}

#[test]
fn two_lines_are_a_configuration() {
    let settings = parse(Path::new("rohrpost.toml"), GOOD).unwrap();
    let names: Vec<_> = settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["mx", "submissions", "submission", "imaps"]);
    assert!(settings.intake.trusted_networks.is_empty(), "nobody relays unless told to");
}

#[test]
fn mail_is_read_inside_tls_unless_the_listener_says_otherwise() {
    let listener = |protocol: &str, port: u16, more: &str| {
        let (name, address) = (port, format!("[::1]:{port}"));
        format!("[[listener]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\naddress = \"{address}\"\n{more}")
    };
    let lines = [
        listener("imap", 143, ""),
        listener("imap", 993, ""),
        listener("pop3", 110, "tls = \"offered\"\nauth = { clear = true }\n"),
        listener("pop3", 995, ""),
    ];
    let settings = parse(Path::new("rohrpost.toml"), &format!("{GOOD}{}", lines.concat())).unwrap();
    let tls: Vec<_> = settings.listeners.iter().map(|listener| listener.tls).collect();
    assert_eq!(tls, [ListenerTls::Required, ListenerTls::Implicit, ListenerTls::Offered, ListenerTls::Implicit]);
    assert!(settings.listeners[2].auth_clear);
}

#[test]
fn what_only_smtp_has_is_a_fault_where_mail_is_read() {
    insta::assert_snapshot!(fault(
        "[[listener]]\nname = \"imap\"\nprotocol = \"imap\"\naddress = \"[::]:143\"\nrequire_auth = true\n\
         extensions = { disable = [\"IDLE\"] }\n"
    ));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_keys_there_are() {
    insta::assert_snapshot!(fault("[log]\nlevle = \"info\"\n"));
}

#[test]
fn a_wrong_word_is_named_with_the_words_that_would_do() {
    insta::assert_snapshot!(fault(
        "[[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"[::]:25\"\ntls = \"on\"\n"
    ));
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    insta::assert_snapshot!(fault("[limits]\nhops = \"many\"\n"));
}

#[test]
fn a_span_without_a_unit_is_named() {
    insta::assert_snapshot!(fault("[queue]\nretry_first = \"6\"\n"));
}

#[test]
fn broken_syntax_is_named_with_its_line() {
    insta::assert_snapshot!(fault("[tls\nmin = \"1.2\"\n"));
}

#[test]
fn a_missing_required_key_is_named() {
    let error = parse(Path::new("rohrpost.toml"), "node = 1\n").unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[test]
fn a_missing_key_of_a_table_is_named_with_its_line() {
    insta::assert_snapshot!(fault("\n[[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\n"));
}

#[test]
fn without_a_postmaster_nothing_runs() {
    let error = parse(Path::new("rohrpost.toml"), "host_name = \"mx.here.test\"\n").unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[test]
fn every_fault_of_meaning_is_found_at_once() {
    let lines = "notices = { route = \"nowhere\" }\n\
        [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = [\"[::]:25\", \"port 25\"]\n\
        [[listener]]\nname = \"mx\"\nprotocol = \"lmtp\"\naddress = \"unix:/run/lmtp.sock\"\n\
        [[tls_policy]]\ndomain = \"*.\"\npolicy = \"dane\"\n\
        [metrics]\naddress = \"0.0.0.0:9125\"\n";
    insta::assert_snapshot!(fault(lines));
}

#[test]
fn what_cannot_be_meant_is_named() {
    let lines = "[domains]\nsubaddress = \"@\"\n\
        [limits]\ncommand_timeout = \"0 s\"\nhops = 0\nmailboxes = { connections_per_address = 0 }\n\
        mx = { messages_per_connection = 0, recipients_per_message = 99 }\n\
        [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = [\"[::]:25\", \"0.0.0.0:25\"]\nhost_name = \"192.0.2.1\"\n\
        [[listener]]\nname = \"more\"\nprotocol = \"smtp\"\naddress = \"0.0.0.0:25\"\n\
        [[listener]]\nname = \"closed\"\nprotocol = \"smtp\"\naddress = \"0.0.0.0:25\"\nenabled = false\n\
        [[listener]]\nname = \"here\"\nprotocol = \"imap\"\naddress = \"127.0.0.1:143\"\ntls = \"off\"\n\
        [[listener]]\nname = \"imap\"\nprotocol = \"imap\"\naddress = \"0.0.0.0:143\"\ntls = \"off\"\n\
        [[listener]]\nname = \"pop3\"\nprotocol = \"pop3\"\naddress = \"0.0.0.0:110\"\nauth = { tls = false }\n";
    insta::assert_snapshot!(fault(lines));
}

#[test]
fn each_fault_of_a_route_is_named() {
    let lines = "[[route]]\nname = \"mx\"\nhost = []\nafter_tries = 0\nthen = \"nowhere\"\n\
        [[route]]\nname = \"one\"\nthen = \"two\"\nafter_tries = 1\nconcurrency = 0\n\
        source_address = [\"192.0.2.1\", \"192.0.2.2\"]\n\
        host = [{ host = \"pipe:gone\" }, { host = \"mx\", tls = \"off\" }, { host = \"a.test\", concurrency = 0 }]\n\
        [[route]]\nname = \"two\"\nthen = \"one\"\nafter_tries = 1\nhost = [{ host = \"a.test:port\" }]\n\
        [[route]]\nname = \"two\"\nafter_tries = 1\nhost = [{ host = \"a.test\" }]\n\
        [[route]]\nname = \"three\"\nthen = \"mx\"\nrecipients = [\"*.\"]\nhost = [{ host = \"a.test\" }]\n\
        [[pipe]]\nname = \"a b\"\nargv = []\n\
        [[pipe]]\nname = \"x\"\nargv = [\"msmtp\", \"{sender}{to}\", \"{ \\\"json\\\" }\"]\n";
    insta::assert_snapshot!(fault(lines));
}

#[test]
fn a_route_with_every_setting_is_what_it_says() {
    let lines = "[[route]]\nname = \"invoices\"\nchoose = \"weighted\"\nrate = \"250/h\"\nconcurrency = 3\n\
        retry_first = \"1 min\"\nlifetime = \"1 d\"\nafter_tries = 2\nthen = \"mx\"\nprobe_after = \"5 s\"\n\
        source_address = [\"192.0.2.7\", \"2001:db8::7\"]\nehlo_name = \"out.here.test\"\n\
        host = [{ host = \"a.test\", weight = 3, rate = \"10/s\", concurrency = 1 }, { host = \"pipe:msmtp\" }]\n\
        [[pipe]]\nname = \"msmtp\"\nargv = [\"/usr/bin/msmtp\", \"{recipients}\"]\ntimeout = \"9 s\"\n";
    let settings = parse(Path::new("rohrpost.toml"), &format!("{GOOD}{lines}")).unwrap();
    let [route] = &settings.delivery.routes[..] else { panic!("not one route") };
    insta::assert_debug_snapshot!(route);
    let limits = settings.queue.routes["invoices"].limits;
    assert_eq!((limits.start, limits.max, limits.rate.unwrap().to_string().as_str()), (3, 3, "250/h"));
}

#[test]
fn a_route_says_who_takes_it_and_its_gate_stays_open_where_there_is_another_way() {
    let lines = "[[route]]\nname = \"bulk\"\nrecipients = [\"*.org\"]\nsenders = [\"<>\"]\naccounts = [\"ann\", \"unix:root\"]\n\
        headers = [\"X-Route: bulk\"]\nafter_tries = 2\nthen = \"mx\"\nhost = [{ host = \"a.test\" }]\n";
    let settings = parse(Path::new("rohrpost.toml"), &format!("{GOOD}{lines}")).unwrap();
    let bulk = RouteRule {
        recipients: vec!["*.org".parse().unwrap()],
        senders: vec![AddressPattern::Null],
        accounts: vec![AccountPattern::Login("ann".into()), AccountPattern::User(0)],
        headers: vec!["X-Route: bulk".parse().unwrap()],
        route: "bulk".into(),
    };
    assert_eq!(settings.rules, [bulk]);
    assert!(!settings.queue.routes["bulk"].limits.closes);
    assert!(settings.queue.limits.closes);
}

#[test]
fn selectors_that_select_nothing_are_named() {
    let lines = "[[route]]\nname = \"web\"\nrecipients = [\"a b\", \"<>\"]\nsenders = [\"@\"]\naccounts = [\"unix:nobody-at-all\"]\n\
        headers = [\"bulk\"]\nhost = [{ host = \"a.test\" }]\n";
    insta::assert_snapshot!(fault(lines));
}

#[test]
fn a_test_system_is_warned_of() {
    let settings = parse(Path::new("rohrpost.toml"), &format!("redirect_all_to = \"qa@here.test\"\n{GOOD}")).unwrap();
    let warning = "redirect_all_to: this is a test system, all mail goes to qa@here.test and nobody else";
    assert_eq!(settings.warnings, [warning]);
    assert_eq!(settings.intake.redirect_all_to, settings.delivery.redirect_all_to);
}

#[test]
fn a_password_in_the_wrong_place_is_not_shown() {
    let lines =
        "[[route]]\nname = \"out\"\nhost = [{ host = \"h\", user = \"u\", password = \"s3cret=pw\", tls = \"on\" }]\n";
    let error = fault(lines);
    assert!(!error.contains("s3cret") && !error.contains("pw"), "{error}");
    assert!(error.contains("password_file"), "{error}");
    insta::assert_snapshot!(error);
}

#[test]
fn of_a_long_line_only_the_part_around_the_mark_is_shown() {
    let hosts = "{ host = \"relay.example.net:587\" }, ".repeat(9);
    let error = fault(&format!("[[route]]\nname = \"out\"\nhost = [{hosts}{{ host = \"a b\" }}, {hosts}]\n"));
    insta::assert_snapshot!(error);
}

#[test]
fn a_password_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "three blue kites\n").unwrap();
    let text = format!(
        "{GOOD}[[route]]\nname = \"out\"\nhost = [{{ host = \"h.test\", user = \"u\", password_file = \"password\" }}]\n"
    );
    let read = |mode| {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        parse(&folder.path().join("rohrpost.toml"), &text).map(drop).map_err(|error| error.to_string())
    };
    let error = read(0o644).unwrap_err();
    assert!(error.contains("route[0].host[0].password_file: ") && error.contains("everybody can read"), "{error}");
    read(0o640).unwrap();
}

#[test]
fn the_examples_of_the_page_about_routes_can_be_read() {
    let page = include_str!("../../../../docs/routes.md");
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), page.matches("```toml").count());
    for example in examples {
        toml::from_str::<super::file::Config>(&format!("{GOOD}{example}")).unwrap();
    }
}

#[test]
fn a_mode_or_a_group_that_cannot_be_is_named() {
    let lines = "[[listener]]\nname = \"lmtp\"\nprotocol = \"lmtp\"\naddress = \"unix:/run/lmtp.sock\"\n\
        mode = \"0668\"\ngroup = \"no-such-group\"\n\
        [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"[::]:25\"\nmode = \"0600\"\ngroup = \"root\"\n";
    insta::assert_snapshot!(fault(lines));
}

#[test]
fn a_page_that_nobody_could_open_is_a_fault() {
    assert!(fault("[web]\naddress = \"unix:/run/web.sock\"\n").contains("web.address: browsers do not come"));
    assert!(fault("[web]\nredirect_address = \"[::]:80\"\n").contains("web.redirect_address: nobody can be sent"));
    assert!(fault("[web]\naddress = [\"[::]:443\", \"443\"]\n").contains("web.address[1]: expected an address"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(Path::new("/nowhere/rohrpost.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/rohrpost.toml: No such file"), "{error}");
}

/// The sample with every setting set.
fn whole_sample() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    super::SAMPLE.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_sample_is_right_as_it_is() {
    parse(Path::new("rohrpost.toml"), super::SAMPLE).unwrap();
}

#[test]
fn every_setting_of_the_sample_can_be_set() {
    toml::from_str::<super::file::Config>(&whole_sample()).unwrap();
}

#[test]
fn the_defaults_of_the_manual_are_the_defaults_of_the_program() {
    let sample: super::file::Config = toml::from_str(&only_defaults()).unwrap();
    let bare: super::file::Config = toml::from_str(super::SAMPLE).unwrap();
    assert_eq!(sample, bare);
}

/// The sample with those settings set that the reference calls defaults, outside of arrays of tables.
fn only_defaults() -> String {
    let reference = include_str!("../../../../docs/configuration.md");
    let mut within_array = false;
    let mut text = String::new();
    for line in super::SAMPLE.lines() {
        if let Some(heading) = line.trim_start_matches('#').strip_prefix('[').filter(|_| !line.starts_with("# ")) {
            within_array = line.starts_with('#') || heading.starts_with('[');
        }
        let setting = line.strip_prefix('#').filter(|setting| !setting.starts_with(' ') && !within_array);
        let is_default = |setting: &str| {
            setting
                .split_once(" = ")
                .is_some_and(|(key, toml)| reference.contains(&format!("**`{key}`** · default `{toml}`")))
        };
        text.push_str(setting.filter(|setting| is_default(setting)).unwrap_or(line));
        text.push('\n');
    }
    text
}
