//! The system's own mail to its operator, by the clock.

use std::time::Duration;

use rohrpost_delivery::Settings;
use rohrpost_tls::{CertStore, ca::self_signed};

use crate::office::{Office, settings};

const HOUR: Duration = Duration::from_hours(1);

/// Mail that goes through the queue and back, by when whatever was due before it has been written too.
async fn round_trip(office: &mut Office) {
    office.send(&["ann@here.test"]).await;
    assert!(office.filed().await.contains("Subject: Hi"));
}

#[tokio::test]
async fn an_expiring_certificate_is_told_once_a_day() {
    let stores = [("soon.here.test", 5), ("late.here.test", 90)]
        .map(|(name, days)| CertStore::from_pem([self_signed([name], days)]).unwrap());
    let mut office = Office::open(9, Settings { certificates: stores.into(), ..settings() }).await;
    let notice = office.filed().await;
    assert!(notice.contains("Subject: The certificate for soon.here.test ends soon"), "{notice}");
    assert!(notice.contains("Auto-Submitted: auto-generated"), "{notice}");

    for _ in 0..3 {
        office.pass(HOUR).await;
        round_trip(&mut office).await;
    }
    assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 4, "looked at every hour, told once");

    office.pass(21 * HOUR).await;
    assert!(office.filed().await.contains("soon.here.test"), "a day later it is still to be replaced");
    round_trip(&mut office).await;
    let mail = office.mail("ann@here.test", "INBOX").await;
    assert_eq!(mail.iter().filter(|text| text.contains("ends soon")).count(), 2);
    assert!(!mail.iter().any(|text| text.contains("late.here.test")));
}
