//! A program of this host brings mail by LMTP, if its group may.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use nix::unistd::{Gid, Group};
use tempfile::TempDir;

use super::installation;
use crate::peers::Swaks;
use crate::peers::enclosure::KEEPER_ID;
use crate::peers::rohrpost::ANN;

/// A folder that everybody may enter, with the socket's place in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::with_prefix("rohrpost-lmtp-").expect("a directory can be made");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    let socket = folder.path().join("lmtp.sock");
    (folder, socket)
}

/// A group that every Debian system has, and none of our programs is in.
fn mail_group() -> Gid {
    Group::from_name("mail").expect("groups can be read").expect("Debian has a group `mail`").gid
}

#[test]
fn members_of_the_sockets_group_bring_mail_and_others_do_not_get_in() {
    let (_folder, socket) = place();
    let listener = format!(
        "[[listener]]\nname = 'lmtp'\nprotocol = 'lmtp'\naddress = 'unix:{}'\ngroup = 'mail'\n",
        socket.display()
    );
    let (installation, _dns) = installation(&listener);
    let rohrpost = installation.start();
    let file = std::fs::metadata(&socket).expect("the socket is there");
    assert_eq!((file.mode() & 0o7777, file.gid()), (0o660, mail_group().as_raw()));

    let swaks = |subject| Swaks::lmtp(&socket, "bob@exim.test", ANN).subject(subject);
    swaks("from a member").send_as(KEEPER_ID, mail_group().as_raw()).expect_success();
    rohrpost.inbox(&["Subject: from a member", "with LMTP"]);
    let refused = swaks("from a stranger").send_as(KEEPER_ID, KEEPER_ID);
    assert!(!refused.succeeded && refused.text.contains("Permission denied"), "{}", refused.text);
}

#[test]
fn a_socket_with_mode_0666_lets_everybody_in() {
    let (_folder, socket) = place();
    let listener = format!(
        "[[listener]]\nname = 'lmtp'\nprotocol = 'lmtp'\naddress = 'unix:{}'\nmode = '0666'\n",
        socket.display()
    );
    let (installation, _dns) = installation(&listener);
    let rohrpost = installation.start();
    Swaks::lmtp(&socket, "bob@exim.test", ANN).subject("from anybody").send_as(KEEPER_ID, KEEPER_ID).expect_success();
    rohrpost.inbox(&["Subject: from anybody", "with LMTP"]);
}
