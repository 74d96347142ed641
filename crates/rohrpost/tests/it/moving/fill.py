import hashlib, imaplib, ssl, sys

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl._create_unverified_context()
server = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
server.login(user, password)


def append(mailbox, flags, text):
    status, answer = server.append(mailbox, flags, imaplib.Time2Internaldate(1_600_000_000), text.encode())
    assert status == "OK", answer


for number in range(250):
    append("INBOX", "", f"Message-ID: <{number}@there.test>\r\nSubject: {number}\r\n\r\nNumber {number}\r\n")
for mailbox in ["Gesendet", "Kunden", "Kunden.B&AOQ-cker"]:
    assert server.create(mailbox)[0] == "OK"
for number in range(2):
    append("Gesendet", "(\\Seen)", f"Message-ID: <sent{number}@there.test>\r\n\r\nSent {number}\r\n")
append(
    '"Kunden.B&AOQ-cker"',
    "(\\Seen \\Flagged $Label1)",
    "Message-ID: <kunden@there.test>\r\nSubject: =?utf-8?q?B=C3=A4cker?=\r\n\r\nGrüße\r\n",
)
server.logout()
certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("localhost", port)))
print("pin:sha256:" + hashlib.sha256(certificate).hexdigest())
