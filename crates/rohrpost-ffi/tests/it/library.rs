//! The libraries as files: what they export, how they are called, and whether their manual knows all that they take.

use std::{fs, process::Command};

use crate::program::{Program, libraries, source};

const FUNCTIONS: [&str; 4] = ["rohrpost_close", "rohrpost_open", "rohrpost_result", "rohrpost_send"];

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_shared_library_exports_the_four_functions_and_nothing_else() {
    let library = libraries().join("librohrpost.so");
    let listed = output("nm", &["--dynamic", "--defined-only", "--format=posix", library.to_str().unwrap()]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, FUNCTIONS);
}

#[test]
fn the_header_the_name_and_the_pkg_config_file_agree_on_the_library() {
    let library = libraries().join("librohrpost.so");
    let dynamic = output("readelf", &["--dynamic", library.to_str().unwrap()]);
    assert!(dynamic.contains("Library soname: [librohrpost.so.1]"), "{dynamic}");
    let header = fs::read_to_string(source("include/rohrpost.h")).unwrap();
    assert!(header.contains("#define ROHRPOST_ABI 1\n"));
    let declared = header.lines().filter(|line| line.ends_with(");") && !line.starts_with(' ')).count();
    assert_eq!(declared, FUNCTIONS.len());
    let settings = r#"{"abi": 1, "server": ["smtp://a.test", "smtps://b.test"]}"#;
    let (code, ready) = Program::new("talk").answers(&[settings]).remove(0);
    let expected =
        serde_json::json!({"abi": 1, "version": env!("CARGO_PKG_VERSION"), "servers": ["a.test:25", "b.test:465"]});
    assert_eq!((code, ready), (0, expected));
    let package = fs::read_to_string(source("rohrpost.pc.in")).unwrap();
    assert!(package.contains("-lgcc_s -lutil -lrt -lpthread -lm -ldl\n"), "what program.rs links statically");
}

/// An unknown member is answered with the names of all that there are.
#[test]
fn the_manual_names_every_member() {
    let manual = fs::read_to_string(source("../../docs/c-api.md")).unwrap();
    let asked = [
        r#"{"abi": 1, "?": 0}"#,
        r#"{"abi": 1, "server": {"?": 0}}"#,
        r#"{"abi": 1, "dkim_key": [{"?": 0}]}"#,
        r#"{"?": 0}"#,
        r#"{"attach": {"?": 0}}"#,
        r#"{"inline": [{"?": 0}]}"#,
        r#"{"to": {"?": 0}}"#,
        r#"{"header": [{"?": 0}]}"#,
    ];
    let mut named = 0;
    for (place, asked) in asked.into_iter().enumerate() {
        let settings = if place < 3 { asked } else { r#"{"abi": 1, "server": "smtp://a.test"}"# };
        let answers = Program::new("talk").answers(&[settings, asked]);
        let error = answers[usize::from(place >= 3)].1["error"].as_str().unwrap();
        let (_, expected) = error.split_once("expected ").unwrap();
        for name in expected.split('`').skip(1).step_by(2) {
            assert!(manual.contains(&format!("`{name}`")), "docs/c-api.md does not name {name}: {error}");
            named += 1;
        }
    }
    assert!(named > 40, "{named}");
}
