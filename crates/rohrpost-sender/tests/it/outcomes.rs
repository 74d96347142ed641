//! What becomes of each recipient, and of the whole.

use rohrpost_sender::{
    Class, Kind, Login, Outcome, Secret, SecretSource, Sender, blocking, send as send_once,
    testing::{Fault, Server as TestServer, Stage},
};

use crate::{mail, send, server};

const THREE: [&str; 3] = ["ann@kunde.test", "bob@kunde.test", "cy@kunde.test"];

fn words(recipients: &[(rohrpost_mail::Mailbox, Outcome)]) -> Vec<String> {
    recipients.iter().map(|(_, outcome)| outcome.to_string()).collect()
}

#[tokio::test]
async fn one_refused_recipient_keeps_nobody_else_from_getting_it() {
    let peer = TestServer::builder()
        .refuse("bob@kunde.test", "550 5.1.1 nobody here")
        .refuse("cy@kunde.test", "450 4.2.0 greylisted")
        .start()
        .await;
    let receipt = send_once(&peer.url(), &mail(&THREE)).await.unwrap();
    let expected = ["delivered: 250 2.0.0 Taken", "refused: 550 5.1.1 nobody here", "deferred: 450 4.2.0 greylisted"];
    assert_eq!(words(&receipt.recipients), expected);
    assert!(!receipt.is_complete());
    assert_eq!(peer.received()[0].recipients, ["ann@kunde.test"]);
}

#[tokio::test]
async fn all_or_nothing_sends_to_nobody_when_one_is_refused() {
    let peer = TestServer::builder().refuse("bob@kunde.test", "550 5.1.1 nobody here").start().await;
    let sender = Sender::new(server(peer.url()).all_or_nothing(true)).unwrap();
    let error = sender.send(&mail(&THREE)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Recipient, 67));
    assert_eq!(error.reply().unwrap().code, 550);
    assert!(words(error.recipients())[0].contains("withheld"), "{error:?}");
    assert!(peer.received().is_empty());
    assert!(sender.send(&mail(&THREE[..1])).await.unwrap().is_complete(), "the connection goes on");
}

