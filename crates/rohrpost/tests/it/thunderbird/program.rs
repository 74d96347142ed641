//! Thunderbird with a new profile, on a screen that nobody sees, with no way out but a proxy of the test's.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::marionette::Marionette;
use crate::peers::Socks;
use crate::peers::log::Log;

/// What the profile begins with, beside the proxy's port.
///
/// - Marionette picks a free port and says which.
/// - Everything goes through the proxy, names and all, and nothing past it when it refuses.
/// - No page of the makers, and no question that only a first start has.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.socks", "127.0.0.1");
user_pref("network.proxy.socks_version", 5);
user_pref("network.proxy.socks_remote_dns", true);
user_pref("network.proxy.failover_direct", false);
user_pref("network.dns.disabled", true);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.rights.override", true);
user_pref("mail.shell.checkDefaultClient", false);
"#;

/// A running Thunderbird. Dropping it ends it, then its screen.
pub(super) struct Thunderbird {
    marionette: Marionette,
    log: Log,
    _program: Running,
    _screen: Running,
    _home: TempDir,
}

impl Thunderbird {
    /// Starts it for somebody who never used it.
    pub(super) fn start(proxy: &Socks) -> Self {
        let home = TempDir::with_prefix("rohrpost-thunderbird-").expect("a directory can be made");
        let (screen, display) = screen();
        let port = proxy.address.port();
        let preferences = format!("{PREFERENCES}user_pref(\"network.proxy.socks_port\", {port});\n");
        std::fs::write(home.path().join("user.js"), preferences).expect("the file can be written");
        let mut thunderbird = Command::new("thunderbird");
        thunderbird.args(["--marionette", "--remote-allow-system-access", "--no-remote", "--profile"]).arg(home.path());
        let path = std::env::var_os("PATH").expect("there is a path");
        thunderbird.env_clear().env("PATH", path).env("HOME", home.path()).env("DISPLAY", format!(":{display}"));
        let (program, log) = follow("thunderbird", thunderbird);
        let listens = log.wait_for("Listening on port ");
        let port = listens.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("it says the port");
        let marionette = Marionette::connect(port);
        Self { marionette, log, _program: program, _screen: screen, _home: home }
    }

    /// Does one of the steps of `steps.js`, and says what it ended with, where that is text.
    #[track_caller]
    pub(super) fn step(&mut self, name: &str, arguments: &[&str]) -> String {
        match self.marionette.step(name, arguments) {
            Ok(value) => value.as_str().unwrap_or_default().to_owned(),
            Err(error) => {
                let seen = self.screenshot("failed");
                panic!("{name}: {error}; {seen} shows where.\n{}", self.log.lines().join("\n"));
            }
        }
    }

    /// Keeps what its window shows, and says where.
    pub(super) fn screenshot(&mut self, name: &str) -> String {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("thunderbird-{name}.png"));
        self.marionette.screenshot(&file);
        file.display().to_string()
    }
}

/// A screen, and its number. The server picks one that is free.
fn screen() -> (Running, String) {
    let mut server = Command::new("Xvfb");
    server.args(["-displayfd", "1", "-screen", "0", "1280x960x24", "-nolisten", "tcp"]);
    let (server, log) = follow("Xvfb", server);
    let number = log.wait_for_line("its number", |line| line.parse::<u32>().is_ok());
    (server, number)
}

/// A process that is killed when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, whose log is all it writes.
fn follow(name: &'static str, mut program: Command) -> (Running, Log) {
    let (output, input) = std::io::pipe().expect("a pipe can be made");
    let errors = input.try_clone().expect("a pipe can be shared");
    let child = program.stdin(Stdio::null()).stdout(input).stderr(errors).spawn();
    let child = child.unwrap_or_else(|error| panic!("{name}: {error}: `cargo xtask programs` installs it"));
    // A command keeps its ends of a pipe; with this one gone the log ends when the program does.
    drop(program);
    (Running(child), Log::follow(name, output))
}
