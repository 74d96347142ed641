//! The servers that a command sends through, from its options.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use rohrpost_client::{ServerUrl, ServerUrlError};
use rohrpost_sender::{KnownServers, Login, Proxy, SecretSource, Security, Server, Trust, proxy::ProxyError};

use crate::{
    cli::Servers,
    exit::{Exit, Failure},
};

/// A server with all that the options say of it.
pub(super) struct Way {
    /// The terms.
    pub(super) server: Server,
    /// The same in words, for people.
    pub(super) words: String,
}

/// The servers in their order.
///
/// # Errors
/// No URL, or one that is none, a proxy that is none, a user without a password, or a password without a user. The URL itself
/// is not repeated: it may hold a password, which does not belong there.
pub(super) fn ways(options: &Servers) -> Result<Vec<Way>, Failure> {
    if options.server.is_empty() {
        return Err(Failure::new(Exit::Usage, "no server: name one with --server or in ROHRPOST_SERVER"));
    }
    let servers: Vec<_> = options.server.iter().map(|text| named(text)).collect::<Result<_, _>>()?;
    let nobody = options.user.is_none() && servers.iter().all(|(url, _)| url.user().is_none());
    if nobody && told_secret(options, "").is_some() {
        let message = "the password belongs to nobody: name a user with --user, or as USER@ in the URL";
        return Err(Failure::new(Exit::Usage, message));
    }
    servers.into_iter().map(|(url, server)| way(options, &url, server)).collect()
}

/// The server of a URL.
///
/// # Errors
/// It is none, or holds a password. It is not repeated, for that reason.
pub(super) fn named(url: &str) -> Result<(ServerUrl, Server), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("--server: {error}"));
    Ok((url.parse().map_err(|error: ServerUrlError| wrong(&error))?, Server::url(url).map_err(|error| wrong(&error))?))
}

fn way(options: &Servers, url: &ServerUrl, server: Server) -> Result<Way, Failure> {
    let tls = tls(options, url)?;
    let trust = trust(options)?;
    let shown = trust.clone().unwrap_or_else(|| url.trust(&url.place().endpoint()));
    let min_tls = options.min_tls.unwrap_or(url.min_tls());
    let login = login(options, url.user())?;
    let user = login.as_ref().map(|login| format!(", as {}", login.user)).unwrap_or_default();
    let proxy = proxy(options)?;
    let through = proxy.as_ref().map(|proxy| format!(", through {proxy}")).unwrap_or_default();
    let words = format!("{server}, tls={tls}, trust={shown}, min-tls={min_tls}{user}{through}");
    let server = trust.into_iter().fold(server.min_tls(min_tls).login(login), Server::trust);
    let server = options.tls.into_iter().fold(server, Server::security);
    let server = known_servers(options).into_iter().fold(server, Server::known_servers);
    Ok(Way { server: proxy.into_iter().fold(server, Server::proxy), words })
}

/// What `--tls` says, else the URL, whose scheme it must not contradict any more than `?tls=`.
fn tls(options: &Servers, url: &ServerUrl) -> Result<Security, Failure> {
    match options.tls {
        Some(said) if url.tls() == Security::Implicit && said != Security::Implicit => {
            let message = format!("--tls {said}: {url} means TLS from the first octet; name the server as smtp://");
            Err(Failure::new(Exit::Usage, message))
        }
        said => Ok(said.unwrap_or(url.tls())),
    }
}

fn proxy(options: &Servers) -> Result<Option<Proxy>, Failure> {
    let proxy = options.proxy.as_ref().map(|text| text.parse()).transpose();
    proxy.map_err(|error: ProxyError| Failure::new(Exit::Usage, format!("--proxy: {error}")))
}

fn trust(options: &Servers) -> Result<Option<Trust>, Failure> {
    if options.ca.is_empty() {
        return Ok(options.trust.clone());
    }
    let files: Vec<_> = options.ca.iter().map(|file| file.display().to_string()).collect();
    match files.iter().find(|file| file.contains(':')) {
        Some(file) => {
            Err(Failure::new(Exit::Usage, format!("--ca: {file}: a colon stands between files, not in their names")))
        }
        None => Ok(Some(Trust::Ca(files.join(":")))),
    }
}

/// The file that was named, else the one that is the user's own; nothing for a user without a home.
fn known_servers(options: &Servers) -> Option<KnownServers> {
    let absolute = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let own = || absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let file = options.known.clone().or_else(|| own().map(|state| state.join("rohrpost/known_servers")));
    file.map(KnownServers::file)
}

/// Who logs in; nobody where no user is named.
fn login(options: &Servers, named: Option<&str>) -> Result<Option<Login>, Failure> {
    let Some(user) = named.or(options.user.as_deref()) else { return Ok(None) };
    if let Some(file) = &options.password_file {
        readable(file)?;
    }
    let secret = told_secret(options, user).or_else(|| options.password.clone().map(SecretSource::Text));
    let missing = || {
        let message = format!(
            "there is no password for {user}: give --password-file, --password-command, --password-keyring, --password-env or ROHRPOST_PASSWORD"
        );
        Failure::new(Exit::Usage, message)
    };
    let login = Login::new(user, secret.ok_or_else(missing)?).allow_clear(options.allow_clear);
    Ok(Some(options.mechanism.into_iter().fold(login, Login::mechanism)))
}

