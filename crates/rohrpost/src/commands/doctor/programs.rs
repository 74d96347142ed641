//! The programs of this host that send mail, and the TLS library of each: asked where it says so itself, else read from
//! the program file and the package that the library came with.

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::library::{Family, Library, first_version};

/// How long a program may take to say its version.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Octets of an answer that are read; more is no version.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A program that may be there.
struct Known {
    name: &'static str,
    /// What to ask it for its own version; nothing for a program that would take it for mail.
    version: &'static [&'static str],
    tls: Tls,
    verifies: bool,
}

/// Where its TLS comes from.
enum Tls {
    /// It prints its library when it is called like this.
    Says(&'static [&'static str]),
    /// It is linked with it.
    Linked,
    /// Perl prints it when it is called like this: the program is a script.
    Perl(&'static [&'static str]),
}

/// What Perl's own mail modules need.
const PERL_MODULES: &[&str] = &["-MIO::Socket::SSL", "-MNet::SSLeay", "-e", "print Net::SSLeay::SSLeay_version()"];
/// What swaks needs.
const PERL_BINDING: &[&str] = &["-MNet::SSLeay", "-e", "print Net::SSLeay::SSLeay_version()"];

const KNOWN: &[Known] = &[
    Known { name: "curl", version: &["--version"], tls: Tls::Says(&["--version"]), verifies: true },
    Known { name: "openssl", version: &["version"], tls: Tls::Says(&["version"]), verifies: false },
    Known {
        name: "python3",
        version: &["--version"],
        tls: Tls::Says(&["-c", "import ssl; print(ssl.OPENSSL_VERSION)"]),
        verifies: false,
    },
    Known { name: "perl", version: &["--version"], tls: Tls::Perl(PERL_MODULES), verifies: true },
    Known {
        name: "php",
        version: &["--version"],
        tls: Tls::Says(&["-r", "echo OPENSSL_VERSION_TEXT;"]),
        verifies: true,
    },
    Known { name: "swaks", version: &["--version"], tls: Tls::Perl(PERL_BINDING), verifies: false },
    Known { name: "git-send-email", version: &[], tls: Tls::Perl(PERL_MODULES), verifies: true },
    Known { name: "msmtp", version: &["--version"], tls: Tls::Linked, verifies: true },
    Known { name: "s-nail", version: &["-V"], tls: Tls::Linked, verifies: true },
    Known { name: "mutt", version: &["-v"], tls: Tls::Linked, verifies: true },
    Known { name: "neomutt", version: &["-v"], tls: Tls::Linked, verifies: true },
    Known { name: "sendmail", version: &[], tls: Tls::Linked, verifies: false },
];

/// A program of this host.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Program {
    pub(super) name: String,
    /// The file that is run in the end, behind all links.
    pub(super) path: PathBuf,
    pub(super) version: Option<String>,
    pub(super) library: Option<Library>,
    /// Whether it looks at the server's certificate unless it is told not to.
    pub(super) verifies: bool,
}

impl Program {
    /// This program, which brings its TLS along, under one of its names. On loopback `send` believes anybody, and so
    /// `verifies` nothing.
    pub(super) fn ours(name: &str, path: PathBuf, verifies: bool) -> Self {
        Self {
            name: name.to_owned(),
            path,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            library: Some(Library { family: Family::Rustls, version: None }),
            verifies,
        }
    }
}

/// Those of the known programs that are here.
pub(super) fn on_this_host() -> Vec<Program> {
    KNOWN.iter().filter_map(Known::found).collect()
}

impl Known {
    /// The program, if it is here.
    fn found(&self) -> Option<Program> {
        let path = find(self.name)?;
        if is_ours(&path) {
            return Some(Program::ours(self.name, path, true));
        }
        let library = match self.tls {
            Tls::Says(arguments) => answer(&path, arguments).as_deref().and_then(Library::in_text),
            Tls::Linked => linked(&path),
            Tls::Perl(arguments) => {
                find("perl").and_then(|perl| answer(&perl, arguments)).as_deref().and_then(Library::in_text)
            }
        };
        let asked = (!self.version.is_empty()).then(|| answer(&path, self.version)).flatten();
        let version = asked.as_deref().and_then(first_version);
        Some(Program { name: self.name.to_owned(), path, version, library, verifies: self.verifies })
    }
}

