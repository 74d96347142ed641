//! A copy of this host on which packages are installed for real: dpkg, their scripts, systemd's users and directories.
//!
//! The copy is an overlay in a mount namespace without a network: what is written goes into memory and is gone at the
//! end, and the host itself is only read. It takes root.

use std::path::Path;
use std::process::Command;

use crate::output;
use crate::packages::Packages;

/// Makes the copy, and runs `$3` in it with the packages at `/packages`. The index of manual pages is left alone: it
/// takes longer than all the rest.
const ENTER: &str = r#"
    place=$1 packages=$2 script=$3
    mount -t tmpfs none "$place"
    mkdir "$place/written" "$place/work" "$place/root"
    mount -t overlay none -o "lowerdir=/,upperdir=$place/written,workdir=$place/work" "$place/root"
    mount -t proc none "$place/root/proc"
    mount -t tmpfs none "$place/root/run"
    mount --rbind /dev "$place/root/dev"
    mkdir "$place/root/packages"
    mount --bind -o ro "$packages" "$place/root/packages"
    rm -f "$place/root/var/lib/man-db/auto-update"
    exec chroot "$place/root" /bin/sh -exc "$script"
"#;

/// Runs a script of the shell on a copy of the host that has the packages at hand; each of its commands must end well.
#[track_caller]
pub(crate) fn on_a_copy_of_the_host(packages: &Path, script: &str) -> String {
    let place = tempfile::TempDir::with_prefix("rohrpost-host-").expect("a directory can be made");
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", ENTER, "enter"]);
    output(unshare.arg(place.path()).arg(packages).arg(script).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Mail is taken before the server was ever set up, and the server takes it over at its first start.
const FIRST_DAYS: &str = r#"
    echo host.test > /etc/mailname
    rm -f /etc/aliases
    dpkg --install /packages/*.deb

    getent passwd rohrpost
    test "$(stat -c '%a %U %G' /var/spool/rohrpost/drop)" = '3733 rohrpost rohrpost'
    for name in /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases /usr/bin/msmtp; do
        test "$(readlink -f $name)" = /usr/bin/rohrpost
    done
    newaliases
    msmtp --version

    printf 'Subject: early\n\nhello\n' |
        setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/sbin/sendmail root
    ls /var/spool/rohrpost/drop | grep '^new\.'

    code=0; rohrpost config check || code=$?
    test $code = 78
    sed -i -e 's/^#host_name/host_name/' -e 's/^#postmaster/postmaster/' /etc/rohrpost/rohrpost.toml
    rohrpost config check

    rohrpost serve &
    timeout 60 sh -c 'until test -S /run/rohrpost/submit.sock; do sleep 0.1; done'
    timeout 60 sh -c 'until mailq | grep root@host.test; do sleep 0.1; done'
    test -z "$(ls /var/spool/rohrpost/drop | grep '^new\.')"
    kill $!
    wait $!
"#;

#[test]
fn a_host_that_installs_the_packages_sends_from_the_first_moment_on() {
    let packages = Packages::build();
    on_a_copy_of_the_host(packages.folder(), FIRST_DAYS);
}

/// Installed twice, removed, purged: settings survive the first two, mail survives all of it.
const LAST_DAYS: &str = r"
    dpkg --install /packages/*.deb
    echo '# mine' >> /etc/rohrpost/rohrpost.toml
    echo mail > /var/lib/mail
    install -D -o rohrpost /var/lib/mail /var/lib/rohrpost/mail
    dpkg --install /packages/*.deb
    grep '^# mine' /etc/rohrpost/rohrpost.toml

    dpkg --remove rohrpost-msmtp rohrpost
    test ! -e /usr/sbin/sendmail
    grep '^# mine' /etc/rohrpost/rohrpost.toml

    dpkg --purge rohrpost
    test ! -e /etc/rohrpost
    test ! -e /etc/apparmor.d/rohrpost
    test ! -e /var/spool/rohrpost
    test -f /var/lib/rohrpost/mail
";

#[test]
fn whoever_purges_the_package_keeps_the_mail_and_is_told_so() {
    let packages = Packages::build();
    let said = on_a_copy_of_the_host(packages.folder(), LAST_DAYS);
    assert!(said.contains("/var/lib/rohrpost holds mail or accounts and is kept"), "{said}");
}
