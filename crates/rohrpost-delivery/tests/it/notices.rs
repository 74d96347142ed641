//! The system's own mail to its operator, by the clock.

use std::{path::Path, time::Duration};

use rohrpost_delivery::Settings;
use rohrpost_tls::{CertStore, ca::self_signed};

use crate::office::{Office, settings};

const HOUR: Duration = Duration::from_hours(1);

/// Mail that goes through the queue and back, by when whatever was due before it has been written too.
async fn round_trip(office: &mut Office) {
    office.send(&["ann@here.test"]).await;
    assert!(office.filed().await.contains("Subject: Hi"));
}

/// A certificate in a file of its own, for a notice is known by the file it is about.
fn certificate(folder: &Path, name: &str, days: u32) -> CertStore {
    CertStore::load(vec![self_signed([name], days).write(folder, name).unwrap()]).unwrap()
}

/// How many notices about the certificate of `name` are in ann's INBOX.
async fn told(office: &Office, name: &str) -> usize {
    let subject = format!("Subject: The certificate for {name} ends soon");
    office.mail("ann@here.test", "INBOX").await.iter().filter(|mail| mail.contains(&subject)).count()
}

#[tokio::test]
async fn an_expiring_certificate_is_told_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = [("soon.here.test", 5), ("later.here.test", 15), ("late.here.test", 16)]
        .map(|(name, days)| certificate(folder.path(), name, days));
    let mut office = Office::open(9, Settings { certificates: certificates.into(), ..settings() }).await;
    let notice = office.filed().await;
    assert!(notice.contains("Subject: The certificate for soon.here.test ends soon"), "{notice}");
    assert!(notice.contains("Auto-Submitted: auto-generated"), "{notice}");

    for _ in 0..23 {
        office.pass(HOUR).await;
        round_trip(&mut office).await;
    }
    assert_eq!(told(&office, "soon.here.test").await, 1, "looked at every hour, told once");
    assert_eq!(told(&office, "later.here.test").await, 0, "it has fourteen days and an hour left");

    office.pass(HOUR).await;
    office.filed().await;
    office.filed().await;
    round_trip(&mut office).await;
    assert_eq!(told(&office, "soon.here.test").await, 2, "a day later it is still to be replaced");
    assert_eq!(told(&office, "later.here.test").await, 1, "it has less than fourteen days left");
    assert_eq!(told(&office, "late.here.test").await, 0);
}
