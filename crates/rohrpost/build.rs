//! Lays what short commands run side by side in the program.
//!
//! `send` or `sendmail` uses a tenth of the program and ends after a few milliseconds. Where that tenth is spread over the
//! whole, most of the whole comes into memory, since the kernel maps the surroundings of every page that is touched. So the
//! functions that [`LIST`] names become one section: a third less memory, an eighth less time. `cargo xtask layout` writes
//! the list from a trace. A name that nothing bears any more does no harm, and a function that is missing only lies elsewhere.

use std::{env, fs, path::Path};

/// A pattern for the names of functions on each line. Lines that begin with `#` are for readers.
const LIST: &str = "layout.txt";
/// Set to anything it leaves everything where it is: valgrind knows no functions outside of `.text`.
const OFF: &str = "ROHRPOST_NO_LAYOUT";

fn main() {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-env-changed={OFF}");
    let variable = |name| env::var(name).unwrap_or_default();
    // Linkers of other systems have no such scripts, and a program for tests is linked often.
    let is_shipped = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("PROFILE") == "release";
    if !is_shipped || !variable(OFF).is_empty() {
        return;
    }
    let list = fs::read_to_string(LIST).expect("the list lies beside this file");
    let mut script = String::from("SECTIONS {\n  .text.commands : {\n");
    for name in list.lines().filter(|line| !line.starts_with('#')) {
        script += &format!("    *(.text.{name} .text.unlikely.{name})\n");
    }
    script += "  }\n}\nINSERT BEFORE .text;\n";
    let file = Path::new(&variable("OUT_DIR")).join("layout.ld");
    fs::write(&file, script).expect("cargo has made the directory");
    println!("cargo::rustc-link-arg-bin=rohrpost=-Wl,-T,{}", file.display());
}
