//! The profile of the server for `AppArmor`.

use std::path::Path;
use std::process::Command;

use crate::output;

#[test]
fn the_profile_of_the_server_can_be_read() {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/apparmor/rohrpost");
    output(Command::new("apparmor_parser").args(["--skip-kernel-load", "--skip-cache"]).arg(profile));
}
