//! The server is down, and the caller is nobody special.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Host, host};

const MESSAGE: &[u8] = b"To: ann\nSubject: offline\n\nx\n";

#[test]
fn without_server_and_drop_directory_the_caller_may_try_again() {
    let (host, _installation) = Host::new();
    let error = host.fail(75, &["-t"], MESSAGE);
    assert!(error.contains("no answer from the server"), "{error}");
}

#[test]
fn what_was_dropped_while_the_server_was_down_arrives_once_when_it_is_up() {
    let (host, installation) = Host::new();
    let drop_dir = installation.data_dir().join("drop");
    std::fs::create_dir_all(&drop_dir).expect("the directory can be made");
    std::fs::set_permissions(&drop_dir, PermissionsExt::from_mode(0o3733)).expect("its mode can be set");
    host.send(&["-t", "-i"], MESSAGE);
    assert_eq!(std::fs::read_dir(&drop_dir).expect("it is ours").count(), 1);

    let rohrpost = installation.start();
    host::mail_with(&rohrpost, "Subject: offline\r\n");
    assert_eq!(host::count(&rohrpost, "offline"), 1);
}

/// Any user of the host.
const USER: u32 = 64_321;

/// A message of that user. In the folder are a configuration of their own, to find the server by, and the program: the
/// folder that it was built in may be closed to them.
fn call_as_user(folder: &Path, subject: &str) -> host::Ended {
    let mut command = Command::new(folder.join("sendmail"));
    command
        .args(["-i", "-C"])
        .arg(folder.join("user.toml"))
        .arg("ann")
        .uid(USER)
        .gid(USER)
        .env_remove("NAME")
        .current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    host::run(command, format!("Subject: {subject}\n\nx\n").as_bytes())
}

#[test]
fn any_user_may_send_with_the_server_up_or_down_and_is_known_by_number() {
    let folder = TempDir::with_prefix("rohrpost-submit-").expect("a directory can be made");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    let place = folder.path().display();
    let keys = format!("socket = '{place}/submit.sock'\ndrop_dir = '{place}/drop'\n");
    std::fs::copy(env!("CARGO_BIN_EXE_rohrpost"), folder.path().join("sendmail")).expect("there is room for it");
    let config = folder.path().join("user.toml");
    std::fs::write(config, format!("[submit]\nmail_name = 'here.test'\n{keys}")).expect("the file can be written");
    let (_host, installation) = Host::with(&keys);
    std::fs::create_dir(folder.path().join("drop")).expect("the directory can be made");
    std::fs::set_permissions(folder.path().join("drop"), PermissionsExt::from_mode(0o3733))
        .expect("its mode can be set");

    let dropped = call_as_user(folder.path(), "down");
    assert!(dropped.status.success() && dropped.errors.is_empty(), "{dropped:?}");
    let file =
        std::fs::read_dir(folder.path().join("drop")).expect("it is ours").flatten().next().expect("it is there");
    let file = file.metadata().expect("it is there");
    assert_eq!((file.uid(), file.mode() & 0o7777), (USER, 0o640));

    let rohrpost = installation.start();
    let submitted = call_as_user(folder.path(), "up");
    assert!(submitted.status.success() && submitted.errors.is_empty(), "{submitted:?}");
    for subject in ["Subject: down\r\n", "Subject: up\r\n"] {
        let mail = host::mail_with(&rohrpost, subject);
        assert!(mail.contains(&format!("(local uid {USER})")), "{mail}");
        assert!(mail.contains(&format!("From: uid{USER}@here.test\r\n")), "{mail}");
    }
}
