//! Line ends of a message: CRLF in the store, LF alone in files of this system.

/// Turns each CRLF into LF. A CR that stands alone stays.
#[derive(Debug, Default)]
pub(super) struct LocalLines {
    /// A CR whose LF may still come.
    cr: bool,
}

impl LocalLines {
    /// Takes the next octets.
    pub(super) fn push(&mut self, mut octets: &[u8], local: &mut Vec<u8>) {
        if self.cr && !octets.is_empty() {
            if octets[0] != b'\n' {
                local.push(b'\r');
            }
            self.cr = false;
        }
        while let Some(at) = memchr::memchr(b'\r', octets) {
            local.extend_from_slice(&octets[..at]);
            match octets.get(at + 1) {
                Some(b'\n') => {}
                Some(_) => local.push(b'\r'),
                None => self.cr = true,
            }
            octets = &octets[at + 1..];
        }
        local.extend_from_slice(octets);
    }

    /// The message ends.
    pub(super) fn finish(&mut self, local: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            local.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_change_however_the_octets_come() {
        let text = b"One\r\nTwo\rThree\r\r\n\r\nFour\r";
        for portion in 1..=text.len() {
            let (mut lines, mut local) = (LocalLines::default(), Vec::new());
            text.chunks(portion).for_each(|octets| lines.push(octets, &mut local));
            lines.finish(&mut local);
            assert_eq!(local, b"One\nTwo\rThree\r\n\nFour\r", "{portion}");
        }
    }
}
