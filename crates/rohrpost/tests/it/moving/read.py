import json, mailbox, os, sys

kind, path = sys.argv[1:]
found = []


def read(name, box):
    for message in box:
        flags = "".join(sorted(message.get_flags()))
        if kind == "maildir":
            date = message.get_date()
        else:
            date = message.get_from().split(" ", 1)[1]
            for field in ("Status", "X-Status"):
                del message[field]
        found.append([name, message["Message-ID"], flags, date, message.as_bytes().decode("utf-8", "surrogateescape")])


if kind == "maildir":
    root = mailbox.Maildir(path, create=False)
    read("", root)
    for name in root.list_folders():
        read(name, root.get_folder(name))
else:
    for folder, _, files in os.walk(path):
        for name in files:
            if name.endswith(".mbox"):
                read(name, mailbox.mbox(os.path.join(folder, name), create=False))

for line in sorted(json.dumps(line) for line in found):
    print(line)
