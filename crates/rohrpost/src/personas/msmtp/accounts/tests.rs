use std::{fs, io, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::{super::environment::testing::host, *};

/// A home directory, a system directory, and what is asked of them.
struct House {
    dir: TempDir,
    environment: Environment,
}

impl House {
    fn new(system: Option<&str>, user: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment = host(dir.path());
        fs::create_dir_all(&environment.system_dir).unwrap();
        fs::create_dir_all(environment.home().unwrap()).unwrap();
        let house = Self { dir, environment };
        for (path, text) in [("etc/msmtprc", system), ("home/.msmtprc", user)] {
            if let Some(text) = text {
                house.write(path, text, 0o600);
            }
        }
        house
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, options: &Options) -> Result<Accounts, String> {
        let user = nix::unistd::Uid::current().as_raw();
        let evaluate = |_: &str| Err(io::Error::other("not here"));
        Accounts::load(options.file.as_deref(), &self.environment, user, &evaluate).map_err(|fault| self.blind(&fault))
    }

    /// The host of the account that is chosen, or what is said against it, with `~~` for the scratch directory.
    fn host(&self, arguments: &str, sender: Option<&str>) -> Result<String, String> {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        let options = Options::read(arguments, &self.environment).unwrap();
        let chosen = self.load(&options)?.choose(&options, sender, &self.environment);
        chosen.map(|chosen| chosen.settings.hosts.join(" ")).map_err(|fault| self.blind(&fault))
    }

    fn blind(&self, fault: &Fault) -> String {
        format!("{} {}", fault.exit as u8, fault.to_string().replace(&self.dir.path().display().to_string(), "~~"))
    }
}

const USER: &str = "account work\nhost work.example\nfrom joe@work.example\n\
    account any\nhost any.example\nfrom *@any.example\naccount plus\nhost plus.example\nfrom joe+x@work.example\n\
    account me\nhost me.example\nfrom %U@home.example\naccount default : work\nport 587\n";

#[test]
fn the_named_account_wins_then_that_of_the_sender_then_the_default() {
    let house = House::new(None, Some(USER));
    let host = |arguments, sender| house.host(arguments, sender).unwrap();
    assert_eq!(host("-a any", Some("joe@work.example")), "any.example");
    assert_eq!(host("", Some("ann@any.example")), "any.example");
    assert_eq!(host("", Some("Joe@Work.Example")), "work.example");
    assert_eq!(host("", Some("joe@home.example")), "me.example");
    assert_eq!(host("", Some("nobody@else.example")), "work.example");
    assert_eq!(host("", None), "work.example");
}

#[test]
fn a_detail_counts_only_where_the_account_has_one() {
    let house = House::new(None, Some(USER));
    assert_eq!(house.host("", Some("joe+lists@work.example")).unwrap(), "work.example");
    assert_eq!(house.host("", Some("joe+x@work.example")).unwrap(), "work.example", "the first that matches");
    let house = House::new(None, Some("account plus\nhost plus.example\nfrom joe+x@work.example\n"));
    assert!(house.host("", Some("joe+y@work.example")).is_err());
}

#[test]
fn a_user_account_replaces_that_of_the_system() {
    let house = House::new(Some("account default\nhost sys.example\naccount two\nhost two.example\n"), None);
    assert_eq!(house.host("", None).unwrap(), "sys.example");
    house.write("home/.config/msmtp/config", "account default\nhost xdg.example\n", 0o644);
    assert_eq!(house.host("", None).unwrap(), "xdg.example");
    house.write("home/.msmtprc", "account default\nhost user.example\n", 0o644);
    assert_eq!(house.host("", None).unwrap(), "user.example");
    assert_eq!(house.host("-a two", None).unwrap(), "two.example");
    let other = house.dir.path().join("other");
    house.write("other", "account x\nhost other.example\n", 0o600);
    assert_eq!(house.host(&format!("-C {} -a x", other.display()), None).unwrap(), "other.example");
}

#[test]
fn what_is_not_there_is_named() {
    let house = House::new(None, None);
    assert_eq!(house.host("", None).unwrap_err(), "78 account default not found: no configuration file available");
    assert_eq!(house.host("-C /nowhere/rc", None).unwrap_err(), "74 /nowhere/rc: entity not found");
    let house = House::new(None, Some("account a\nhost a.example\n"));
    assert_eq!(house.host("-a b", None).unwrap_err(), "78 account b not found in ~~/home/.msmtprc");
    house.write("home/.msmtprc", "account a\neval false\n", 0o600);
    assert_eq!(house.host("", None).unwrap_err(), "74 ~~/home/.msmtprc: line 2: eval: not here");
    fs::write(house.dir.path().join("home/.msmtprc"), b"account a\nuser \xff\n").unwrap();
    assert!(house.host("", None).unwrap_err().starts_with("78 ~~/home/.msmtprc: "));
}

#[test]
fn a_password_in_a_file_that_others_can_read_is_refused() {
    let house = House::new(None, None);
    house.write("home/.msmtprc", "account default\nhost a.example\npassword x\n", 0o640);
    let refusal = house.host("", None).unwrap_err();
    assert!(refusal.starts_with("78 ~~/home/.msmtprc: holds a password"), "{refusal}");
    house.write("home/.msmtprc", "account default\nhost a.example\npassword x\n", 0o600);
    assert_eq!(house.host("", None).unwrap(), "a.example");
}

#[test]
fn email_and_smtpserver_do_for_those_who_have_no_default_account() {
    let mut house = House::new(None, Some("account a\nhost a.example\n"));
    house.environment.variables.insert("SMTPSERVER".into(), "env.example".into());
    assert!(house.host("", None).is_err(), "both are needed");
    house.environment.variables.insert("EMAIL".into(), "joe@env.example".into());
    assert_eq!(house.host("", None).unwrap(), "env.example");
    assert!(house.host("-a b", None).is_err());
    house.write("home/.msmtprc", "account default\nhost a.example\n", 0o600);
    assert_eq!(house.host("", None).unwrap(), "a.example");
}

#[test]
fn options_win_over_the_account() {
    let house = House::new(None, Some(USER));
    let arguments = ["--port=2525", "--tls"].map(str::to_owned).to_vec();
    let options = Options::read(arguments, &house.environment).unwrap();
    let chosen = house.load(&options).unwrap().choose(&options, None, &house.environment).unwrap();
    assert_eq!((chosen.settings.port(), chosen.settings.tls.on), (2525, true));
}