/// Whether a link of that name has led to Rohrpost.
fn is_ours(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "rohrpost")
}

/// Where a program lies: in the folders of PATH, and in those that users often lack.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/lib", "/usr/lib/git-core", "/usr/local/libexec/git-core"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).map(|file| file.canonicalize().unwrap_or(file))
}

/// What a program prints, on either output; nothing when it fails or takes too long.
fn answer(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let output = child.stdout.take().expect("it was asked for");
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        output.take(ANSWER_BYTES_MAX).read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    });
    let deadline = Instant::now() + ANSWER_TIME_MAX;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                // It is stopped for being slow; that it may have ended just now is no fault.
                let _ = child.kill();
                break child.wait().ok()?;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = reader.join().ok()??;
    status.success().then_some(text)
}

/// The TLS library that a program file names, with the release of the package it came with.
fn linked(program: &Path) -> Option<Library> {
    let file = fs::read(program).ok()?;
    let needed = goblin::elf::Elf::parse(&file).ok()?.libraries;
    let (name, family) = needed.iter().find_map(|name| Some((*name, Family::of_file(name)?)))?;
    let version = library_file(name).and_then(|file| package_version(&file)).or_else(|| soname_version(family, name));
    Some(Library { family, version })
}

/// Where the loader finds a library, in the usual places.
fn library_file(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/lib", "/lib", "/usr/local/lib", "/usr/lib64"].map(PathBuf::from);
    let below = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let multiarch = below.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    let all: Vec<PathBuf> = folders.iter().cloned().chain(multiarch).collect();
    all.iter()
        .map(|folder| folder.join(name))
        .find(|file| file.exists())
        .map(|file| file.canonicalize().unwrap_or(file))
}

/// The release of the Debian package that a file belongs to. The file may be known by its path from before `/usr` was
/// merged.
fn package_version(file: &Path) -> Option<String> {
    let query = find("dpkg-query")?;
    let path = file.to_string_lossy();
    let owner = [&*path, path.strip_prefix("/usr").unwrap_or(&path)]
        .iter()
        .find_map(|path| answer(&query, &["--search", path]))?;
    let package = owner.split(": ").next()?.to_owned();
    answer(&query, &["--showformat=${Version}", "--show", &package])
}

/// OpenSSL's file name begins with its version; those of others count by themselves.
fn soname_version(family: Family, name: &str) -> Option<String> {
    let version = name.split_once(".so.")?.1;
    (family == Family::OpenSsl).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_answer_in_time_or_fails_has_said_nothing() {
        let shell = find("sh").expect("every host has a shell");
        assert_eq!(answer(&shell, &["-c", "echo 1.2.3"]).as_deref(), Some("1.2.3\n"));
        assert_eq!(answer(&shell, &["-c", "echo 1.2.3; exit 1"]), None);
        assert_eq!(answer(Path::new("/no/such/program"), &[]), None);
    }

    #[test]
    fn a_link_to_rohrpost_has_the_tls_of_rohrpost() {
        assert!(is_ours(Path::new("/usr/bin/rohrpost")) && !is_ours(Path::new("/usr/bin/msmtp")));
        let sendmail = Program::ours("sendmail", "/usr/bin/rohrpost".into(), true);
        assert_eq!(sendmail.library.unwrap().speaks(), [Some(true); 2]);
    }

    #[test]
    fn the_library_of_a_linked_program_is_found_with_its_release() {
        // `cargo xtask programs` installs it: Debian links it with GnuTLS.
        let msmtp = find("msmtp").expect("msmtp is there: `cargo xtask programs` installs it");
        let library = linked(&msmtp).expect("it does TLS");
        assert_eq!(library.family, Family::GnuTls);
        assert_eq!(library.speaks()[0], Some(true), "{library}");
        assert_eq!(linked(&find("true").expect("every host has it")), None);
    }
}
