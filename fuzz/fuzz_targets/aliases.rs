//! The file of aliases of a host.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    aliases::check(&String::from_utf8_lossy(octets));
});

/// The parser alone: with the intake around it come a database and DNS, which the fuzzer would instrument too.
#[path = "."]
mod aliases {
    #[path = "../../crates/rohrpost-intake/src/aliases_file/table.rs"]
    mod table;

    use self::table::{Table, Value, list};

    /// As `aliases_file.rs` has it.
    fn key(name: &str) -> String {
        name.to_lowercase()
    }

    /// What nobody runs or writes to stays a fault, and what is written down again means the same.
    pub fn check(text: &str) {
        let table = Table::parse(text);
        assert!(table.refused().all(|(line, _)| (1..=text.lines().count()).contains(&line)));
        for value in list(text) {
            let written = match &value {
                Value::Name(name) | Value::Final(name) => {
                    assert!(!name.contains(['|', '/', '@', ':', '<', '>']), "{name:?}");
                    continue;
                }
                // Quoted it is an address, unquoted it would be a command or a file.
                Value::Address(address) if address.to_string().starts_with(['|', '/']) => continue,
                Value::Address(address) => address.to_string(),
                Value::Include(path) => format!(":include:{}", path.display()),
                Value::Bad(_) => continue,
            };
            // First in its line, an address that begins with `#` would be a comment.
            let again = Table::parse(&format!("root: ann, {written}"));
            let root = again.entry("ROOT").expect("what was just written is there");
            assert_eq!((root.line, root.values.last()), (1, Some(&value)), "{written:?}");
        }
    }
}
