import imaplib
import ssl
import sys

imaplib.Commands.update({"MOVE": ("SELECTED",), "UNSELECT": ("SELECTED",), "ENABLE": ("AUTH",), "ID": ("AUTH",)})
imap_port, imaps_port, certificate, user, password = sys.argv[1:]
tls = ssl.create_default_context(cafile=certificate)
tls.check_hostname = False


def connect_imap():
    """Over STARTTLS."""
    imap = imaplib.IMAP4("127.0.0.1", int(imap_port), timeout=30)
    assert "LOGINDISABLED" in imap.capabilities, imap.capabilities
    imap.starttls(tls)
    assert "LOGINDISABLED" not in imap.capabilities, imap.capabilities
    imap.login(user, password)
    return imap


def connect_imaps():
    """Inside TLS."""
    imap = imaplib.IMAP4_SSL("127.0.0.1", int(imaps_port), ssl_context=tls, timeout=30)
    imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
    return imap


def ok(answer):
    """What a command that succeeded said."""
    word, data = answer
    assert word == "OK", answer
    return data


