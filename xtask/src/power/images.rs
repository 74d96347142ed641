//! The disk is rebuilt as a power cut could have left it, at many moments and in every way, and opened.

use std::path::Path;

use anyhow::{Context, Result};

use super::client::Acknowledged;
use super::disk::{Cut, Disk};
use super::kill::Dice;
use super::recording::Recording;
use super::stored::Stored;

/// Moments at which the power is cut; each is played in every way.
const MOMENTS: usize = 24;

/// Checks all images.
pub(crate) fn run(recording: &Recording) -> Result<String> {
    let dir = super::directory("image")?;
    let answers = answered(recording)?;
    let first = answers.first().map_or(0, |(place, _)| *place);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let events = &recording.events;
    let from = events.iter().position(|event| event.end >= first).context("nothing was answered")?;
    let step = ((events.len() - from) / MOMENTS).max(1);
    let (mut disk, mut images) = (Disk::default(), 0);
    for (number, event) in events.iter().enumerate() {
        disk.play(event);
        // The moment lies somewhere within each step, not always at its end.
        let moment = number >= from && (number - from) % step == dice_at(number / step, step);
        if !moment && number + 1 < events.len() {
            continue;
        }
        let promised = answers.iter().take_while(|(place, _)| *place <= event.end).map(|(_, message)| *message);
        let promised: Vec<_> = promised.collect();
        for cut in Cut::ALL {
            disk.write(cut, &mut dice, &recording.dir, &dir)?;
            check(&dir, &promised).with_context(|| format!("power cut after event {number}, unsynced: {cut:?}"))?;
            std::fs::remove_dir_all(&dir)?;
            std::fs::create_dir(&dir)?;
            images += 1;
        }
    }
    std::fs::remove_dir_all(dir)?;
    Ok(format!("{images} images of {} calls, {} messages, nothing lost", events.len(), answers.len()))
}

/// A place within a step that differs from step to step.
fn dice_at(number: usize, step: usize) -> usize {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d ^ number as u64);
    dice.roll(1 << 20);
    usize::try_from(dice.roll(step as u64)).expect("a step is short")
}

/// When each 250 began to be sent, in the order of time.
fn answered(recording: &Recording) -> Result<Vec<(usize, &Acknowledged)>> {
    let mut answers = Vec::new();
    for message in &recording.acknowledged {
        let answer =
            recording.answer(&message.id).with_context(|| format!("no 250 was recorded for {}", message.id))?;
        answers.push((answer.start, message));
    }
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers)
}

fn check(dir: &Path, promised: &[&Acknowledged]) -> Result<()> {
    let stored = Stored::open(dir)?;
    promised.iter().try_for_each(|message| stored.check(message))?;
    stored.check_all()
}
