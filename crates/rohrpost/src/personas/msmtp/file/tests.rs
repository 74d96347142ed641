use rohrpost_mail::Secret;

use super::{super::environment::testing::host, *};
use crate::personas::msmtp::settings::Auth;

fn no_eval(_: &str) -> io::Result<String> {
    panic!("no line of this file is evaluated")
}

fn read_with(text: &str, evaluate: Evaluate<'_>) -> Result<ConfigFile, String> {
    parse(Path::new("rc"), text, &host(Path::new("/srv")), evaluate).map_err(|error| error.to_string())
}

fn read(text: &str) -> Result<ConfigFile, String> {
    read_with(text, &no_eval)
}

fn settings(text: &str, account: &str) -> Settings {
    let file = read(text).unwrap();
    file.accounts.iter().find(|known| known.name == account).unwrap().settings(&[])
}

#[test]
fn keys_before_any_account_are_those_of_the_default_account() {
    let settings = settings("host mail.example\nport 587\n", "default");
    assert_eq!((settings.hosts, settings.port), (vec!["mail.example".to_owned()], Some(587)));
}

#[test]
fn accounts_begin_with_the_defaults_of_their_place_and_inherit_in_order() {
    let text = "defaults\ntls on\nport 587\naccount a\nhost a.example\nuser anna\ndefaults\nport 2525\n\
        account b\nhost b.example\ntls off\naccount c : a , b\nauth on\naccount d : c\nhost d.example\n";
    let a = settings(text, "a");
    assert_eq!((a.tls.on, a.port, a.user.as_deref()), (true, Some(587), Some("anna")));
    let c = settings(text, "c");
    assert_eq!((c.hosts[0].as_str(), c.tls.on, c.port, c.auth), ("b.example", false, Some(2525), Auth::Choose));
    let d = settings(text, "d");
    assert_eq!((d.hosts[0].as_str(), d.user.as_deref(), d.auth), ("d.example", Some("anna"), Auth::Choose));
}

#[test]
fn a_host_that_is_none_is_left_to_its_account() {
    let text = "account a\nhost a.example:3007 b.example:3030\naccount b\nhost b.example\n";
    assert_eq!(settings(text, "b").hosts, ["b.example"]);
}

#[test]
fn blanks_comments_quotes_and_windows_line_ends_are_read() {
    let text = "  # a comment\r\n\r\n\taccount\ta\t\r\n host \t mail.example \r\nuser \" joe \"\r\npassword \"a\"b\"\r\n\
        domain x # y\r\ntls\r\npasswordeval \"half\" quoted\r\n";
    let settings = settings(text, "a");
    assert_eq!(settings.user.as_deref(), Some(" joe "));
    assert_eq!(settings.password.as_ref().map(Secret::expose), Some("a\"b"));
    assert_eq!(settings.domain, "x # y", "comments stand on lines of their own");
    assert!(settings.tls.on);
    assert_eq!(settings.passwordeval.as_deref(), Some("\"half\" quoted"), "quotes go only where they hold it all");
}

#[test]
fn each_error_says_file_and_line() {
    let cases = [
        ("account a\nfoo bar", "rc: line 2: unknown command foo"),
        ("HOST x", "rc: line 1: unknown command HOST"),
        ("port 0", "rc: line 1: invalid argument 0 for command port"),
        ("\nhost", "rc: line 2: command host needs an argument"),
        ("account", "rc: line 1: missing account name"),
        ("account a:", "rc: line 1: missing account name"),
        ("account a\naccount b : a,", "rc: line 2: missing account name"),
        ("account a b", "rc: line 1: the account name \"a b\" must not hold commas, colons or blanks"),
        ("account a,b", "rc: line 1: the account name \"a,b\" must not hold commas, colons or blanks"),
        ("account a\naccount a", "rc: line 2: account a was already defined"),
        ("account a : b\naccount b", "rc: line 1: account b not (yet) defined"),
        ("defaults now", "rc: line 1: invalid argument now for command defaults"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn eval_puts_the_output_in_the_place_of_its_line_and_is_not_evaluated_again() {
    let evaluate = |command: &str| match command {
        "one" => Ok("host mail.example".to_owned()),
        "two" => Ok("eval one".to_owned()),
        "three" => Ok("password secret".to_owned()),
        _ => Err(io::Error::other("exit status: 1")),
    };
    let file = read_with("account a\neval one\neval three\n", &evaluate).unwrap();
    assert_eq!(file.accounts[0].settings(&[]).hosts, ["mail.example"]);
    assert!(!file.holds_password, "the password does not stand in the file");
    assert_eq!(read_with("eval two", &evaluate).unwrap_err(), "rc: line 1: unknown command eval");
    assert_eq!(read_with("\neval four", &evaluate).unwrap_err(), "rc: line 2: eval: exit status: 1");
}

#[test]
fn a_file_with_a_password_is_known_as_such() {
    assert!(read("account a\npassword x").unwrap().holds_password);
    assert!(!read("account a\npassword\npasswordeval pass show x").unwrap().holds_password);
}

#[test]
fn long_lines_are_taken_with_a_warning_and_endless_ones_are_not() {
    let token = |octets: usize| format!("account a\npassword {}", "x".repeat(octets));
    let file = read(&token(4_000)).unwrap();
    assert_eq!(file.warnings, ["rc: line 2: longer than the 500 octets msmtp takes"]);
    assert!(read(&token(LINE_BYTES_MAX)).unwrap_err().contains("longer than 65536 octets"));
    assert!(read(&token(400)).unwrap().warnings.is_empty());
}

#[test]
fn a_private_file_belongs_to_the_user_and_to_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().unwrap();
    let user = nix::unistd::Uid::current().as_raw();
    let private = |mode| {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        is_private(file.path(), user).unwrap()
    };
    assert!(private(0o600) && private(0o400));
    assert!(!private(0o640) && !private(0o604));
    private(0o600);
    assert!(!is_private(file.path(), user + 1).unwrap());
}
