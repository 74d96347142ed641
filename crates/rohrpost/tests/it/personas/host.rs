//! A host whose programs send mail: our program under its other names, and the server behind it.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::peers::rohrpost::ANN;
use crate::peers::{Dns, Installation, Rohrpost};

/// The links, and where the server's settings are.
pub(crate) struct Host {
    bin: TempDir,
    config: PathBuf,
    _dns: Dns,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Host {
    /// A host with the names `here.test` and the aliases `root: ann`; its server is set up and does not run.
    pub(crate) fn new() -> (Self, Installation) {
        Self::with("")
    }

    /// The same, with more keys for the table `[submit]`.
    pub(crate) fn with(keys: &str) -> (Self, Installation) {
        let bin = TempDir::with_prefix("rohrpost-bin-").expect("a directory can be made");
        std::fs::set_permissions(bin.path(), PermissionsExt::from_mode(0o755)).expect("its mode can be set");
        for name in ["sendmail", "mailq", "runq", "newaliases"] {
            symlink(env!("CARGO_BIN_EXE_rohrpost"), bin.path().join(name)).expect("a link can be made");
        }
        std::fs::write(bin.path().join("aliases"), "root: ann\n").expect("the file can be written");
        let dns = Dns::start(&["here.test"]);
        // Where the server listens for other servers is of no interest here; nothing is sent, for no MX has port 1.
        let tables = format!(
            "\n[submit]\nmail_name = 'here.test'\naliases = '{}'\n{keys}[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\n",
            bin.path().join("aliases").display(),
        );
        let installation = Installation::new(dns.address, 1, "", &tables);
        let config = installation.data_dir().with_file_name("rohrpost.toml");
        (Self { bin, config, _dns: dns }, installation)
    }

    /// The same, with its server running.
    pub(crate) fn start() -> (Self, Rohrpost) {
        let (host, installation) = Self::new();
        (host, installation.start())
    }

    /// Where one of the names is.
    pub(crate) fn path(&self, name: &str) -> String {
        self.bin.path().join(name).to_str().expect("the directory has a plain name").to_owned()
    }

    /// The server's settings as they stand in its file.
    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(&self.config).expect("it was written")
    }

    /// A program that finds the server as all of this host do.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("ROHRPOST_CONFIG", &self.config).env_remove("NAME");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Calls one of the names with `input` on its standard input.
    pub(crate) fn call(&self, name: &str, arguments: &[&str], input: &[u8]) -> Ended {
        let mut command = self.command(&self.path(name));
        command.args(arguments);
        run(command, input)
    }

    /// Calls `sendmail`, which must take the message and say nothing.
    #[track_caller]
    pub(crate) fn send(&self, arguments: &[&str], input: &[u8]) {
        let ended = self.call("sendmail", arguments, input);
        assert!(
            ended.status.success() && ended.errors.is_empty() && ended.output.is_empty(),
            "{arguments:?}: {ended:?}"
        );
    }

    /// Calls `sendmail`, which must end with this code and one line on standard error.
    #[track_caller]
    pub(crate) fn fail(&self, code: i32, arguments: &[&str], input: &[u8]) -> String {
        let ended = self.call("sendmail", arguments, input);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        assert!(ended.errors.starts_with("rohrpost: "), "{ended:?}");
        ended.errors
    }
}

/// Runs a program to its end. It may stop reading before it has all of `input`.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Ended {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it was asked for");
    let Output { status, stdout, stderr } = thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it is our child")
    });
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    Ended { status, output: text(stdout), errors: text(stderr) }
}

/// How many messages with this subject ann has.
pub(crate) fn count(rohrpost: &Rohrpost, subject: &str) -> usize {
    let listed = rohrpost.ask(&["mailbox", "list", ANN, "--json"]);
    listed.matches(&format!("\"subject\":\"{subject}\"")).count()
}

/// The message with this in its header, once ann has it.
pub(crate) fn mail_with(rohrpost: &Rohrpost, field: &str) -> String {
    let list = ["mailbox", "list", ANN, "--json"];
    let mails = |listed: &str| -> Vec<String> {
        let rows = listed.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).expect("each line is JSON"));
        let ids = rows.filter_map(|row| Some(row["id"].as_str()?.to_owned()));
        ids.map(|id| rohrpost.ask(&["mailbox", "show", ANN, &id])).collect()
    };
    let has_it = |listed: &str| mails(listed).iter().any(|mail| mail.contains(field));
    let listed = rohrpost.ask_until(&list, field, has_it);
    mails(&listed).into_iter().find(|mail| mail.contains(field)).expect("it was there a moment ago")
}
