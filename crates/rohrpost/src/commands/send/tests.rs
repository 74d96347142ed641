use rohrpost_client::SessionError;
use rohrpost_mail::Stage;

use super::*;

fn refused(stage: Stage, code: u16) -> Outcome {
    let reply = Reply::with(code, 1, 1, "No");
    let error = SessionError::Refused { stage, reply };
    Err(Refused::from(error))
}

fn report(outcomes: Vec<Outcome>) -> SendReport {
    SendReport { outcomes, stage: Stage::Dot, outcome_unknown: false, untouched: false, eight_bit_to_seven: false }
}

fn accepted() -> Reply {
    Reply::with(250, 6, 0, "queued as 1")
}

#[test]
fn the_worst_fate_decides_how_the_program_ends() {
    let lost = || Err(Refused::from(SessionError::Lost { stage: Stage::Data }));
    assert_eq!(exit(&report(vec![Ok(accepted())])), None);
    assert_eq!(exit(&report(vec![Ok(accepted()), refused(Stage::Rcpt, 550)])), Some(Exit::NoUser));
    assert_eq!(exit(&report(vec![refused(Stage::Dot, 554)])), Some(Exit::Unavailable));
    assert_eq!(exit(&report(vec![Ok(accepted()), refused(Stage::Rcpt, 450)])), Some(Exit::TempFail));
    assert_eq!(exit(&report(vec![lost()])), Some(Exit::TempFail));
    assert_eq!(exit(&report(vec![lost(), refused(Stage::Rcpt, 550)])), Some(Exit::NoUser));
}

#[test]
fn the_receipt_says_the_seal_first_and_each_fate() {
    let to = |address: &str| Recipient::new(address.parse().unwrap());
    let recipients = [to("bob@there.test"), to("a-longer-name@there.test")];
    let report = report(vec![Ok(accepted()), refused(Stage::Rcpt, 550)]);
    let link = Link::Clear { reason: "not offered".into() };
    let text = anstream::adapter::strip_str(&receipt(&recipients, &report, &link)).to_string();
    insta::assert_snapshot!(text);
}

#[test]
fn file_types_follow_the_name() {
    let types = ["a.PDF", "b.txt", "c", "d.unheard-of"].map(|name| content_type(Path::new(name)));
    assert_eq!(
        types,
        ["application/pdf", "text/plain; charset=utf-8", "application/octet-stream", "application/octet-stream"]
    );
}

#[test]
fn nobody_gets_a_message_twice() {
    let line = "rohrpost send --server smtp://x --from ann@here.test --to bob@there.test --cc BOB@there.test \
                --bcc eve@there.test";
    let cli = <cli::Cli as clap::Parser>::try_parse_from(line.split_whitespace()).unwrap();
    let cli::Command::Send(command) = cli.command else { panic!("send was said") };
    let all: Vec<_> = recipients(&command).iter().map(|to| to.address.to_string()).collect();
    assert_eq!(all, ["bob@there.test", "eve@there.test"]);
}
