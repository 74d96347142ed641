//! LMTP: an MTA of the operator's in front has taken the mail.

use super::*;

/// What a peer is told who brings a message from far away to ann.
async fn brings(fixture: &Fixture, peer: &Peer) -> Result<(), String> {
    let told = |refusal: Refusal| refusal.reply().to_string();
    let reverse_path = ReversePath::Mailbox("eve@far.test".parse().unwrap());
    let envelope = Envelope { reverse_path, ..Envelope::default() };
    let mut transaction = fixture.intake.mail(peer, envelope).await.map_err(told)?;
    let path = ForwardPath::Mailbox("ann@here.test".parse().unwrap());
    transaction.rcpt(peer, &path, None, Notify::default(), Instant::now()).await.map_err(told)
}

#[tokio::test]
async fn the_mta_in_front_is_not_asked_for_its_senders_over_tcp_as_over_a_socket() {
    let fixture = fixture("", |settings| {
        settings.require_tls_from = vec!["far.test".parse().unwrap()];
        settings.mx_limits.messages_per_hour = 1;
    })
    .await;
    let smtp = Peer { role: Role::Smtp, account: None, ..fixture.peer() };
    assert!(brings(&fixture, &smtp).await.is_err(), "a stranger must use TLS");
    let tcp = Peer { role: Role::Lmtp, ..smtp };
    for peer in [&tcp, &tcp, &Peer { address: None, ..tcp.clone() }] {
        assert_eq!(brings(&fixture, peer).await, Ok(()));
    }
}
