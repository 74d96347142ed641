//! What a running server does not take from a configuration that was read anew.

use super::file::{Config, Listener};

/// The keys that differ and need a restart, as the file names them.
pub(crate) fn needed(running: &Config, read: &Config) -> Vec<String> {
    let fixed = [
        ("data_dir", running.data_dir != read.data_dir),
        ("user", running.user != read.user),
        ("node", running.node != read.node),
        ("[dns]", running.dns != read.dns),
        ("[store]", running.store != read.store),
        ("submit.enabled", running.submit.enabled != read.submit.enabled),
        ("submit.socket", running.submit.socket != read.submit.socket),
        ("submit.drop_dir", running.submit.drop_dir != read.submit.drop_dir),
        ("log.format", running.log.format != read.log.format),
        ("log.level", running.log.level != read.log.level),
        ("metrics.address", running.metrics != read.metrics),
        ("web.address", running.web.address != read.web.address),
        // Without any the usual ones are open.
        ("[[listener]]", running.listener.is_empty() != read.listener.is_empty()),
        ("web.redirect_address", running.web.redirect_address != read.web.redirect_address),
    ];
    let fixed = fixed.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned());
    fixed.chain(listeners(&running.listener, &read.listener)).collect()
}

/// Sockets are bound before root is given up, so no listener opens or moves while the server runs. One that is closed, or
/// gone, is closed at once.
fn listeners(running: &[Listener], read: &[Listener]) -> Vec<String> {
    let named = |all: &[Listener], name: &str| all.iter().find(|listener| listener.name == name).cloned();
    let mut keys = Vec::new();
    for listener in read {
        let name = &listener.name;
        let Some(before) = named(running, name) else {
            keys.push(format!("listener {name}, which is new"));
            continue;
        };
        let fixed = [
            ("address", before.address != listener.address),
            ("mode", before.mode != listener.mode),
            ("group", before.group != listener.group),
            ("enabled", listener.enabled && !before.enabled),
        ];
        let differing = fixed.into_iter().filter(|(_, differs)| *differs);
        keys.extend(differing.map(|(key, _)| format!("listener {name}: {key}")));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const MX: &str = "[[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"[::]:25\"\n";

    fn config(lines: &str) -> Config {
        toml::from_str(&format!("host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\n{lines}")).unwrap()
    }

    #[test]
    fn what_needs_a_restart_is_named_and_the_rest_is_not() {
        let running = config(MX);
        assert!(needed(&running, &running).is_empty());
        let other = config(&format!("language = \"de\"\n{MX}tls = \"off\"\n"));
        assert!(needed(&running, &other).is_empty());
        let moved = config(&format!("node = 1\n{}[log]\nformat = \"json\"\n", MX.replace(":25", ":26")));
        assert_eq!(needed(&running, &moved), ["node", "log.format", "listener mx: address"]);
        let handed =
            config(&format!("{MX}[submit]\nenabled = false\nsocket = \"s\"\ndrop_dir = \"d\"\nreceived_uid = false\n"));
        assert_eq!(needed(&running, &handed), ["submit.enabled", "submit.socket", "submit.drop_dir"]);
        let served = config(&format!("{MX}[web]\naddress = \"[::]:443\"\nnames = [\"help.test\"]\n"));
        assert_eq!(needed(&running, &served), ["web.address"]);
        let regrouped = config(&format!("{MX}mode = \"0666\"\ngroup = \"mail\"\n"));
        assert_eq!(needed(&running, &regrouped), ["listener mx: mode", "listener mx: group"]);
    }

    #[test]
    fn listeners_that_come_open_are_named() {
        let closed = config(&format!("{MX}enabled = false\n"));
        assert_eq!(needed(&closed, &config(MX)), ["listener mx: enabled"]);
        assert!(needed(&config(MX), &closed).is_empty(), "closing one takes effect at once");
        let two = config(&format!("{MX}{}", MX.replace("mx", "in")));
        assert!(needed(&two, &config(MX)).is_empty(), "so does taking it out");
        assert_eq!(needed(&config(MX), &config("")), ["[[listener]]"], "others come in the place of the last one");
        let renamed = config(&MX.replace("mx", "in"));
        assert_eq!(needed(&config(MX), &renamed), ["listener in, which is new"]);
    }
}
