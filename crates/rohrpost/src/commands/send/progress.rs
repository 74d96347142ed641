//! A bar that shows how much of a large message has gone, where somebody looks.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use rohrpost_sender::{Mail, Source};

/// Octets below which a message is gone before anybody could read a bar.
const OCTETS_MIN: u64 = 1 << 20;

/// A message, and the bar that shows how much of it has been read.
pub(super) struct Watched {
    mail: Mail,
    bar: Option<ProgressBar>,
}

impl Watched {
    /// With a bar on standard error where that is a terminal and the message is large.
    pub(super) fn new(mail: &Mail) -> Self {
        if mail.octets() > OCTETS_MIN && io::stderr().is_terminal() {
            Self::by(mail, ProgressBar::new(mail.octets()))
        } else {
            Self { mail: mail.clone(), bar: None }
        }
    }

    /// The same message, read past the bar. Each server that it is sent to starts it anew.
    fn by(mail: &Mail, bar: ProgressBar) -> Self {
        let style =
            ProgressStyle::with_template("{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {wide_bar:.cyan}");
        bar.set_style(style.expect("the template is well formed"));
        let (whole, shown) = (mail.clone(), bar.clone());
        let open = move || {
            shown.set_position(0);
            Ok(shown.wrap_read(whole.reader()))
        };
        let source = Source::reader(mail.octets(), open);
        let mail = Mail::raw(mail.envelope().clone(), mail.recipients().to_vec(), source);
        Self { mail, bar: Some(bar) }
    }

    /// What to send.
    pub(super) fn mail(&self) -> &Mail {
        &self.mail
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_message_is_the_same_message_and_moves_the_bar_each_time() {
        let built = Mail::new().from("ann@here.test").to("bob@there.test").text("x".repeat(100_000)).build().unwrap();
        let bar = ProgressBar::hidden();
        bar.set_length(built.octets());
        let watched = Watched::by(&built, bar.clone());
        for _ in 0..2 {
            let mut read = Vec::new();
            io::Read::read_to_end(&mut watched.mail().reader(), &mut read).unwrap();
            assert_eq!(read, io::read_to_string(built.reader()).unwrap().into_bytes());
            assert_eq!(bar.position(), built.octets());
        }
        assert_eq!(watched.mail().envelope(), built.envelope());
        assert_eq!(watched.mail().recipients(), built.recipients());
    }
}
