use std::io::Write;

use super::*;

fn table(ending: &str, content: &[u8]) -> Table {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(content).unwrap();
    Table::open(file.path()).unwrap()
}

/// Each row: its line, and its values as JSON or what is wrong with it.
fn read(ending: &str, content: &[u8]) -> Vec<String> {
    let row = |(line, values): (u64, Result<Values, RowFault>)| match values {
        Ok(values) => format!("{line}: {}", Value::from(values)),
        Err(fault) => format!("{line}! {fault}"),
    };
    table(ending, content).rows().unwrap().map(row).collect()
}

#[test]
fn csv_may_have_a_byte_order_mark_other_separators_and_lines_within_fields() {
    let rows = read(".csv", "\u{feff}name;email\r\n\"Müller; Bob\";b@x.test\r\n\r\n\"two\nlines\";c@x.test\r\n5\" pipe;d@x.test\n\"a\"\"\n\";e@x.test".as_bytes());
    assert_eq!(
        rows,
        [
            r#"2: {"email":"b@x.test","name":"Müller; Bob"}"#,
            r#"4: {"email":"c@x.test","name":"two\nlines"}"#,
            r#"6: {"email":"d@x.test","name":"5\" pipe"}"#,
            r#"7: {"email":"e@x.test","name":"a\"\n"}"#
        ]
    );
    assert_eq!(read(".tsv", b"a\tb\n1\t2\n"), [r#"2: {"a":"1","b":"2"}"#]);
    assert_eq!(read(".csv", b"email\nb@x.test\n"), [r#"2: {"email":"b@x.test"}"#]);
}

#[test]
fn each_faulty_row_is_named_by_its_line_and_the_others_still_come() {
    let rows = read(".csv", b"a,b\n1\n1,2\n1,2,3\n1,\x07\n\xff,2\n");
    let faults = "2! 1 fields, where the first line names 2\n3: {\"a\":\"1\",\"b\":\"2\"}\n\
                  4! 3 fields, where the first line names 2\n5! b: a control character\n6! a: not in UTF-8";
    assert_eq!(rows.join("\n"), faults);
    let rows = read(".jsonl", b"{\"a\": 1, \"b\": null}\n\n[]\n{\"a\": \"\\u0007\"}\nx\n");
    let faults =
        "1: {\"a\":1}\n3! no JSON object\n4! a: a control character\n5! no JSON: expected value at line 1 column 1";
    assert_eq!(rows.join("\n"), faults);
}

#[test]
fn a_quotation_mark_left_open_takes_no_row_behind_it_along_in_silence() {
    assert_eq!(read(".csv", b"a,b\n1,\"A\n2,B\n"), ["2! a quotation mark is never closed"]);
    let rows = read(".csv", b"a,b\n1,\"A\n2,\"B\"\n3,\"C\" \r\n4,D\"E\"F\n");
    let faults = "2! text behind a quotation mark that closes; was the one before it left open?\n\
                  4: {\"a\":\"3\",\"b\":\"C \"}\n5: {\"a\":\"4\",\"b\":\"D\\\"E\\\"F\"}";
    assert_eq!(rows.join("\n"), faults);
}

#[test]
fn names_of_columns_are_there_once_and_are_names() {
    for first in ["a,a", "a,,b", "a,\x07"] {
        assert!(table(".csv", format!("{first}\n1,2\n").as_bytes()).rows().is_err(), "{first:?}");
    }
}

#[test]
fn a_quotation_mark_left_open_does_not_bring_the_file_into_memory() {
    let long = usize::try_from(ROW_BYTES_MAX).unwrap() * 3;
    for (ending, start) in [(".csv", "a\n\""), (".jsonl", "{\"a\":\"")] {
        let content = [start.as_bytes(), &vec![b'x'; long]].concat();
        let rows = read(ending, &content);
        assert!(rows[0].contains("is a quotation mark left open?"), "{ending}: {rows:?}");
    }
}

#[test]
fn rows_can_be_read_again_and_many_long_rows_are_none_too_long() {
    let row = format!("{}\n", "x".repeat(600_000));
    let table = table(".csv", ["a\n", &row, &row, &row].concat().as_bytes());
    for _ in 0..2 {
        assert_eq!(table.rows().unwrap().filter(|(_, row)| row.is_ok()).count(), 3);
    }
}

#[test]
fn the_fingerprint_is_that_of_all_octets_and_of_the_letter() {
    let digest = |content: &[u8], letter: &[u8]| table(".csv", content).digest(letter).unwrap();
    let long = vec![b'x'; 3 * READ_BYTES];
    let mut other = long.clone();
    other[2 * READ_BYTES + 1] = b'y';
    assert_eq!(digest(&long, b"letter"), digest(&long, b"letter"));
    assert_ne!(digest(&long, b"letter"), digest(&other, b"letter"));
    assert_ne!(digest(&long, b"letter"), digest(&long, b"another"));
}
