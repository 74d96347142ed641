//! What the demo says: terse, and every line of it can be tried.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    control::Trace,
    view::{self, BOLD, DIM, GOOD, Styled},
};

/// Where everything is. `--json` prints it as one line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Facts {
    /// Port of mail between servers.
    pub(super) smtp: String,
    /// Port of accounts, with STARTTLS.
    pub(super) submission: String,
    /// Port of accounts, with TLS from the first octet.
    pub(super) submissions: String,
    /// Port of local delivery.
    pub(super) lmtp: String,
    /// Port of mailboxes, with STARTTLS.
    pub(super) imap: String,
    /// Port of mailboxes, with TLS from the first octet.
    pub(super) imaps: String,
    /// Port where mail is fetched, with STLS.
    pub(super) pop3: String,
    /// Port where mail is fetched, with TLS from the first octet.
    pub(super) pop3s: String,
    /// Socket of programs of this machine.
    pub(super) submit: String,
    /// Set-up help for the account.
    pub(super) web: String,
    /// Port of the figures.
    pub(super) metrics: String,
    /// The authority behind all certificates of the demo.
    pub(super) ca: String,
    /// The account.
    pub(super) user: String,
    /// Its password.
    pub(super) password: String,
    /// Directory of the demo.
    pub(super) dir: String,
    /// This process.
    pub(super) pid: u32,
}

/// What runs where.
pub(super) fn opening(facts: &Facts) -> String {
    let mut text = format!("\n{}  two mail servers on this machine\n\n", Styled(BOLD, "Rohrpost demo"));
    let mut line = |label: &str, value: &str, what: &str| {
        let _ = match what {
            "" => writeln!(text, "  {label:<12} {value}"),
            _ => writeln!(text, "  {label:<12} {value:<22} {}", Styled(DIM, what)),
        };
    };
    line("smtp", &facts.smtp, "mail between servers; relays for this machine");
    line("submission", &facts.submission, "accounts, STARTTLS");
    line("submissions", &facts.submissions, "accounts, TLS from the first octet");
    line("lmtp", &facts.lmtp, "local delivery");
    line("imap", &facts.imap, "mailboxes, STARTTLS");
    line("imaps", &facts.imaps, "mailboxes, TLS from the first octet");
    line("pop3", &facts.pop3, "mail to fetch, STLS");
    line("pop3s", &facts.pop3s, "mail to fetch, TLS from the first octet");
    line("submit", &facts.submit, "");
    line("set-up help", &facts.web, "");
    line("metrics", &facts.metrics, "GET /metrics");
    line("account", &facts.user, &format!("password {}", facts.password));
    line("directory", &facts.dir, "");
    text
}

/// The way of the first message through both servers.
pub(super) fn traces(traces: &[Trace; 2]) -> String {
    let mut text = format!("\n{} a message from ann@here.test to bob@there.test:\n\n", Styled(GOOD, "Sent"));
    for (server, trace) in ["here.test", "there.test"].into_iter().zip(traces) {
        let _ = writeln!(text, "{} {}", Styled(DIM, format!("{server:<10}")), view::trace::render(trace));
    }
    text
}

/// Lines to copy.
pub(super) fn next_steps(facts: &Facts) -> String {
    let Facts { smtp, submission, submissions, imaps, ca, user, password, dir, metrics, web, .. } = facts;
    let program = std::env::args_os().next().unwrap_or_default();
    let program = program.to_string_lossy();
    let steps = [
        (
            "Send another, with STARTTLS and a log-in",
            format!(
                "swaks --server {submission} --tls --tls-verify --tls-ca-path {ca} \\\n    --auth-user {user} --auth-password {password} --from {user} --to bob@there.test"
            ),
        ),
        (
            "The same with curl, in TLS from the first octet",
            format!(
                "printf 'From: {user}\\nTo: bob@there.test\\nSubject: Hi\\n\\nHello Bob\\n' | curl -sS --cacert {ca} \\\n    smtps://{submissions} --user {user}:{password} --mail-from {user} --mail-rcpt bob@there.test -T -"
            ),
        ),
        (
            "Read Ann's newest mail",
            format!("curl -sS --cacert {ca} 'imaps://{imaps}/INBOX;MAILINDEX=*' --user {user}:{password}"),
        ),
        (
            "See the certificate and the key exchange",
            format!("openssl s_client -connect {smtp} -starttls smtp -CAfile {ca} -brief </dev/null"),
        ),
        (
            "What a mail program is told",
            format!(
                "curl -sS --cacert {ca} '{}'",
                web.replace("/setup?address=", "/mail/config-v1.1.xml?emailaddress=")
            ),
        ),
        ("What happened to Bob's mail", format!("{program} trace --dir {dir} bob@there.test")),
        ("Bob's mailbox on the other server", format!("{program} mailbox list --dir {dir}/there bob@there.test")),
        ("What waits", format!("{program} queue list --dir {dir}")),
        ("Figures", format!("curl -sS http://{metrics}/metrics")),
    ];
    let mut text = format!("{}\n", Styled(BOLD, "Try next"));
    for (what, line) in steps {
        let _ = writeln!(text, "\n  {}\n  {line}", Styled(DIM, format!("# {what}")));
    }
    let _ = writeln!(text, "\nCtrl-C ends the demo.");
    text
}
