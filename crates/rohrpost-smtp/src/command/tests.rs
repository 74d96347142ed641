use proptest::prelude::*;
use rohrpost_mail::{BodyKind, Notify, Orcpt, Ret};

use super::*;

fn fault(line: &str) -> Fault {
    parse(line.as_bytes()).expect_err(line).fault
}

#[test]
fn commands_are_read_in_any_case_and_with_blanks_at_their_ends() {
    assert_eq!(parse(b"quit "), Ok(Command::Quit));
    assert_eq!(parse(b"Data"), Ok(Command::Data));
    assert_eq!(parse(b"NOOP whatever"), Ok(Command::Noop));
    assert_eq!(parse(b"ehlo a.test\t"), Ok(Command::Hello(HelloVerb::Ehlo, "a.test".into())));
    assert_eq!(parse(b"auth plain AGE="), Ok(Command::Auth { mechanism: "plain", initial: Some(b"AGE=") }));
    assert_eq!(parse(b"BDAT 5 LAST"), Ok(Command::Bdat(Chunk { octets: 5, last: true })));
    for path in ["MAIL FROM:<ann@a.test>", "mail from: <ann@a.test>", "MAIL FROM:<@r.test:ann@a.test>"] {
        let Ok(Command::Mail(mail)) = parse(path.as_bytes()) else { panic!("{path}") };
        assert_eq!(mail.reverse_path.to_string(), "ann@a.test");
    }
}

#[test]
fn what_is_no_command_says_why() {
    assert_eq!(fault(""), Fault::Unknown);
    assert_eq!(fault("XYZZY"), Fault::Unknown);
    assert_eq!(fault("EXPN staff"), Fault::Unknown);
    assert_eq!(fault("MAILFROM:<>"), Fault::Unknown);
    assert_eq!(fault("DATA now"), Fault::Arguments);
    assert_eq!(fault("EHLO"), Fault::Arguments);
    assert_eq!(fault("MAIL <ann@a.test>"), Fault::Arguments);
    assert_eq!(fault("MAIL FROM:ann@a.test"), Fault::Address(AddressError::NoBrackets));
    assert_eq!(fault("RCPT TO:<>"), Fault::Address(AddressError::BadLocal));
    assert_eq!(fault("AUTH"), Fault::Arguments);
    assert_eq!(fault("AUTH PLAIN a b"), Fault::Arguments);
    assert_eq!(fault("NOOP \0"), Fault::Nul);
    assert_eq!(fault("BDAT x"), Fault::Chunk);
    assert_eq!(fault(&"x".repeat(511)), Fault::TooLong);
    assert_eq!(fault("MAIL FROM:<>SIZE=1"), Fault::Parameter(ParameterError::Value));
}

#[test]
fn parameters_are_taken_once_and_in_their_form() {
    let parse = |text: &str| MailParameters::parse(text).map(drop);
    assert_eq!(parse(" SIZE=1 size=2"), Err(ParameterError::Twice));
    assert_eq!(parse(" SMTPUTF8 SMTPUTF8"), Err(ParameterError::Twice));
    assert_eq!(parse(" HOLDFOR=1 HOLDUNTIL=2026-01-01T00:00:00Z"), Err(ParameterError::Twice));
    assert_eq!(parse(" FROB=1"), Err(ParameterError::Unknown));
    for text in [
        " SIZE",
        " SIZE=",
        " SIZE=-1",
        " SIZE=+1",
        " SIZE=123456789012345678901",
        " BODY=BINARYMIME",
        " SMTPUTF8=1",
        " REQUIRETLS=1",
        " RET=ALL",
        " ENVID=",
        " HOLDFOR=0x1",
        " HOLDFOR=1234567890",
        " HOLDUNTIL=now",
        "SIZE=1",
        " ENVID=a\tb",
        " AUTH=",
    ] {
        assert_eq!(parse(text), Err(ParameterError::Value), "{text:?}");
    }
    let rcpt = |text: &str| RcptParameters::parse(text).map(drop);
    for text in
        [" NOTIFY=NEVER,SUCCESS", " NOTIFY", " ORCPT=bob@here.test", " ORCPT=;x", " ORCPT=rfc822;", " ORCPT=a b;x"]
    {
        assert!(rcpt(text).is_err(), "{text:?}");
    }
    assert_eq!(MailParameters::parse(" SIZE=99999999999999999999").unwrap().size, Some(u64::MAX));
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€]{1,30}"
}

prop_compose! {
    fn mail_parameters()(
        size in any::<Option<u64>>(),
        body in prop::option::of(prop::sample::select(vec![BodyKind::SevenBit, BodyKind::EightBitMime])),
        ret in prop::option::of(prop::sample::select(vec![Ret::Full, Ret::Hdrs])),
        envid in prop::option::of(text()),
        auth in prop::option::of(text()),
        hold_for in prop::option::of(0_u64..1_000_000_000),
        hold_until in prop::option::of(0_i64..4_000_000_000),
        smtputf8 in any::<bool>(),
        require_tls in any::<bool>(),
    ) -> MailParameters {
        let hold_for = hold_for.map(|seconds| Hold::For(std::time::Duration::from_secs(seconds)));
        let hold_until = hold_until.map(|second| Hold::Until(jiff::Timestamp::from_second(second).unwrap()));
        MailParameters { size, body, smtputf8, ret, envid, auth, hold: hold_for.or(hold_until), require_tls }
    }
}

prop_compose! {
    fn rcpt_parameters()(
        notify in prop::option::of((any::<bool>(), any::<bool>(), any::<bool>())),
        orcpt in prop::option::of(("[a-z0-9-]{1,10}", text())),
    ) -> RcptParameters {
        RcptParameters {
            notify: notify.map(|(success, failure, delay)| Notify { success, failure, delay, explicit: true }),
            orcpt: orcpt.map(|(kind, address)| Orcpt { kind, address }),
        }
    }
}

proptest! {
    #[test]
    fn mail_parameters_print_as_they_are_read(parameters in mail_parameters()) {
        prop_assert_eq!(MailParameters::parse(&parameters.to_string()), Ok(parameters));
    }

    #[test]
    fn rcpt_parameters_print_as_they_are_read(parameters in rcpt_parameters()) {
        prop_assert_eq!(RcptParameters::parse(&parameters.to_string()), Ok(parameters));
    }

    #[test]
    fn no_line_is_too_odd(line in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = parse(&line);
        let _ = parse(&[b"MAIL FROM:<", &line[..], b"> ENVID=+"].concat());
        let _ = parse(&[b"RCPT TO:<a@b.test> ORCPT=", &line[..]].concat());
    }
}
