//! Every bound of moving mail in and out, with its reason.

/// Octets of a message that stay in memory on their way; a longer one goes through a temporary file.
pub(crate) const SPOOL_BYTES_MAX: usize = 1 << 20;
/// Octets of a header that are looked at for flags, dates and ids. What comes behind them counts as text.
pub(crate) const HEADER_BYTES_MAX: usize = 256 << 10;
/// Octets of a line that are read at once; the rest of a longer one follows as it is.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 10;
/// Octets of one message. A file that claims to hold a larger one is broken, or was never mail.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 1 << 30;
/// Lines of one message that are told as doubtful begins of another: who sees so many knows enough of the file.
pub(crate) const DOUBTFUL_LINES_MAX: usize = 100;
/// Messages that go to the server in one request and one commit.
pub(crate) const BATCH_MESSAGES_MAX: usize = 200;
/// Octets of messages in such a request: in base64 they fit the 1 MiB of a request with their flags and dates.
pub(crate) const BATCH_BYTES_MAX: u64 = 512 << 10;
/// Folders within folders that are read. No program makes so many; a path of a file has room for more.
pub(crate) const DEPTH_MAX: usize = 200;
/// Keywords of one message; the letters of a Maildir name have 26.
pub(crate) const KEYWORDS_MAX: usize = 64;
/// Octets of a keyword.
pub(crate) const KEYWORD_BYTES_MAX: usize = 100;
/// Octets of one line of a journal: one batch, a hundred octets for each message.
pub(crate) const JOURNAL_LINE_BYTES_MAX: u64 = 1 << 20;
/// Faults that are kept for `--json`; the rest is counted. Standard error names all of them.
pub(crate) const FAULTS_KEPT_MAX: usize = 10_000;

const _: () = assert!(LINE_BYTES_MAX < HEADER_BYTES_MAX && HEADER_BYTES_MAX < SPOOL_BYTES_MAX);
const _: () = assert!(BATCH_BYTES_MAX * 4 / 3 < 900 << 10);
