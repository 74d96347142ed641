//! The profile of the server for `AppArmor`: can it be read, and does it let the server do what it does?
//!
//! No kernel is needed that has `AppArmor`. strace says which files a running server uses and how, `apparmor_parser` prints
//! the profile with all that it includes, and [`Rules`] compares.

mod glob;
mod trace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::glob::Variables;
use crate::host::on_a_copy_of_the_host;
use crate::output;
use crate::packages::Packages;

fn profile() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/apparmor/rohrpost")
}

/// What the profile allows: patterns of paths, and letters such as `r`, `w` and `k`.
struct Rules(Vec<(String, String)>);

impl Rules {
    /// Reads the rules about files out of the profile with everything that it includes.
    fn read() -> Self {
        let text = output(Command::new("apparmor_parser").arg("--preprocess").arg(profile()));
        let variables = Variables::read(&text);
        let lines = text.lines().map(|line| line.trim().trim_start_matches("owner "));
        let rules = lines.filter(|line| line.starts_with(['/', '@']) && line.ends_with(','));
        let rules = rules.filter_map(|rule| rule.trim_end_matches(',').rsplit_once(char::is_whitespace));
        let expanded = rules.flat_map(|(path, letters)| {
            variables.expand(path.trim()).into_iter().map(move |path| (path, letters.to_owned()))
        });
        Self(expanded.collect())
    }

    /// Whether one rule or several together allow it. A folder has a slash at its end.
    fn allow(&self, path: &str, letters: &str) -> bool {
        let matching = self
            .0
            .iter()
            .filter(|(pattern, _)| glob::matches(pattern, path) || glob::matches(pattern, &format!("{path}/")));
        let allowed: String = matching.map(|(_, letters)| letters.as_str()).collect();
        letters.chars().all(|letter| allowed.contains(letter))
    }
}

/// A server with an account, ports, mail that comes by drop directory and socket, small and large, for here and elsewhere.
const A_DAY: &str = r#"
    echo host.test > /etc/mailname
    echo 'root: ann@host.test' > /etc/aliases
    dpkg --install /packages/rohrpost_*.deb
    printf 'host_name = "host.test"\npostmaster = "ann@host.test"\n' > /etc/rohrpost/rohrpost.toml
    echo 'three blue kites' > /password
    rohrpost domain add host.test
    rohrpost account add ann@host.test --password-file /password
    install -d -o rohrpost -g rohrpost /run/rohrpost
    printf 'Subject: early\n\nhello\n' | sendmail root

    mkdir -m 777 /trace
    setpriv --reuid=rohrpost --regid=rohrpost --clear-groups \
        --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service \
        strace -ff -y -o /trace/of -e trace=file,flock,fcntl rohrpost serve &
    timeout 60 sh -c 'until test -S /run/rohrpost/submit.sock; do sleep 0.1; done'
    { printf 'Subject: large\n\n'; head -c 900000 /dev/zero | tr '\0' 'a' | fold; } | sendmail root bob@there.test
    kill -HUP $(pidof rohrpost)
    timeout 60 sh -c 'until rohrpost mailbox list ann@host.test | grep KiB; do sleep 0.1; done'
    kill $(pidof rohrpost)
    wait
    cat /trace/of.*
"#;

#[test]
fn the_profile_allows_all_that_the_server_does() {
    let packages = Packages::build();
    let trace = on_a_copy_of_the_host(packages.folder(), A_DAY);
    let rules = Rules::read();
    let uses: BTreeSet<_> = trace.lines().flat_map(trace::uses).collect();
    for place in
        ["/etc/rohrpost/rohrpost.toml", "/etc/aliases", "/var/lib/rohrpost/rohrpost.db", "/var/spool/rohrpost/drop"]
    {
        assert!(uses.iter().any(|(path, _)| path == place), "the server was not seen to use {place}");
    }
    let forbidden: Vec<_> = uses.iter().filter(|(path, letters)| !rules.allow(path, letters)).collect();
    assert!(forbidden.is_empty(), "the profile does not allow {forbidden:#?}");
}

#[test]
fn the_profile_keeps_the_server_from_what_is_not_its_own() {
    let rules = Rules::read();
    for (path, letters) in [
        ("/etc/shadow", "r"),
        ("/etc/ssh/ssh_host_ed25519_key", "r"),
        ("/srv/ann/letter.txt", "r"),
        ("/etc/rohrpost/rohrpost.toml", "w"),
        ("/etc/aliases", "w"),
        ("/usr/bin/rohrpost", "w"),
    ] {
        assert!(!rules.allow(path, letters), "{path} {letters}");
    }
}

#[test]
fn the_compiler_of_profiles_takes_it() {
    output(Command::new("apparmor_parser").args(["--skip-kernel-load", "--skip-cache"]).arg(profile()));
}
