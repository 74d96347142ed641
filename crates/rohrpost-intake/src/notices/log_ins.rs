//! Who is told of guessed passwords: the log at each lock, the owner of a locked account once a day, and the operator once a
//! day, with figures. What was tried is told to nobody.

mod text;

use std::time::Duration;

use jiff::Timestamp;
use rohrpost_queue::schedule::age;
use rohrpost_store::{Account, StoreError};

use super::send;
use crate::{
    Intake,
    guessing::{Guesser, Lock},
    limits::{LOCKS_GATHERED_FOR, LOCKS_TOLD_EVERY},
};

/// The kind of the operator's notice; that of an owner has the login behind it.
const KIND: &str = "log-ins";

/// Tells of doors that failures of `user` have just closed. Runs beside the session.
pub(crate) fn locked(intake: &Intake, user: &str, locks: Vec<Lock>) {
    let (intake, user) = (intake.clone(), user.to_owned());
    tokio::spawn(async move {
        if let Err(error) = tell(&intake, &user, &locks).await {
            tracing::error!(%error, "a notice about guessed passwords could not be stored");
        }
    });
}

async fn tell(intake: &Intake, user: &str, locks: &[Lock]) -> Result<(), StoreError> {
    let _telling = intake.log_in_figures().telling.lock().await;
    let account = intake.store().account_for_log_in(user).await?;
    for lock in locks {
        log(lock, account.as_ref());
    }
    let of_account = locks.iter().find(|lock| !matches!(lock.guesser, Guesser::Network(_)));
    if let (Some(lock), Some(account)) = (of_account, &account) {
        intake.log_in_figures().count_lock(&account.login);
        tell_owner(intake, account, lock, Timestamp::now()).await?;
    }
    gather(intake).await
}

fn log(Lock { guesser, lasts }: &Lock, account: Option<&Account>) {
    let minutes = lasts.as_secs() / 60;
    match (guesser, account) {
        (Guesser::Network(network), _) => {
            tracing::warn!(%network, minutes, "too many wrong passwords: an address or network is locked out");
        }
        (Guesser::Account(_), Some(Account { login, .. })) => {
            tracing::warn!(account = login, minutes, "too many wrong passwords: an account is locked for strangers");
        }
        (Guesser::Pair(_, network), Some(Account { login, .. })) => {
            tracing::warn!(account = login, %network, minutes, "too many wrong passwords: an account is locked");
        }
        // Nobody has this name, so nobody is locked out.
        (Guesser::Account(_) | Guesser::Pair(..), None) => {}
    }
}

/// In redirect mode nobody but the operator gets mail of ours.
async fn tell_owner(intake: &Intake, account: &Account, lock: &Lock, now: Timestamp) -> Result<(), StoreError> {
    let (config, kind) = (intake.config(), format!("{KIND} {}", account.login));
    let owner = account.addresses.first().filter(|_| config.settings.redirect_all_to.is_none());
    let Some(owner) = owner else { return Ok(()) };
    if !until_due(intake.store().notice_told_at(&kind).await?, now).is_zero() {
        return Ok(());
    }
    let language = account.language.parse().unwrap_or(config.settings.language);
    let (subject, text) = text::owner(language, &account.login, lock);
    send(intake, vec![owner.clone()], &subject, text).await?;
    intake.store().notice_told(&kind, now).await
}

/// Sees to it that the operator is told: in a while, or when a day is over since the last time.
async fn gather(intake: &Intake) -> Result<(), StoreError> {
    let last = intake.store().notice_told_at(KIND).await?;
    if !intake.log_in_figures().begin() {
        return Ok(());
    }
    let (waits, weak) = (until_due(last, Timestamp::now()).max(LOCKS_GATHERED_FOR), intake.downgrade());
    tokio::spawn(async move {
        tokio::time::sleep(waits).await;
        let Some(intake) = weak.upgrade() else { return };
        if let Err(error) = tell_operator(&intake, Timestamp::now()).await {
            tracing::error!(%error, "the notice about guessed passwords could not be stored");
        }
    });
    Ok(())
}

async fn tell_operator(intake: &Intake, now: Timestamp) -> Result<(), StoreError> {
    let (config, summary) = (intake.config(), intake.log_in_figures().take(now));
    let settings = &config.settings;
    let to = settings.notices_to.as_ref().unwrap_or(&settings.postmaster).clone();
    let (subject, text) = text::operator(settings.language, &settings.host_name.to_string(), &summary);
    send(intake, vec![to], &subject, text).await?;
    intake.store().notice_told(KIND, now).await
}

/// How long until the next notice may be. A last one that is still to come says that the clock was set back.
fn until_due(last: Option<Timestamp>, now: Timestamp) -> Duration {
    let last = last.filter(|last| *last <= now);
    last.map_or(Duration::ZERO, |last| LOCKS_TOLD_EVERY.saturating_sub(age(last, now)))
}

#[cfg(test)]
mod tests;