/// A file that is not there is told before any server is asked. A pipe is left alone: what is read here would be gone.
fn readable(file: &Path) -> Result<(), Failure> {
    let opened = fs::metadata(file).and_then(|about| if about.is_file() { File::open(file).map(drop) } else { Ok(()) });
    opened.map_err(|error| Failure::new(Exit::NoInput, format!("--password-file: {}: {error}", file.display())))
}

/// The source of the password that the command line itself names.
fn told_secret(options: &Servers, user: &str) -> Option<SecretSource> {
    let file = options.password_file.as_ref().map(SecretSource::file);
    let command = || options.password_command.as_ref().map(SecretSource::shell);
    let variable = || options.password_env.as_ref().map(SecretSource::env);
    let keyring = || options.password_keyring.as_ref().map(|service| SecretSource::keyring(service, user));
    file.or_else(command).or_else(variable).or_else(keyring)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    /// The ways in words, or what is wrong.
    fn words(options: &str) -> Result<Vec<String>, String> {
        let line = format!("rohrpost send --from ann@here.test --to bob@there.test {options}");
        let Command::Send(send) = Cli::try_parse_from(line.split_whitespace()).unwrap().command else {
            panic!("send was said")
        };
        let words = |ways: Vec<Way>| ways.into_iter().map(|way| way.words).collect();
        ways(&send.servers).map(words).map_err(|error| error.to_string())
    }

    #[test]
    fn servers_keep_their_order_and_options_count_over_urls() {
        let servers = "--server smtp://a.test:465 --server submission://b.test?tls=opportunistic&trust=any";
        assert_eq!(
            words(servers).unwrap(),
            [
                "a.test:465, tls=auto, trust=system, min-tls=1.2",
                "b.test:587, tls=opportunistic, trust=any, min-tls=1.2"
            ]
        );
        assert_eq!(
            words(&format!("{servers} --tls starttls --ca /a.pem --ca /b.pem --min-tls 1.3")).unwrap(),
            [
                "a.test:465, tls=starttls, trust=ca:/a.pem:/b.pem, min-tls=1.3",
                "b.test:587, tls=starttls, trust=ca:/a.pem:/b.pem, min-tls=1.3"
            ]
        );
    }

    #[test]
    fn the_user_of_the_url_comes_first_and_option_user_fills_the_gaps() {
        let servers = "--server smtp://ann@localhost --server smtp://localhost --password-env P";
        let users = words(&format!("{servers} --user bob")).unwrap();
        assert!(users[0].ends_with(", as ann") && users[1].ends_with(", as bob"), "{users:?}");
        let users = words(servers).unwrap();
        assert!(users[1].ends_with("min-tls=1.2"), "nobody logs in there: {users:?}");
    }

    #[test]
    fn users_and_passwords_belong_together() {
        assert!(words("--server smtp://ann@localhost").unwrap_err().contains("no password for ann"));
        assert!(words("--server smtp://localhost --password-file /p").unwrap_err().contains("--user"));
    }

    #[test]
    fn the_scheme_smtps_is_contradicted_by_no_option() {
        for mode in ["off", "starttls", "opportunistic", "auto"] {
            let error = words(&format!("--server smtps://localhost:2587 --tls {mode}")).unwrap_err();
            assert!(error.starts_with("--tls ") && error.contains("name the server as smtp://"), "{error}");
        }
        assert!(words("--server smtps://localhost:2587 --tls implicit").is_ok());
        assert!(words("--server smtp://localhost:2587 --tls implicit").is_ok());
    }

    #[test]
    fn a_password_file_that_cannot_be_read_is_told_before_a_server_is_asked() {
        let error = words("--server smtp://ann@localhost --password-file /nowhere/password").unwrap_err();
        assert!(error.starts_with("--password-file: /nowhere/password: "), "{error}");
        assert!(words("--server smtp://ann@localhost --password-file /dev/null").is_ok(), "a pipe is not opened");
    }

    #[test]
    fn a_proxy_is_on_the_way_to_every_server() {
        let servers = "--server smtp://localhost --server smtp://127.0.0.1";
        let ways = words(&format!("{servers} --proxy socks5://proxy.test:1080")).unwrap();
        assert!(ways.iter().all(|way| way.ends_with(", through socks5://proxy.test:1080")), "{ways:?}");
        let error = words(&format!("{servers} --proxy http://ann:pencil@proxy.test:3128")).unwrap_err();
        assert!(error.starts_with("--proxy: ") && !error.contains("pencil"), "{error}");
    }

    #[test]
    fn a_wrong_url_is_told_and_a_password_in_it_is_not_repeated() {
        assert!(words("--server smtp://localhost --ca /a:b").unwrap_err().starts_with("--ca: /a:b: "));
        assert!(words("--server ftp://x").unwrap_err().starts_with("--server: unknown scheme"));
        let error = words("--server smtp://ann:pencil@x").unwrap_err();
        assert!(error.contains("holds no password") && !error.contains("pencil"), "{error}");
    }
}
