//! The end of the server.

use std::time::Duration;

use crate::fixture::Fixture;

#[tokio::test]
async fn idle_sessions_get_421_and_nobody_new_gets_in() {
    let fixture = Fixture::start().await;
    let mut idle = fixture.connect("mx").await;
    idle.transcript("S: 220\nC: EHLO x.test\nS: 250").await;
    fixture.server.stop(Duration::from_secs(10)).await;
    idle.transcript("S: 421 4.3.2\nS: closed").await;
    assert!(tokio::net::TcpStream::connect(fixture.address("mx")).await.is_err());
    assert_eq!(fixture.server.stats().open(), 0);
}

#[tokio::test]
async fn a_message_on_its_way_is_taken_before_the_session_ends() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354").await;
    client.send("Subject: in time\r\n\r\n").await;
    let dialogue = async {
        // The server is stopping by now or soon; either way the message is taken.
        client.send("x\r\n.\r\n").await;
        client.transcript("S: 250 2.6.0").await;
        client.rest().await
    };
    let (rest, ()) = tokio::join!(dialogue, fixture.server.stop(Duration::from_secs(10)));
    assert!(rest.starts_with("421 4.3.2"), "{rest}");
    assert_eq!(fixture.ids().await.len(), 1);
}

#[tokio::test]
async fn sessions_that_never_finish_are_cut_off() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect("mx").await;
    client.transcript("S: 220\nC: EHLO x.test\nS: 250\nC: MAIL FROM:<bob@there.test>\nS: 250").await;
    client.transcript("C: RCPT TO:<ann@here.test>\nS: 250\nC: DATA\nS: 354").await;
    fixture.server.stop(Duration::from_millis(50)).await;
    assert_eq!(client.rest().await, "");
    assert!(fixture.ids().await.is_empty());
}
