//! Random text for passwords and message ids.

use rohrpost_tls::crypto;

/// No two that look alike.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Twenty letters and digits in groups of five: 100 bits.
pub(crate) fn text() -> String {
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let letters: Vec<_> = crypto::random::<20>().iter().map(letter).collect();
    letters.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_texts_differ_and_have_four_groups() {
        let (one, other) = (super::text(), super::text());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
    }
}
