use super::*;

fn options(arguments: &[&str]) -> Result<Options, OptionError> {
    Options::read(Name::Sendmail, arguments.iter().map(OsString::from).collect())
}

/// What the calls of real programs come to: sender, operands, and the letters of what is on.
#[track_caller]
fn assert_call(arguments: &[&str], sender: Option<&str>, operands: &[&str], on: &str) {
    let options = options(arguments).unwrap();
    let flags = [
        ('t', options.header_recipients),
        ('i', options.ignore_dots),
        ('8', options.body == BodyKind::EightBitMime),
        ('v', options.verbose),
        ('q', options.delivery == DeliveryMode::Queue),
        ('w', options.delivery == DeliveryMode::Interactive),
    ];
    let flags: String = flags.into_iter().filter(|(_, on)| *on).map(|(letter, _)| letter).collect();
    assert_eq!(options.mode, Mode::Deliver, "{arguments:?}");
    assert_eq!(options.reverse_path.as_deref(), sender, "{arguments:?}");
    assert_eq!(options.operands, operands, "{arguments:?}");
    assert_eq!(flags, on, "{arguments:?}");
    assert_eq!(options.warnings, Vec::<String>::new(), "{arguments:?}");
}

#[test]
fn the_calls_of_cron_and_its_like_are_understood() {
    assert_call(&["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"], Some("root"), &[], "tiw");
    assert_call(&["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], None, &["root"], "i8");
    assert_call(&["-i", "-B", "8BITMIME", "user"], None, &["user"], "i8");
    assert_call(&["-i", "user"], None, &["user"], "i");
    assert_call(&["-FAnacron", "-odi", "root"], None, &["root"], "w");
    assert_call(&["-ti"], None, &[], "ti");
    assert_call(&["-t", "-fraid@host"], Some("raid@host"), &[], "t");
}

#[test]
fn the_calls_of_mail_programs_and_libraries_are_understood() {
    assert_call(&["-t", "-i", "-fbounce@x"], Some("bounce@x"), &[], "ti");
    assert_call(&["-f", "env@x", "-i", "a@x", "b@x"], Some("env@x"), &["a@x", "b@x"], "i");
    let mutt = ["-oem", "-oi", "-B8BITMIME", "-f", "a@x", "-N", "fail,delay", "-R", "hdrs", "--", "b@x", "-odd@x"];
    assert_call(&mutt, Some("a@x"), &["b@x", "-odd@x"], "i8");
    assert_call(&["-i", "-m", "-v", "-r", "a@x", "--", "rcpt1", "-alias"], Some("a@x"), &["rcpt1", "-alias"], "iv");
    assert_call(&["-i", "-f", "F@x", "--", "T@x"], Some("F@x"), &["T@x"], "i");
    assert_call(&["-oi", "-t"], None, &[], "ti");
    assert_call(&["-i", "-f", "F@x", "T@x"], Some("F@x"), &["T@x"], "i");
    assert_call(&["-oi", "-fX@x", "-t"], Some("X@x"), &[], "ti");
    assert_call(&["-f", "S@x", "R@x"], Some("S@x"), &["R@x"], "");
    assert_call(&["-Am", "-G", "-h", "3", "-L", "tag", "-n", "-U", "-em", "-pSMTP", "-x", "u"], None, &["u"], "");
}

#[test]
fn what_is_wanted_with_the_message_is_read() {
    let read = options(&["-N", "fail,delay", "-R", "HDRS", "-V", "id 7", "-F", "Ann B.", "u"]).unwrap();
    assert_eq!(read.notify.map(|notify| notify.to_string()).as_deref(), Some("FAILURE,DELAY"));
    assert_eq!(
        (read.ret, read.envid.as_deref(), read.full_name.as_deref()),
        (Some(Ret::Hdrs), Some("id 7"), Some("Ann B."))
    );
    let read = options(&["-N", "never", "-O", "IgnoreDots", "-O", "DeliveryMode=q", "-O", "requiretls=yes"]).unwrap();
    assert_eq!(read.notify, Some(Notify::NEVER));
    assert_eq!((read.ignore_dots, read.delivery, read.require_tls), (true, DeliveryMode::Queue, true));
    let read = options(&["-O", "requiretls=off", "-O", "smtputf8=true", "-odq", "--from=a@x"]).unwrap();
    assert_eq!((read.require_tls, read.smtputf8, read.delivery), (false, true, DeliveryMode::Queue));
    assert_eq!(read.reverse_path.as_deref(), Some("a@x"));
    assert_eq!(options(&["--from", "b@x"]).unwrap().reverse_path.as_deref(), Some("b@x"));
}

#[test]
fn the_names_and_modes_say_what_to_do() {
    let mode = |arguments: &[&str]| options(arguments).unwrap().mode;
    assert_eq!(mode(&["-bs", "-i"]), Mode::Smtp);
    assert_eq!(mode(&["-bp"]), Mode::List);
    assert_eq!(mode(&["-bi"]), Mode::Aliases);
    assert_eq!(mode(&["-bv", "-v", "root"]), Mode::Verify);
    assert_eq!(mode(&["-I"]), Mode::Aliases);
    assert_eq!(mode(&["-q"]), Mode::Flush(Flush::All));
    assert_eq!(mode(&["-qIabc"]), Mode::Flush(Flush::Id("abc".into())));
    assert_eq!(mode(&["-qRhere"]), Mode::Flush(Flush::Recipient("here".into())));
    assert_eq!(mode(&["-bd", "-q30m"]), Mode::Daemon);
    assert_eq!(mode(&["-q30m"]), Mode::Nothing);
    assert_eq!(mode(&["-q30m", "bob"]), Mode::Deliver);
    assert_eq!(Options::read(Name::Mailq, Vec::new()).unwrap().mode, Mode::List);
    assert_eq!(Options::read(Name::Runq, Vec::new()).unwrap().mode, Mode::Flush(Flush::All));
    assert_eq!(Options::read(Name::Newaliases, Vec::new()).unwrap().mode, Mode::Aliases);
}

#[test]
fn an_unknown_option_is_warned_about_and_the_mail_goes_on() {
    let read = options(&["-Z", "--colour", "-XV", "-t"]).unwrap();
    assert!(read.header_recipients);
    assert_eq!(read.warnings.len(), 3, "{:?}", read.warnings);
}

#[test]
fn a_line_break_gets_nowhere() {
    for arguments in [
        ["-f", "a@x\r\nRCPT TO:<b@x>"],
        ["-r", "a@x\nb"],
        ["-F", "Ann\r\nBcc: c@x"],
        ["-V", "1\n2"],
        ["--from", "a\n@x"],
        ["-i", "b@x\n"],
    ] {
        assert!(matches!(options(&arguments), Err(OptionError::Control(_))), "{arguments:?}");
    }
}

#[test]
fn a_value_that_is_none_is_refused() {
    for arguments in [["-B", "BINARY"], ["-N", "sometimes"], ["-R", "all"], ["-V", ""], ["-b", "t"], ["-o", "dx"]] {
        assert!(matches!(options(&arguments), Err(OptionError::Value { .. })), "{arguments:?}");
    }
    assert_eq!(options(&["-t", "-f"]), Err(OptionError::Incomplete('f')));
}
