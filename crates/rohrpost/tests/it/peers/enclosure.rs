//! A place in which somebody else's mail server runs as if it were the only one on the machine.
//!
//! The servers have paths such as `/etc/smtpd.conf` and `/var/spool/exim4` built in and want users of their own. Each
//! gets a mount namespace in which `/etc`, `/var/spool`, `/var/lib` and `/run` are directories of the test, with its
//! programs at `/srv/peers` and the test's directory at `/srv/state`. A process namespace goes with it: its first process
//! is a shell, and when that is killed the kernel kills everything the server has started.
//!
//! Nothing of the host is changed, and nothing is installed. It takes root; without it the server's log says what was
//! not permitted, and the test fails with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::log::Log;

/// The users of all these servers, at numbers that no host gives out. Each has a group of its own name and number.
/// Postfix refuses to start without `nobody`.
const USERS: &[(&str, u32)] = &[
    ("postfix", 64_001),
    ("postdrop", 64_002),
    ("Debian-exim", 64_003),
    ("opensmtpd", 64_004),
    ("opensmtpq", 64_005),
    (KEEPER, KEEPER_ID),
    ("dovecot", 64_007),
    ("nobody", 65_534),
];

/// Who owns the mail that arrives.
pub(crate) const KEEPER: &str = "keeper";
pub(crate) const KEEPER_ID: u32 = 64_006;

/// What the first process of the enclosure does before it starts the server. Programs, state, command line are `$0` to
/// `$@`. The server is not the first process itself, since a process that changes its user is no longer told when its
/// parent dies.
const ENTER: &str = r#"
    programs=$1 state=$2
    shift 2
    mount -t tmpfs -o mode=755 none /srv
    mkdir /srv/peers /srv/state
    mount --bind "$programs" /srv/peers
    mount --bind "$state" /srv/state
    mount --bind /srv/state/etc /etc
    mount --bind /srv/state/spool /var/spool
    mount --bind /srv/state/lib /var/lib
    mount --bind /srv/state/run /run
    mount --bind /srv/peers/opensmtpd/usr/libexec /usr/libexec
    /sbin/ldconfig
    "$@" &
    wait $!
"#;

/// The directory of an enclosure while it is being furnished. Paths are as the server will see them.
pub(crate) struct Enclosure {
    state: TempDir,
    programs: PathBuf,
}

impl Enclosure {
    /// An enclosure with users, name services and libraries, and an empty spool.
    pub(crate) fn new() -> Self {
        let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
        assert!(
            programs.is_dir(),
            "{} is missing: `cargo xtask programs` fetches the mail servers",
            programs.display()
        );
        let state = TempDir::with_prefix("rohrpost-peer-").expect("a directory can be made");
        let enclosure = Self { state, programs };
        enclosure.open_to_all("/srv/state");
        enclosure.directory("/var/spool", 0, 0, 0o755);
        enclosure.directory("/var/lib", 0, 0, 0o755);
        enclosure.directory("/run", 0, 0, 0o755);
        enclosure.directory("/srv/state/mail", KEEPER_ID, KEEPER_ID, 0o755);
        enclosure.furnish_etc();
        enclosure
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.outside(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("the directory can be made");
        fs::write(path, text).expect("the file can be written");
    }

    /// Makes a directory that belongs to somebody.
    pub(crate) fn directory(&self, path: &str, user: u32, group: u32, mode: u32) {
        let path = self.outside(path);
        fs::create_dir_all(&path).expect("the directory can be made");
        chown(&path, Some(user), Some(group)).expect("only root can run other mail servers: run the tests as root");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode can be set");
    }

    /// Gives a file to somebody.
    pub(crate) fn give(&self, path: &str, user: u32) {
        chown(self.outside(path), Some(user), Some(user)).expect("root may give files away");
    }

    /// Starts the server. What it writes to standard output and error, and appends to `log_file`, becomes its log.
    pub(crate) fn start(self, name: &'static str, command: &[&str]) -> Enclosed {
        let (output, input) = std::io::pipe().expect("a pipe can be made");
        let errors = input.try_clone().expect("a pipe can be shared");
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--", "/bin/sh", "-ec", ENTER, name]);
        unshare.arg(&self.programs).arg(self.state.path()).args(command);
        unshare.stdin(Stdio::null()).stdout(input).stderr(errors);
        let child = unshare.spawn().expect("unshare is there: `cargo xtask programs` looks for it");
        Enclosed { child, log: Log::follow(name, output), enclosure: self }
    }

    /// Where the host sees what the server sees at `path`.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        let moved = ["/srv/state/", "/var/"].iter().find_map(|start| path.strip_prefix(start));
        let inside = moved.unwrap_or(path.trim_start_matches('/'));
        if path == "/srv/state" { self.state.path().to_owned() } else { self.state.path().join(inside) }
    }

    fn open_to_all(&self, path: &str) {
        fs::set_permissions(self.outside(path), fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    fn furnish_etc(&self) {
        let users = USERS.iter().map(|(name, id)| format!("{name}:x:{id}:{id}::/var/lib/opensmtpd/empty:/bin/sh\n"));
        let groups = USERS.iter().map(|(name, id)| format!("{name}:x:{id}:\n"));
        self.write("/etc/passwd", &format!("root:x:0:0::/:/bin/sh\n{}", users.collect::<String>()));
        self.write("/etc/group", &format!("root:x:0:\nmail:x:8:\n{}", groups.collect::<String>()));
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
        self.write("/etc/hosts", "127.0.0.1 localhost\n");
        self.write("/etc/services", "smtp 25/tcp\nsubmission 587/tcp\n");
        self.write("/etc/resolv.conf", "");
        self.write("/etc/ld.so.conf", &library_path(&self.programs));
    }
}

/// Where the loader looks: in the unpacked packages, then where the host does.
fn library_path(programs: &Path) -> String {
    let mut directories = vec!["/srv/peers/postfix/usr/lib/postfix".to_owned()];
    for base in ["libraries/usr/lib", "libraries/lib"] {
        let triplets = fs::read_dir(programs.join(base)).into_iter().flatten().flatten();
        directories.extend(triplets.map(|found| format!("/srv/peers/{base}/{}", found.file_name().to_string_lossy())));
    }
    let hosts_own = fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten();
    directories.extend(hosts_own.filter_map(|file| fs::read_to_string(file.path()).ok()));
    directories.join("\n") + "\n"
}

/// A server that runs in its enclosure.
pub(crate) struct Enclosed {
    child: Child,
    /// What it says.
    pub(crate) log: Log,
    enclosure: Enclosure,
}

impl Enclosed {
    /// Where the host sees what the server sees at `path`.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.enclosure.outside(path)
    }

    /// The process that all others in there descend from.
    #[allow(dead_code, reason = "the benchmark asks for it")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Enclosed {
    fn drop(&mut self) {
        // With `unshare` dies the shell, and with the shell, the first process of its namespace, all others.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
