//! Programs in C, compiled for the test.

use std::{
    ffi::OsStr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Which of the two libraries a program is linked with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Linked {
    Shared,
    Static,
}

/// A program that was compiled, for as long as it is needed.
pub(crate) struct Program {
    directory: TempDir,
    binary: PathBuf,
}

/// How the library answered: the exit code and the JSON.
pub(crate) type Answer = (i32, Value);

impl Program {
    /// Compiles one of `programs` with the shared library.
    pub(crate) fn new(name: &str) -> Self {
        Self::compiled(&source(&format!("tests/it/programs/{name}.c")), "cc", &["-std=c99"], Linked::Shared)
    }

    /// Compiles a file with every warning an error.
    pub(crate) fn compiled(source: &Path, compiler: &str, options: &[&str], linked: Linked) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A program that is started looks for the name with the number, which packages put beside the other one.
        symlink(libraries().join("librohrpost.so"), directory.path().join("librohrpost.so.1")).unwrap();
        let binary = directory.path().join("program");
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]).args(options);
        command.arg("-I").arg(self::source("include")).arg("-o").arg(&binary).arg(source);
        match linked {
            Linked::Shared => command.arg("-L").arg(libraries()).arg("-lrohrpost"),
            Linked::Static => command.arg(libraries().join("librohrpost.a")).args(STATIC_NEEDS),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
        Self { directory, binary }
    }

    /// Runs it.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        self.under::<&str>(&[]).args(arguments).output().unwrap()
    }

    /// Runs it and reads an answer from each line that it prints.
    pub(crate) fn answers<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Vec<Answer> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(answer).collect()
    }

    /// The command that runs it under another program.
    pub(crate) fn under<A: AsRef<OsStr>>(&self, runner: &[A]) -> Command {
        let mut words = runner.iter().map(AsRef::as_ref).chain([self.binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env("LD_LIBRARY_PATH", self.directory.path());
        command
    }
}

/// An answer as `talk` prints it.
pub(crate) fn answer(line: &str) -> Answer {
    let (code, json) = line.split_once(' ').unwrap();
    (code.parse().unwrap(), serde_json::from_str(json).unwrap())
}

/// A file of this crate.
pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where the libraries are: cargo puts them beside the tests.
pub(crate) fn libraries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

/// What the static library needs of the system, as `rustc --print native-static-libs` says it and `rohrpost.pc.in` has it.
const STATIC_NEEDS: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];
