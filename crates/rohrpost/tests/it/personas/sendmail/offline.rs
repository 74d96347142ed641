//! The server is down.

use std::os::unix::fs::PermissionsExt;

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
    rohrpost.inbox(&["Subject: offline\r\n"]);
    assert_eq!(host::count(&rohrpost, "offline"), 1);
}
