//! The programs that the tests drive: which, from which Debian package, and what for.
//!
//! This is the one list of them. Ordinary programs are installed when we may; mail servers never are, since installing
//! one would replace the host's: [`crate::peers`] unpacks those side by side.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{apt, peers, shell};

/// What we need from the host.
struct Program {
    /// How to see that it is there.
    probe: Probe,
    /// The Debian package that has it.
    package: &'static str,
    /// What it is used for.
    why: &'static str,
}

/// How to see that a program is there.
enum Probe {
    /// A file of that name in `PATH`.
    Command(&'static str),
    /// A Perl module, since swaks finds those only when it needs them.
    Perl(&'static str),
    /// A file, for what is called by another program.
    File(&'static str),
    /// A command of git that Debian has in a package of its own.
    GitSendEmail,
}

/// Everything that is installed on the host when it is missing.
const PROGRAMS: &[Program] = &[
    Program {
        probe: Probe::Command("unshare"),
        package: "util-linux",
        why: "gives each mail server an /etc of its own",
    },
    Program { probe: Probe::Command("mount"), package: "mount", why: "lays that /etc over the host's" },
    Program {
        probe: Probe::Command("prlimit"),
        package: "util-linux",
        why: "limits what the power proof's server may write",
    },
    Program { probe: Probe::Command("strace"), package: "strace", why: "records writes and syncs, injects errors" },
    Program { probe: Probe::Command("openssl"), package: "openssl", why: "makes certificates, looks at handshakes" },
    Program { probe: Probe::Command("swaks"), package: "swaks", why: "submits with PLAIN and LOGIN" },
    Program { probe: Probe::Perl("Net::SSLeay"), package: "libnet-ssleay-perl", why: "lets swaks speak TLS" },
    Program { probe: Probe::Command("dnsmasq"), package: "dnsmasq-base", why: "is the DNS that names the MX hosts" },
    Program { probe: Probe::Command("systemd-analyze"), package: "systemd", why: "judges the units in packaging" },
    Program { probe: Probe::Command("msmtp"), package: "msmtp", why: "submits with SCRAM-SHA-256" },
    Program { probe: Probe::Command("curl"), package: "curl", why: "takes mail on as a way out" },
    Program { probe: Probe::Command("fetchmail"), package: "fetchmail", why: "fetches mail by POP3 and IMAP" },
    Program { probe: Probe::Command("getmail"), package: "getmail6", why: "fetches mail by POP3 and IMAP" },
    Program { probe: Probe::Command("mbsync"), package: "isync", why: "keeps a Maildir and a mailbox alike" },
    Program {
        probe: Probe::Command("offlineimap"),
        package: "offlineimap3",
        why: "keeps a Maildir and a mailbox alike",
    },
    Program { probe: Probe::Command("neomutt"), package: "neomutt", why: "reads mail as people do" },
    Program { probe: Probe::Command("script"), package: "bsdutils", why: "is the terminal that mutt wants" },
    Program {
        probe: Probe::Command("thunderbird"),
        package: "thunderbird",
        why: "sets itself up, sends and reads as people do",
    },
    Program { probe: Probe::Command("Xvfb"), package: "xvfb", why: "is the screen that Thunderbird wants" },
    Program { probe: Probe::Command("mpop"), package: "mpop", why: "fetches mail by POP3, logged in by SCRAM-SHA-256" },
    Program { probe: Probe::Command("gsasl"), package: "gsasl", why: "logs in with SCRAM-SHA-256-PLUS" },
    Program { probe: Probe::GitSendEmail, package: "git-email", why: "sends patches through our sendmail" },
    Program { probe: Probe::Command("php"), package: "php-cli", why: "sends what websites send" },
    Program {
        probe: Probe::File("/usr/share/php/Symfony/Component/Mailer/autoload.php"),
        package: "php-symfony-mailer",
        why: "speaks SMTP with our sendmail",
    },
    Program {
        probe: Probe::File("/usr/share/php/libphp-phpmailer/autoload.php"),
        package: "libphp-phpmailer",
        why: "sends what WordPress sends",
    },
    Program { probe: Probe::Command("s-nail"), package: "s-nail", why: "sends what scripts send" },
    Program { probe: Probe::Command("mutt"), package: "mutt", why: "sends what people send, reads what they get" },
    Program { probe: Probe::Command("python3"), package: "python3", why: "reads the mails that the builder writes" },
    Program {
        probe: Probe::File("/usr/lib/python3/dist-packages/dkim/__init__.py"),
        package: "python3-dkim",
        why: "checks our DKIM signatures",
    },
    Program {
        probe: Probe::File("/usr/lib/python3/dist-packages/nacl/__init__.py"),
        package: "python3-nacl",
        why: "lets it check those of Ed25519",
    },
    Program { probe: Probe::Command("c++"), package: "g++", why: "reads the header of the C interface as C++" },
    Program { probe: Probe::Command("valgrind"), package: "valgrind", why: "watches memory cross the C interface" },
    Program { probe: Probe::Command("lintian"), package: "lintian", why: "judges the Debian packages" },
    Program { probe: Probe::Command("mandoc"), package: "mandoc", why: "judges the manual pages" },
    Program { probe: Probe::Command("shellcheck"), package: "shellcheck", why: "judges what the packages run" },
    Program { probe: Probe::Command("apparmor_parser"), package: "apparmor", why: "reads the profile of the server" },
];

/// What makes Debian packages.
const PACKAGERS: &[Program] = &[
    Program { probe: Probe::Command("dh"), package: "debhelper", why: "makes Debian packages" },
    Program { probe: Probe::Command("dh_apparmor"), package: "dh-apparmor", why: "loads the profile of the package" },
];

impl Program {
    fn is_there(&self) -> bool {
        match self.probe {
            Probe::Command(name) => in_path(name),
            Probe::File(path) => is_file(Path::new(path)),
            Probe::GitSendEmail => shell::succeeds(Command::new("git").args(["send-email", "--dump-aliases"])),
            Probe::Perl(module) => shell::succeeds(Command::new("perl").args([&format!("-M{module}"), "-e", "1"])),
        }
    }
}

/// Makes sure that everything that the tests drive is there.
///
/// # Errors
/// Without root the missing packages are named in one line to copy; nothing has been installed or compiled then.
pub(crate) fn provide() -> Result<()> {
    install_missing(PROGRAMS.iter().chain(PACKAGERS))?;
    peers::provide()
}

/// Makes sure that the fuzzer can be compiled.
pub(crate) fn provide_for_fuzzing() -> Result<()> {
    install_missing([Program { probe: Probe::Command("c++"), package: "g++", why: "compiles libFuzzer" }].iter())
}

/// Makes sure that Debian packages can be made.
pub(crate) fn provide_for_packages() -> Result<()> {
    install_missing(PACKAGERS.iter())
}

fn install_missing<'a>(programs: impl Iterator<Item = &'a Program>) -> Result<()> {
    let missing: Vec<&Program> = programs.filter(|program| !program.is_there()).collect();
    for program in &missing {
        eprintln!("missing: {} ({})", program.package, program.why);
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("more programs are needed; as root:\napt-get install {}", packages.join(" "));
    }
    apt::install(&packages)
}

fn in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps `mount`'s neighbours in the sbin directories, which a user's PATH often leaves out.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir: std::path::PathBuf| is_file(&dir.join(name)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
