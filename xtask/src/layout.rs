//! Which functions short commands run: traces some and writes their names for `crates/rohrpost/build.rs`.
//!
//! To be run when the memory or the time of a cold `send` has grown for no other reason: code moves on, and the list only
//! loses its effect by and by.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{programs, shell};

const HEAD: &str = "# Written by `cargo xtask layout`: the functions that short commands run. See build.rs.\n";

/// Builds the program with the names of its functions, traces it, writes the list.
pub(crate) fn run() -> Result<()> {
    programs::provide()?;
    let mut build = shell::cargo();
    build.args(["rustc", "--locked", "--profile", "dist", "--package", "rohrpost", "--bin", "rohrpost"]);
    shell::run(build.args(["--", "-C", "strip=none"]).env("ROHRPOST_NO_LAYOUT", "1"))?;
    let program = shell::target().join("dist/rohrpost");
    let folder = shell::target().join("layout");
    std::fs::create_dir_all(&folder)?;
    let server = Server::start(&program, &folder.join("server"))?;
    let mut names = BTreeSet::new();
    for (number, Traced { line, environment }) in server.commands().into_iter().enumerate() {
        let trace = folder.join(format!("trace.{number}"));
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--tool=callgrind", "--demangle=no"]).envs(environment);
        valgrind.arg(format!("--callgrind-out-file={}", trace.display())).arg(&program).args(line.split_whitespace());
        shell::run(valgrind.stdin(Stdio::null()).stdout(Stdio::null()))?;
        names.extend(functions(&std::fs::read_to_string(&trace)?, &program));
    }
    let file = shell::root().join("crates/rohrpost/layout.txt");
    let list = names.iter().fold(HEAD.to_owned(), |list, name| list + name + "\n");
    std::fs::write(&file, list).with_context(|| file.display().to_string())
}

/// What `demo --json` prints.
#[derive(Deserialize)]
struct Ready {
    smtp: String,
    submission: String,
    submissions: String,
    ca: String,
    user: String,
    password: String,
    dir: PathBuf,
}

/// A command that is traced.
struct Traced {
    /// What it is told.
    line: String,
    /// A variable that it finds in its environment.
    environment: Option<(&'static str, String)>,
}

/// A server to send to; it ends with its value.
struct Server {
    process: Child,
    ready: Ready,
}

impl Server {
    fn start(program: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["demo", "--json", "--hold", "--dir"]).arg(dir).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        let ready = serde_json::from_str(&line).with_context(|| format!("demo --json printed {line:?}"))?;
        Ok(Self { process, ready })
    }

    /// Every form of TLS, with and without a log-in, and the hand-off.
    fn commands(&self) -> [Traced; 6] {
        let Ready { smtp, submission, submissions, ca, user, password, dir } = &self.ready;
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let (smtp, submission, submissions) = (port(smtp), port(submission), port(submissions));
        let letter = format!("send --from {user} --to sink@there.test --subject trace");
        let secret = || Some(("ROHRPOST_PASSWORD", password.clone()));
        let settings = dir.join("rohrpost.toml").display().to_string();
        let msmtp = format!("msmtp --host=localhost --port={smtp} --from={user} --tls=on --tls-certcheck=off");
        [
            (format!("{letter} --server smtp://127.0.0.1:{smtp}?tls=off"), None),
            (format!("{letter} --server smtp://localhost:{smtp} --tls starttls --trust any"), None),
            (format!("{letter} --server smtp://localhost:{submission} --user {user} --ca {ca}"), secret()),
            (format!("{letter} --server smtps://localhost:{submissions} --user {user} --ca {ca}"), secret()),
            (format!("sendmail -i -f {user} sink@there.test"), Some(("ROHRPOST_CONFIG", settings))),
            (format!("{msmtp} sink@there.test"), None),
        ]
        .map(|(line, environment)| Traced { line, environment })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // All that matters has been traced.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Patterns for the names of the functions that ran. callgrind gives each file and function a number and says its name
/// where it comes first; `ob` is the file of the functions that follow, `cob` and `cfn` are those that are called.
fn functions(trace: &str, program: &Path) -> BTreeSet<String> {
    let (mut objects, mut names) = (std::collections::HashMap::new(), std::collections::HashMap::new());
    let (mut inside, mut ran) = (false, BTreeSet::new());
    for line in trace.lines() {
        let Some((word, rest)) = line.split_once("=(") else { continue };
        let Some((number, name)) = rest.split_once(')') else { continue };
        let known = if word.ends_with("ob") { &mut objects } else { &mut names };
        if !name.is_empty() && ["ob", "cob", "fn", "cfn"].contains(&word) {
            known.insert(number, name.trim());
        }
        match word {
            "ob" => inside = objects.get(number).is_some_and(|file| Path::new(file) == program),
            "fn" if inside => ran.extend(names.get(number).filter(|name| is_name(name)).map(|name| pattern(name))),
            _ => {}
        }
    }
    ran
}

/// Where a function has none, callgrind tells its address.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// The name with stars for what changes from build to build: hashes of functions and crates, the numbers of private
/// functions, the version of aws-lc.
fn pattern(name: &str) -> String {
    if let Some((function, number)) = name.rsplit_once('.')
        && number.bytes().all(|octet| octet.is_ascii_digit())
        && function.starts_with("_R")
    {
        return without_crate_hashes(function) + ".*";
    }
    if let Some((path, hash)) = name.rsplit_once("17h")
        && hash.get(..16).is_some_and(|hash| hash.bytes().all(|octet| octet.is_ascii_hexdigit()))
    {
        return format!("{path}17h*");
    }
    match name.strip_prefix("aws_lc_") {
        Some(versioned) => {
            let rest = versioned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
            format!("aws_lc_*{rest}")
        }
        None => without_crate_hashes(name),
    }
}

/// The newer mangling has `Cs`, a hash and `_` before the name of a crate (RFC 2603 of Rust).
fn without_crate_hashes(name: &str) -> String {
    let mut parts = name.split("Cs");
    let mut pattern = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('_') {
            Some((hash, rest)) if hash.len() > 8 && hash.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {
                pattern += "Cs*_";
                pattern += rest;
            }
            _ => {
                pattern += "Cs";
                pattern += part;
            }
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_build_to_build_becomes_a_star() {
        let names = [
            ("_ZN4here3run17h0123456789abcdefE", "_ZN4here3run17h*"),
            ("aws_lc_0_47_0_EVP_sha256", "aws_lc_*EVP_sha256"),
            ("_RNvNtCs6d7GoaNTBIz_10std_detect6detect", "_RNvNtCs*_10std_detect6detect"),
            ("_RNvNtCs6d7GoaNTBIz_4core7xgetbv.19491", "_RNvNtCs*_4core7xgetbv.*"),
            ("x25519_Cs_key", "x25519_Cs_key"),
        ];
        for (name, expected) in names {
            assert_eq!(pattern(name), expected);
        }
    }

    #[test]
    fn only_functions_of_the_program_are_listed() {
        let trace = "ob=(1) /lib/libc.so.6\nfn=(1) malloc\n0x1 1 1\ncob=(2) /x/rohrpost\ncfn=(2) called_only\n\
                     ob=(2)\nfl=(7) main.rs\nfn=(3) main\n0x2 1 1\nfn=(2)\n0x3 1 1\nfn=(5) 0x0000000000001100\nob=(1)\nfn=(4) free\n";
        let listed: Vec<String> = functions(trace, Path::new("/x/rohrpost")).into_iter().collect();
        assert_eq!(listed, ["called_only", "main"]);
    }
}
