imap = connect_imap()

# Mailboxes are made, listed, renamed and deleted; those of a new account are there.
listed = b"\n".join(ok(imap.list())).decode()
for name in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"]:
    assert name in listed, listed
assert r"\Sent" in listed and r"\Trash" in listed, listed
ok(imap.create("Reisen"))
ok(imap.create("Reisen/K&APY-ln"))
ok(imap.rename("Reisen/K&APY-ln", "Reisen/M&APw-nchen"))
assert "Reisen/M&APw-nchen" in b"\n".join(ok(imap.list('""', "Reisen/*"))).decode()
assert imap.select("Nirgends")[0] == "NO"

# Messages are filed with their flags and dates.
hello = "From: Bob <bob@there.test>\r\nTo: ann@here.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" \
    "Message-ID: <1@there.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" \
    "Viele Grüße aus Köln\r\n"
assert "APPENDUID" in ok(imap.append("INBOX", r"(\Seen $Travel)", '"17-Jul-1996 02:44:25 -0700"', hello.encode()))[0].decode()
reply = hello.replace("<1@", "<2@").replace("Subject: ", "In-Reply-To: <1@there.test>\r\nSubject: Re: ")
ok(imap.append("INBOX", None, None, reply.encode()))
assert ok(imap.select("INBOX")) == [b"2"]

# They are fetched as they were, whole and in parts.
data = ok(imap.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))
said, text = data[0]
assert text == hello.encode(), text
said = said.decode() + data[1].decode()
for part in ["UID 1", "FLAGS (", r"\Seen", "$Travel", '"17-Jul-1996 ', f"RFC822.SIZE {len(hello.encode())}",
             '"=?utf-8?q?Gr=C3=BC=C3=9Fe?="', '"bob" "there.test"', '"text" "plain"']:
    assert part.lower() in said.lower(), (part, said)
data = ok(imap.fetch("2", "(BODY[HEADER.FIELDS (SUBJECT IN-REPLY-TO)] BODY[TEXT]<6.10>)"))
assert b"In-Reply-To: <1@there.test>" in data[0][1] and b"From" not in data[0][1], data
assert data[1][1] == "Viele Grüße aus Köln".encode()[6:16], data
assert r"\Seen" in ok(imap.fetch("2", "FLAGS"))[0].decode(), "BODY[] without PEEK marks as seen"

# They are found, sorted and threaded.
assert ok(imap.search(None, "SUBJECT", '"re:"')) == [b"2"]
imap.literal = "KÖLN".encode()
assert ok(imap.search("UTF-8", "BODY")) == [b"1 2"]
assert ok(imap.uid("SEARCH", "KEYWORD", "$travel", "SINCE", "1-Jan-1990")) == [b"1"]
assert ok(imap.sort("(REVERSE ARRIVAL)", "UTF-8", "ALL"))[0].split() == [b"2", b"1"]
assert ok(imap.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1 2)"]

# Flags change, messages are copied and moved.
changed = ok(imap.store("1", "+FLAGS", r"(\Flagged)"))[0].decode()
assert r"\Flagged" in changed and "$Travel" in changed, changed
ok(imap.copy("1:2", "Reisen"))
assert imap.copy("1", "Nirgends")[0] == "NO"
ok(imap.uid("MOVE", "2", "Archive"))
assert ok(imap.search(None, "ALL")) == [b"1"]
ok(imap.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
assert ok(imap.expunge())[-1:] == [b"1"]
assert ok(imap.search(None, "ALL")) in ([b""], [None])
status = ok(imap.status("Reisen", "(MESSAGES UIDNEXT UNSEEN)"))[0].decode()
assert "MESSAGES 2" in status and "UIDNEXT 3" in status, status
ok(imap.delete("Reisen/M&APw-nchen"))
assert imap.delete("INBOX")[0] == "NO"

# What makes no sense is told so, and the session lives on.
for line in ["FETCH 1 (", "SEARCH (((((", "NONSENSE", "FETCH 0 FLAGS"]:
    tag = imap._new_tag()
    imap.send(tag + b" " + line.encode() + b"\r\n")
    answer = imap.readline()
    assert answer.startswith(tag + b" BAD"), (line, answer)
ok(imap.noop())
imap.logout()

# The other port, and the password that is wrong.
imaps = connect_imaps()
assert ok(imaps.select("Reisen", readonly=True)) == [b"2"]
imaps.logout()
try:
    wrong = imaplib.IMAP4_SSL("127.0.0.1", int(imaps_port), ssl_context=tls, timeout=30)
    wrong.login(user, "wrong")
    raise SystemExit("a wrong password was taken")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error
