//! Tests that lower a limit of the whole process run in one of their own, whatever runs the tests: `cargo test` has one
//! process for all.

use std::process::Command;

const MARK: &str = "ROHRPOST_TEST_ALONE";

/// Whether this process is the test's own. If not, the test has been run in one by now, and has passed.
pub(crate) fn is_alone(test: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args([test, "--exact", "--nocapture"]).env(MARK, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // A name that has changed would run nothing, and that succeeds.
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}
