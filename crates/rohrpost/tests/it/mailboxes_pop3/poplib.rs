//! Python's poplib says every command there is.

use super::{PostOffice, TRICKY, Way};
use crate::peers::rohrpost::{ANN, PASSWORD};

/// Logs in by the way in `argv`, looks at everything, deletes the first message, and prints what it saw.
const SCRIPT: &str = r#"
import poplib, ssl, sys
way, port, user, password, certificate = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
if way == "Implicit":
    box = poplib.POP3_SSL("localhost", port, context=context)
else:
    box = poplib.POP3("localhost", port)
assert b"APOP" not in box.getwelcome() and b"<" not in box.getwelcome()
if way == "Stls":
    box.stls(context)
capabilities = box.capa()
for name in ["UIDL", "TOP", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "UTF8", "SASL", "USER", "EXPIRE"]:
    assert name in capabilities, (name, capabilities)
assert ("STLS" in capabilities) == (way == "Clear"), capabilities
box.utf8()
box.user(user)
box.pass_(password)
count, octets = box.stat()
sizes = [int(line.split()[1]) for line in box.list()[1]]
assert (len(sizes), sum(sizes)) == (count, octets), (sizes, count, octets)
ids = [line.split()[1] for line in box.uidl()[1]]
assert len(set(ids)) == count and box.uidl(1).split()[2] == ids[0]
for number in range(1, count + 1):
    lines = box.retr(number)[1]
    header = lines[:lines.index(b"")]
    assert box.top(number, 0)[1] == header + [b""], number
    assert box.top(number, 999999999)[1] == lines, number
lines = box.retr(count)[1]
print(b"\n".join(lines[lines.index(b"Subject: dots"):]).decode())
box.dele(1)
box.rset()
box.noop()
box.dele(1)
try:
    box.retr(1)
    sys.exit("a deleted message was there")
except poplib.error_proto as error:
    assert b"No such message" in error.args[0]
box.quit()
"#;

#[test]
fn poplib_does_all_it_can_by_every_way() {
    let one = "Subject: one\r\n\r\n1\r\n";
    let office = PostOffice::with_mail(&[one, one, one, TRICKY]);
    for (way, left) in Way::ALL.into_iter().zip([3, 2, 1]) {
        let port = office.address(way).port().to_string();
        let certificate = office.certificate().display().to_string();
        let (text, code) =
            office.run("python3", &["-c", SCRIPT, &format!("{way:?}"), &port, ANN, PASSWORD, &certificate]);
        assert_eq!((text.replace('\n', "\r\n"), code), (format!("{TRICKY}\r\n"), Some(0)), "{way:?}");
        assert_eq!(office.left(), left);
    }
}
