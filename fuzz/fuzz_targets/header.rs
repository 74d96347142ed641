//! The header of a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_mail::header::{HeaderText, count, fields, split, without};

fuzz_target!(|message: &[u8]| {
    let (header, body) = split(message);
    assert!(message.starts_with(header) && message.ends_with(body));
    assert!(message.len() - header.len() - body.len() <= 2, "an empty line, or nothing, is between them");

    let joined: Vec<u8> = fields(header).flat_map(|field| field.raw).copied().collect();
    assert_eq!(joined, header);
    for field in fields(header) {
        assert!(!field.name.is_empty() && field.name.iter().all(u8::is_ascii_graphic));
        assert!(!field.unfolded().contains(['\r', '\n']));
        let _ = HeaderText::new(field.unfolded());
    }

    let kept = without(header, |field| field.is("Received"));
    assert_eq!(count(&kept, "Received"), 0);
    assert_eq!(fields(&kept).count() + count(header, "Received"), fields(header).count());
});
