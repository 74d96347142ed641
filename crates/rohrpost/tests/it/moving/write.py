import mailbox, sys

kind, path = sys.argv[1:]


def texts():
    for number in range(1, 4):
        yield (
            f"From: =?utf-8?q?J=C3=BCrgen?= <j{number}@there.test>\n"
            f"To: ann@here.test\nSubject: Nummer {number}\nMessage-ID: <{number}@there.test>\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
            f"Grüße {number}\n\n>From the start\n\n\ttabs and trailing blanks  \n"
        ).encode()


def fill(box, flags):
    for number, text in enumerate(texts()):
        if kind == "maildir":
            message = mailbox.MaildirMessage(text)
            message.set_subdir("cur")
            message.set_flags(flags[number])
            message.set_date(1_600_000_000 + number)
        else:
            message = mailbox.mboxMessage(text)
            message.set_flags(flags[number])
            message.set_from("j@there.test", (2020, 9, 13, 12, 26, 40 + number, 6, 257, 0))
        box.add(message)
    box.flush()


if kind == "maildir":
    root = mailbox.Maildir(path)
    fill(root, ["", "S", "DFPRST"])
    fill(root.add_folder("Entw&APw-rfe.Alt"), ["F", "R", "S"])
    fill(root.add_folder("Kunden"), ["", "", "PS"])
else:
    fill(mailbox.mbox(f"{path}/INBOX.mbox"), ["O", "RO", "ROAFDT"])
    fill(mailbox.mbox(f"{path}/Entwürfe.mbox"), ["OF", "ROA", "RO"])
    fill(mailbox.mbox(f"{path}/Kunden.mbox"), ["O", "O", "ROF"])
