//! What a host does by itself and reports by mail: Debian's own programs, unchanged.
//!
//! Each runs in an enclosure where our program is `/usr/sbin/sendmail`, which all of them have built in, and where
//! nothing says which server is meant but `/etc/rohrpost/rohrpost.toml`. No test waits for a full minute: jobs of the next
//! start, and such as are due, run at once.

use std::os::unix::fs::symlink;

use super::{Host, host};
use crate::peers::Rohrpost;
use crate::peers::enclosure::{Enclosed, Enclosure};

/// Everybody may, and no session is opened: who runs what is not the matter here.
const PAM: &str = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
/// The user and the group of atd.
const DAEMON: u32 = 1;

/// A host that works by itself.
struct Machine {
    host: Host,
    rohrpost: Rohrpost,
    enclosure: Enclosure,
}

impl Machine {
    fn new() -> Self {
        let (host, rohrpost) = Host::start();
        let enclosure = Enclosure::new();
        enclosure.directory("/srv/state/sbin", 0, 0, 0o755);
        let sendmail = enclosure.outside("/srv/state/sbin/sendmail");
        symlink(env!("CARGO_BIN_EXE_rohrpost"), sendmail).expect("a link can be made");
        enclosure.write("/etc/rohrpost/rohrpost.toml", &host.config());
        Self { host, rohrpost, enclosure }
    }

    /// Runs a shell with these commands, in the directory that the packages are unpacked in.
    fn run(self, commands: &str) -> Busy {
        let script = format!("mount --bind /srv/state/sbin /usr/sbin\ncd /srv/peers/callers\n{commands}");
        let enclosed = self.enclosure.start("a host", &["/bin/sh", "-ec", &script]);
        Busy { rohrpost: self.rohrpost, _host: self.host, _enclosed: enclosed }
    }
}

/// One whose programs run.
struct Busy {
    _enclosed: Enclosed,
    rohrpost: Rohrpost,
    _host: Host,
}

impl Busy {
    /// Waits for the mail with this in its header or text, and looks for the other parts in it.
    #[track_caller]
    fn mails(&self, known_by: &str, parts: &[&str]) {
        let mail = host::mail_with(&self.rohrpost, known_by);
        for part in parts {
            assert!(mail.contains(part), "no {part:?} in\n{mail}");
        }
    }
}

#[test]
fn cron_mails_the_output_of_a_job() {
    let machine = Machine::new();
    machine.enclosure.write("/etc/pam.d/cron", PAM);
    machine.enclosure.directory("/var/spool/cron/crontabs", 0, 0, 0o755);
    machine.enclosure.write("/etc/crontab", "@reboot root echo Gr\u{fc}\u{df}e; echo .; echo end\n");
    machine.run("exec usr/sbin/cron -f").mails(
        "> echo Gr\u{fc}\u{df}e; echo .; echo end\r\n",
        &[
            "(local uid 0)",
            "Return-Path: <root@here.test>\r\n",
            "From: root@here.test (Cron Daemon)\r\nTo: root@here.test\r\nSubject: Cron <root@",
            "X-Cron-Env: <LOGNAME=root>\r\n",
            "\r\n\r\nGr\u{fc}\u{df}e\r\n.\r\nend\r\n",
        ],
    );
}

#[test]
fn at_mails_the_output_of_a_job() {
    let machine = Machine::new();
    let enclosure = &machine.enclosure;
    enclosure.write("/etc/pam.d/atd", PAM);
    enclosure.write("/etc/passwd", "root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n");
    enclosure.write("/etc/group", "root:x:0:\ndaemon:x:1:\n");
    for directory in ["/var/spool/cron/atjobs", "/var/spool/cron/atspool"] {
        enclosure.directory(directory, DAEMON, DAEMON, 0o1770);
    }
    enclosure.write("/var/spool/cron/atjobs/.SEQ", "");
    enclosure.give("/var/spool/cron/atjobs/.SEQ", DAEMON);
    machine
        .run("echo 'echo from at' | usr/bin/at now\nexec usr/sbin/atd -f")
        .mails("Subject: Output from your job ", &["To: root@here.test\r\n", "\r\n\r\nfrom at\r\n"]);
}

#[test]
fn anacron_mails_the_output_of_a_job() {
    let machine = Machine::new();
    machine.enclosure.write("/etc/anacrontab", "1 0 daily echo from anacron\n");
    machine.enclosure.directory("/var/spool/anacron", 0, 0, 0o755);
    machine.run("usr/sbin/anacron -d -n -f").mails(
        "Subject: Anacron job 'daily' on ",
        &["From: Anacron <root@here.test>\r\nTo: root@here.test\r\n", "\r\n\r\nfrom anacron\r\n"],
    );
}

#[test]
fn mdadm_mails_what_became_of_a_disk() {
    let monitor = "sbin/mdadm --monitor --oneshot --test --mail=root /dev/md0";
    Machine::new().run(monitor).mails(
        "Subject: TestMessage event on /dev/md0:",
        &["From: mdadm monitoring <root@", "To: root@here.test\r\n", "\r\nFaithfully yours, etc.\r\n"],
    );
}

#[test]
fn systemd_cron_mails_that_a_unit_failed() {
    let machine = Machine::new();
    // It asks for the unit's user, environment and state; there is no systemd in here.
    let systemctl = "#!/bin/sh\n[ $1 = status ] || exit 0\necho it failed\nexit 3\n";
    machine.enclosure.write("/srv/state/sbin/systemctl", systemctl);
    machine.run("chmod +x /usr/sbin/systemctl\nlib/systemd-cron/mail_on_failure cron-job.service").mails(
        "] job cron-job.service failed\r\n",
        &["From: root@here.test (systemd-cron)\r\n", "To: root@here.test\r\n", "\r\n\r\nit failed\r\n"],
    );
}

#[test]
fn mailx_sends_what_a_script_says() {
    let script = "printf 'one\\n.\\ntwo\\n' | usr/bin/bsd-mailx -s 'from mailx' -a 'From: ann' root";
    Machine::new().run(script).mails(
        "Subject: from mailx\r\n",
        &["From: ann@here.test\r\n", "To: root@here.test\r\n", "\r\n\r\none\r\n.\r\ntwo\r\n"],
    );
}

#[test]
fn smartd_mails_that_a_disk_fails() {
    let warning = "SMARTD_MAILER=usr/bin/bsd-mailx SMARTD_ADDRESS=root SMARTD_PREVCNT=0 \
        SMARTD_FAILTYPE=EmailTest SMARTD_MESSAGE='TEST EMAIL' SMARTD_DEVICEINFO='a disk' \
        /srv/peers/smartd/usr/share/smartmontools/smartd_warning.sh";
    Machine::new().run(warning).mails(
        "Subject: SMART error (EmailTest) detected on host: ",
        &["From: root@here.test\r\n", "To: root@here.test\r\n", "\r\n\r\nTEST EMAIL\r\n", "\r\na disk\r\n"],
    );
}