#[tokio::test]
async fn each_stage_has_its_kind_and_its_exit_code() {
    let cases = [
        (Stage::Greeting, "554 5.3.2 no service", Kind::Connect, 75),
        (Stage::Ehlo, "421 4.3.2 busy", Kind::Connect, 75),
        (Stage::Mail, "550 5.7.1 not you", Kind::Sender, 65),
        (Stage::Mail, "451 4.3.0 later", Kind::Sender, 75),
        (Stage::Rcpt, "550 5.1.1 nobody", Kind::Recipient, 67),
        (Stage::Rcpt, "450 4.2.0 later", Kind::Recipient, 75),
        (Stage::Data, "554 5.5.0 no", Kind::Data, 65),
        (Stage::Dot, "554 5.7.1 spam", Kind::Data, 65),
        (Stage::Dot, "452 4.3.1 full", Kind::Data, 75),
    ];
    for (stage, reply, kind, exit) in cases {
        let peer = TestServer::builder().fault(stage, Fault::reply(reply)).start().await;
        let error = send(server(peer.url())).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (kind, exit), "{stage} {reply}: {error:?}");
        assert_eq!(error.is_temporary(), exit == 75, "{stage} {reply}");
        assert!(error.to_string().contains(&reply[..3]), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_talks_nonsense_or_hangs_up_is_told_apart() {
    for (fault, kind, exit) in [(Fault::Garbage, Kind::Protocol, 76), (Fault::Drop, Kind::Connect, 75)] {
        let peer = TestServer::builder().fault(Stage::Mail, fault).start().await;
        let error = send(server(peer.url())).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (kind, exit), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_while_logging_in_may_work_later_and_a_refusal_will_not() {
    let cases = [
        (Fault::Drop, Kind::Connect, 75),
        (Fault::reply("454 4.7.0 later"), Kind::Auth, 75),
        (Fault::reply("535 5.7.8 no"), Kind::Auth, 77),
    ];
    for (fault, kind, exit) in cases {
        let peer =
            TestServer::builder().login("ann", Secret::new("pencil")).fault(Stage::Auth, fault.clone()).start().await;
        let secret = SecretSource::Text(Secret::new("pencil"));
        let error = send(server(peer.url()).login(Login::new("ann", secret).allow_clear(true))).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.sysexit(), error.is_temporary()),
            (kind, exit, exit == 75),
            "{fault:?} {error:?}"
        );
    }
}

#[tokio::test]
async fn lmtp_has_a_reply_for_each_recipient() {
    let peer = TestServer::builder().refuse("cy@kunde.test", "550 5.1.1 nobody here").start().await;
    let sender = Sender::new(server(peer.url()).lmtp()).unwrap();
    for _ in 0..2 {
        let receipt = sender.send(&mail(&THREE)).await.unwrap();
        let good: Vec<_> = receipt.recipients.iter().map(|(_, outcome)| outcome.is_good()).collect();
        assert_eq!(good, [true, true, false]);
        assert!(receipt.transcript.contains("C: LHLO "), "{}", receipt.transcript);
    }
    assert_eq!((peer.received().len(), peer.connection_count()), (2, 1));
}

#[tokio::test]
async fn a_test_server_writes_files_that_a_mail_program_opens() {
    let directory = tempfile::tempdir().unwrap();
    let peer = TestServer::builder().eml_dir(directory.path()).start().await;
    send(server(peer.url())).await.unwrap();
    assert_eq!(std::fs::read(directory.path().join("1.eml")).unwrap(), peer.received()[0].body);
}

#[tokio::test]
async fn nobody_knows_what_happened_behind_the_dot_and_nothing_is_sent_again() {
    let lossy = TestServer::builder().fault(Stage::Dot, Fault::Drop).start().await;
    let spare = TestServer::start().await;
    let relays = rohrpost_sender::Relays::failover([server(lossy.url()), server(spare.url())]);
    let error = Sender::new(relays).unwrap().send(&mail(&THREE[..2])).await.unwrap_err();
    assert_eq!((error.kind(), error.class(), error.sysexit()), (Kind::AfterDot, Class::Unknown, 74));
    assert!(!error.is_temporary());
    assert!(error.recipients().iter().all(|(_, outcome)| *outcome == Outcome::Unknown));
    assert!(spare.received().is_empty() && spare.connection_count() == 0);
    assert_eq!(lossy.connection_count(), 1);
}

#[tokio::test]
async fn what_happens_after_the_reply_to_the_message_does_not_count() {
    let peer = TestServer::start().await;
    let sender = Sender::new(server(peer.url())).unwrap();
    let receipt = sender.send(&mail(&THREE)).await.unwrap();
    drop(peer);
    sender.close().await;
    assert!(receipt.is_complete());
}

#[tokio::test]
async fn a_mail_to_nobody_is_not_sent() {
    let peer = TestServer::start().await;
    let nobody = mail(&THREE).addressed(rohrpost_mail::Envelope::default(), Vec::new());
    let error = send_once(&peer.url(), &nobody).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit(), peer.connection_count()), (Kind::Build, 65, 0));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_a_port_that_is_closed() {
    let error = send(server("smtp://nowhere.invalid:25")).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (Kind::Dns, Some(Stage::Dns)), "{error:?}");
    assert!(matches!(error.recipients()[0].1, Outcome::NotSent { .. }), "{error:?}");
    let closed = TestServer::start().await.url();
    let error = send(server(closed)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Connect, 75), "{error:?}");
}

#[tokio::test]
async fn the_dialogue_is_there_without_the_text() {
    let peer = TestServer::start().await;
    let receipt = send(server(peer.url())).await.unwrap();
    assert!(receipt.transcript.contains("C: RCPT TO:<bob@kunde.test>"), "{}", receipt.transcript);
    assert!(!receipt.transcript.contains("Subject"), "{}", receipt.transcript);
}

#[test]
fn the_blocking_twin_sends_without_a_runtime_of_the_caller() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let peer = runtime.block_on(TestServer::start());
    let sender = blocking::Sender::url(&peer.url(), None).unwrap();
    assert!(sender.send(&mail(&THREE)).unwrap().is_complete());
    assert!(sender.send(&mail(&THREE)).unwrap().is_complete());
    sender.close();
    assert_eq!((peer.received().len(), peer.connection_count()), (2, 1));
}
