reader, writer = connect_imap(), connect_imaps()
ok(reader.select("INBOX"))
ok(writer.select("INBOX"))
tag = reader._new_tag()
reader.send(tag + b" IDLE\r\n")
assert reader.readline().startswith(b"+"), "IDLE goes on"
ok(writer.append("INBOX", None, None, b"Subject: news\r\n\r\nNews\r\n"))
assert reader.readline() == b"* 1 EXISTS\r\n"
ok(writer.noop())
ok(writer.store("1", "+FLAGS", r"(\Deleted)"))
flags = reader.readline()
while b"Deleted" not in flags:
    flags = reader.readline()
assert b"* 1 FETCH" in flags, flags
ok(writer.expunge())
assert reader.readline() == b"* 1 EXPUNGE\r\n"
reader.send(b"DONE\r\n")
assert reader.readline().startswith(tag + b" OK")
reader.logout()
writer.logout()
