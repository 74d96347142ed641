//! What the persona asks of the host: variables, names, well-known files.
//!
//! It is a value, so that tests can say what the host looks like. Everything that depends on it takes it as an argument.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User, gethostname};

/// Where Debian's msmtp looks for its own files, too.
const SYSTEM_DIR: &str = "/etc";

/// The host and the user who calls.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// Environment variables.
    pub(super) variables: BTreeMap<String, String>,
    /// The name of the calling user in the user database.
    pub(super) login_name: Option<String>,
    /// The home directory in the user database, for callers without `HOME`, such as some cron jobs.
    pub(super) login_home: Option<PathBuf>,
    /// What the host calls itself.
    pub(super) host_name: String,
    /// Where `msmtprc`, `netrc`, `mailname` and `hosts` lie.
    pub(super) system_dir: PathBuf,
}

impl Environment {
    /// The host as it is.
    pub(super) fn of_this_process() -> Self {
        let user = User::from_uid(Uid::current()).ok().flatten();
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            login_name: user.as_ref().map(|user| user.name.clone()),
            login_home: user.map(|user| user.dir),
            host_name: gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default(),
            system_dir: SYSTEM_DIR.into(),
        }
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `HOME`, else what the user database says.
    pub(super) fn home(&self) -> Option<&Path> {
        self.variable("HOME").map(Path::new).or(self.login_home.as_deref())
    }

    /// The files that the user's own configuration may be in; the first one that exists counts.
    pub(super) fn user_files(&self) -> Vec<PathBuf> {
        let home = self.home();
        let xdg = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".config")));
        let files = [home.map(|home| home.join(".msmtprc")), xdg.map(|dir| dir.join("msmtp/config"))];
        files.into_iter().flatten().collect()
    }

    /// A file of the whole system.
    pub(super) fn system_file(&self, name: &str) -> PathBuf {
        self.system_dir.join(name)
    }

    /// A path with a leading tilde replaced by the home directory.
    pub(super) fn expand_tilde(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home()) {
            (Some(rest), Some(home)) => format!("{}{rest}", home.display()),
            _ => path.to_owned(),
        }
    }

    /// `USER`, else `LOGNAME`, else the name in the user database.
    pub(super) fn user_name(&self) -> Option<&str> {
        self.variable("USER").or_else(|| self.variable("LOGNAME")).or(self.login_name.as_deref())
    }

    /// Replaces `%U`, `%H`, `%C` and `%M`: user, host, the host's canonical name, and mail name.
    pub(super) fn expand_patterns(&self, pattern: &str) -> String {
        let mut text = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let name = if c == '%' { chars.clone().next() } else { None };
            let value = name.and_then(|name| self.pattern(name));
            match value {
                Some(value) => {
                    chars.next();
                    text.push_str(&value);
                }
                None => text.push(c),
            }
        }
        text
    }

    fn pattern(&self, name: char) -> Option<String> {
        match name {
            'U' => self.user_name().map(str::to_owned),
            'H' => Some(self.host().to_owned()),
            'C' => Some(self.canonical_name()),
            'M' => self.first_line("mailname").or_else(|| Some(self.canonical_name())),
            _ => None,
        }
    }

    /// `HOSTNAME`, else what the host calls itself.
    fn host(&self) -> &str {
        self.variable("HOSTNAME").unwrap_or(&self.host_name)
    }

    /// The name that stands first in the hosts file where the host's own name stands: what the resolver calls canonical.
    fn canonical_name(&self) -> String {
        let host = self.host();
        let hosts = fs::read_to_string(self.system_file("hosts")).unwrap_or_default();
        let names = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut rows = names.map(|line| line.split_ascii_whitespace().skip(1).collect::<Vec<_>>());
        let row = rows.find(|row| row.iter().any(|name| name.eq_ignore_ascii_case(host)));
        row.and_then(|row| row.first().map(|name| (*name).to_owned())).unwrap_or_else(|| host.to_owned())
    }

    fn first_line(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.system_file(name)).ok()?;
        text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A host called `box` of the user `joe`, whose files lie in `dir`.
    pub(in super::super) fn host(dir: &Path) -> Environment {
        Environment {
            variables: BTreeMap::from([("HOME".to_owned(), dir.join("home").display().to_string())]),
            login_name: Some("joe".into()),
            login_home: None,
            host_name: "box".into(),
            system_dir: dir.join("etc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::host, *};

    #[test]
    fn patterns_stand_for_names_of_user_and_host() {
        let dir = tempfile::tempdir().unwrap();
        let mut host = host(dir.path());
        fs::create_dir(&host.system_dir).unwrap();
        assert_eq!(host.expand_patterns("%U@%H"), "joe@box");
        assert_eq!(host.expand_patterns("%U@%C"), "joe@box", "no hosts file: the name itself");
        assert_eq!(host.expand_patterns("%M"), "box", "no mail name: the canonical name");
        fs::write(host.system_file("hosts"), "127.0.0.1 localhost\n192.0.2.7 box.site.example box # ours\n").unwrap();
        fs::write(host.system_file("mailname"), "site.example\n").unwrap();
        assert_eq!(host.expand_patterns("%U@%C, %M"), "joe@box.site.example, site.example");
        assert_eq!(host.expand_patterns("100%, %%U %x %"), "100%, %joe %x %");
        let names = [("LOGNAME", "logged"), ("HOSTNAME", "named")];
        host.variables.extend(names.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(host.expand_patterns("%U@%H"), "logged@named");
        host.variables.insert("USER".into(), "first".into());
        assert_eq!(host.expand_patterns("%U"), "first");
    }

    #[test]
    fn a_tilde_is_the_home_directory_and_only_in_front() {
        let host = host(Path::new("/srv"));
        assert_eq!(host.expand_tilde("~/mail.log"), "/srv/home/mail.log");
        assert_eq!(host.expand_tilde("/a/~b"), "/a/~b");
    }

    #[test]
    fn the_user_file_is_msmtprc_or_else_in_the_xdg_directory() {
        let mut host = host(Path::new("/srv"));
        assert_eq!(host.user_files(), ["/srv/home/.msmtprc", "/srv/home/.config/msmtp/config"].map(PathBuf::from));
        host.variables.insert("XDG_CONFIG_HOME".into(), "/x".into());
        assert_eq!(host.user_files()[1], Path::new("/x/msmtp/config"));
        host.variables.remove("HOME");
        assert_eq!(host.user_files(), [PathBuf::from("/x/msmtp/config")]);
    }
}
