//! The name of a file that travels in a part.

use super::{content::Content, fields::Fields};

/// Characters of a name. File systems have no longer ones.
const CHARS_MAX: usize = 255;
/// Characters of the end of a name, behind its last dot, that are kept when the name is cut.
const EXTENSION_CHARS_MAX: usize = 16;

/// The one name by which a file is shown, found and judged, from the header of its part; none if it has no name.
///
/// Whatever way it was written, decoded (RFC 2231, and the encoded words that may not stand there but do): without the
/// folders of its sender, without control characters and marks that turn the direction of writing, without the dots and
/// blanks at its end that some systems drop.
///
/// ```
/// use rohrpost_mail::mime::file_name;
///
/// let header = b"Content-Disposition: attachment; filename*=utf-8''C:%5CGr%C3%BC%C3%9Fe.exe.\r\n\r\n";
/// assert_eq!(file_name(header).as_deref(), Some("Grüße.exe"));
/// ```
pub fn file_name(header: &[u8]) -> Option<String> {
    let content = Content::of(&Fields::of(header), false);
    let disposition = content.disposition.as_ref().and_then(|(_, parameters)| parameters.decoded("filename"));
    let written = disposition.or_else(|| content.parameters.decoded("name"))?;
    let cleaned: String = written.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    let own = cleaned.rsplit(['/', '\\']).next().unwrap_or_default().trim_start();
    let name = cut(own.trim_end_matches(|c: char| c == '.' || c.is_whitespace()));
    (!name.is_empty()).then_some(name)
}

/// Whether a character changes the direction in which those around it are shown, or has no width.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A name that is too long loses letters before its last dot.
fn cut(name: &str) -> String {
    let chars = name.chars().count();
    if chars <= CHARS_MAX {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension_chars = extension.chars().count();
    if extension_chars > EXTENSION_CHARS_MAX {
        return name.chars().take(CHARS_MAX).collect();
    }
    name.chars().take(CHARS_MAX - extension_chars).chain(extension.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h04_one_name_however_it_is_written() {
        let name = |field: &str| file_name(format!("{field}\r\n").as_bytes()).unwrap_or_default();
        for written in [
            "filename=\"Grüße.exe\"",
            "filename=\"=?utf-8?q?Gr=C3=BC=C3=9Fe=2Eexe?=\"",
            "filename==?utf-8?b?R3LDvMOfZS5leGU=?=",
            "filename*=utf-8''Gr%C3%BC%C3%9Fe.exe",
            "filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe; filename*2=.exe",
            "filename*1=\"ße.exe\"; filename*0=\"Grü\"",
            "filename=harmless.txt; filename*=iso-8859-1''Gr%FC%DFe.exe",
            "filename=\"..\\\\..\\\\Grüße.exe\"",
            "filename=\"../../Grüße.exe . .\"",
            "filename=\"Gr\u{202e}üße\0.exe\"",
        ] {
            assert_eq!(name(&format!("Content-Disposition: attachment; {written}")), "Grüße.exe", "{written}");
        }
        assert_eq!(name("Content-Type: image/png; name=a.png"), "a.png");
        assert_eq!(name("Content-Type: image/png"), "");
        assert_eq!(name("Content-Disposition: attachment; filename=.."), "");
    }

    #[test]
    fn h04_a_name_of_four_kilobytes_keeps_its_ending() {
        let name = file_name(format!("Content-Type: x/y; name={}.exe\r\n", "a".repeat(4096)).as_bytes()).unwrap();
        assert_eq!(name.chars().count(), CHARS_MAX);
        assert!(name.ends_with("a.exe"));
        let endless = file_name(format!("Content-Type: x/y; name=a.{}\r\n", "b".repeat(4096)).as_bytes()).unwrap();
        assert_eq!(endless.chars().count(), CHARS_MAX);
    }
}
