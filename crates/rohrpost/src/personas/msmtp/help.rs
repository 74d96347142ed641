//! `--help` and `--version`.

use super::{environment::Environment, settings::MECHANISMS};

/// What `--help` prints. A test sees to it that every option is in it.
pub(super) const HELP: &str = "\
Usage:
  msmtp [OPTION...] [--] RECIPIENT...   send the mail of standard input
  msmtp [OPTION...] -t [RECIPIENT...]   also to those whom To, Cc and Bcc name
  msmtp [OPTION...] -bs                 send what comes by SMTP on standard input
  msmtp [OPTION...] --serverinfo        show what the server says of itself
  msmtp [OPTION...] --pretend           show the settings and do nothing

General:
  --version, --help
  -P, --pretend                    show the settings that would be used
  --configure=ADDRESS              show an account for it, by the DNS of its domain
  -S, --serverinfo                 show the server's certificate and extensions
  -d, -v, --debug                  show settings and dialogue, without passwords
  -C, --file=FILE                  configuration in the place of ~/.msmtprc
  -a, --account=NAME               account in the place of default
  --partial                        refused recipients do not keep it from others
  --rohrpost-exit-codes            75 for what may work later

Server (also keys of the configuration, with _ for -; empty unsets):
  --host=HOST                      server; no configuration is read
  --port=PORT
  --source-ip=[ADDRESS]            address to connect from
  --proxy-host=[HOST]              SOCKS5 proxy
  --proxy-port=[PORT]
  --socket=[FILE]                  unix socket in the place of a host
  --timeout=off|SECONDS            per step without progress
  --connect-timeout=off|SECONDS    the same
  --protocol=smtp|lmtp
  --domain=NAME                    what EHLO says
  --auth[=on|off|METHOD]
  --user=[NAME]
  --passwordeval=[COMMAND]         command that prints the password
  --tls[=on|off]
  --tls-starttls[=on|off]          off: TLS from the first octet
  --tls-certcheck[=on|off]
  --tls-trust-file=[FILE]          authorities; system by default
  --tls-fingerprint=[SHA256]       the one certificate that is accepted
  --tls-host-override=[NAME]       name that the certificate must have
  --tls-cert-file=[FILE]           our own certificate
  --tls-key-file=[FILE]
  --tls-priorities=[TEXT]          GnuTLS priorities: the versions count
  --tls-crl-file=[FILE]            lists of revoked certificates

Message:
  -f, --from=[ADDRESS]             sender; also chooses the account
  -F NAME                          full name of a From field that is added
  -t, --read-recipients
  --read-envelope-from             sender from the From field
  --aliases=[FILE]
  -N, --dsn-notify=off|never|failure,delay,success
  -R, --dsn-return=off|headers|full
  --set-from-header[=auto|on|off]
  --set-date-header[=auto|on|off]
  --set-msgid-header[=auto|on|off]
  --set-to-header[=on|off|undisclosed_recipients]
  --remove-bcc-headers[=on|off]
  -X, --logfile=[FILE]             a line for each mail; - for standard output
  --logfile-time-format=[FORMAT]   as strftime has it; none
  --syslog[=on|off|FACILITY]

Obsolete, and read all the same: --auto-from --maildomain --undisclosed-recipients --keepbcc
  --add-missing-from-header --add-missing-date-header --tls-min-dh-prime-bits --tls-force-sslv3
Accepted for callers of Sendmail, without effect: -A -B -bm -G -h -i -L -m -n -O -o
";

/// Which program this is, what it can, and which files it reads.
pub(super) fn version(environment: &Environment) -> String {
    let files: Vec<_> = environment.user_files().iter().map(|file| file.display().to_string()).collect();
    format!(
        "msmtp (Rohrpost {})\nTLS library: rustls\nAuthentication methods: {}\n\
         System configuration file: {}\nUser configuration file: {}\n",
        env!("CARGO_PKG_VERSION"),
        MECHANISMS.join(" "),
        environment.system_file("msmtprc").display(),
        files.join(" or "),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::options::names, HELP};

    #[test]
    fn every_option_is_in_the_help_and_nothing_else() {
        let words: Vec<_> = HELP.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
        for name in names() {
            // `-bm` is there for `-b`.
            let is_there = words.iter().any(|word| *word == name || name.len() == 2 && word.starts_with(&name));
            assert!(is_there, "{name} is missing");
        }
        for word in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
            assert!(names().iter().any(|name| name == word), "{word} is no option");
        }
    }
}
