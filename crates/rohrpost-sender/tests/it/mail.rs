//! Built mails, read by a program that others wrote, and on their way to a server.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use rohrpost_client::{Connection, Outgoing, Target};
use rohrpost_mail::Host;
use rohrpost_sender::{Addresses, Attachment, Mail, Source};
use rohrpost_testkit::{Sink, client_tls};
use serde_json::json;

/// Prints as JSON what Python's `email` package makes of the message on its standard input.
const READER: &str = r#"
import email, email.policy, hashlib, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
faults = [str(defect) for part in message.walk() for defect in part.defects]
words = lambda kind: message.get_body((kind,)).get_content().replace("\r\n", "\n")
people = lambda name: [[a.display_name, a.addr_spec] for a in message[name].addresses]
print(json.dumps({
    "faults": faults,
    "from": people("From"), "to": people("To"), "groups": [g.display_name for g in message["To"].groups],
    "subject": message["Subject"],
    "shape": [part.get_content_type() for part in message.walk()],
    "text": words("plain"),
    "html": words("html"),
    "files": [[f.get_filename(), hashlib.sha256(f.get_payload(decode=True)).hexdigest()]
              for f in message.iter_attachments()],
}))
"#;

fn read_by_python(mail: &Mail) -> serde_json::Value {
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there: cargo xtask programs");
    let mut input = python.stdin.take().unwrap();
    std::io::copy(&mut mail.reader(), &mut input).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn python_reads_what_was_meant() {
    let long_name = format!("Angebot für {} – Stand Käufer.pdf", "Jörg & Söhne ".repeat(6));
    let text = format!("Grüße\nFrom here on\n.\n{}\n", "x".repeat(2_000));
    let mail = Mail::new()
        .from(("Müller, Anna <IT>", "anna@bücher.example"))
        .to(["bob@kunde.example", "\"a b\"@kunde.example"])
        .to(Addresses::group("Vertrieb: Süd", [("Cy \"C\" Ö", "cy@kunde.example")]))
        .subject("Rechnung 4711 für alle, die lange Betreffzeilen mit Umlauten wie ä, ö und ü zu schätzen wissen")
        .text(&text)
        .html("<p>你好，世界</p>\n")
        .inline("logo", Attachment::new("logo.png", &b"\x89PNG\r\n"[..]))
        .attach(Attachment::new(&long_name, vec![0, 10, 13, 255]))
        .attach(Attachment::new("plain.txt", "hash me"))
        .build()
        .unwrap();
    let seen = read_by_python(&mail);
    assert_eq!(seen["faults"], json!([]));
    assert_eq!(seen["from"], json!([["Müller, Anna <IT>", "anna@xn--bcher-kva.example"]]));
    assert_eq!(
        seen["to"],
        json!([["", "bob@kunde.example"], ["", "\"a b\"@kunde.example"], ["Cy \"C\" Ö", "cy@kunde.example"]])
    );
    assert_eq!(seen["groups"][2], "Vertrieb: Süd");
    assert_eq!(
        seen["subject"],
        "Rechnung 4711 für alle, die lange Betreffzeilen mit Umlauten wie ä, ö und ü zu schätzen wissen"
    );
    assert_eq!(
        seen["shape"],
        json!([
            "multipart/mixed",
            "multipart/related",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "image/png",
            "application/pdf",
            "text/plain"
        ])
    );
    assert_eq!(seen["text"], text);
    assert_eq!(seen["html"], "<p>你好，世界</p>\n");
    assert_eq!(seen["files"][0][0], long_name);
    assert_eq!(seen["files"][0][1], "59208500d52950f5d532bd32a3a48f922fd48a63e231761bd465aeb56a0f21ef");
}

async fn deliver(mail: &Mail, sink: &Sink) -> rohrpost_client::SendReport {
    let target = Target::new(sink.address(), Host::parse("laptop.here.test").unwrap());
    let mut connection = Connection::open(&target, &client_tls()).await.unwrap();
    let (envelope, recipients, body) = (mail.envelope(), mail.recipients(), mail.source());
    let report = connection.send(&Outgoing { envelope, recipients, octets: mail.octets(), body }).await;
    connection.quit().await;
    report
}

#[tokio::test]
async fn files_are_read_while_the_mail_is_sent() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![b'x'; 300_000]).unwrap();
    let zeros = Source::reader(200_000, || Ok(std::io::repeat(0).take(200_000)));
    let mail = Mail::new()
        .from("anna@firma.example")
        .to("bob@there.test")
        .text("Hi")
        .attach(file.path())
        .attach(Attachment::new("zeros", zeros))
        .build()
        .unwrap();
    let sink = Sink::start().await;
    assert!(deliver(&mail, &sink).await.is_complete());
    let mut expected = Vec::new();
    mail.reader().read_to_end(&mut expected).unwrap();
    assert_eq!(sink.messages(1).await[0].body, expected);
}

#[tokio::test]
async fn a_file_that_vanished_or_changed_is_never_sent_by_half() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![b'x'; 300_000]).unwrap();
    let mail = Mail::new().from("anna@firma.example").to("bob@there.test").attach(file.path()).build().unwrap();
    let sink = Sink::start().await;
    file.as_file().set_len(200_000).unwrap();
    assert!(!deliver(&mail, &sink).await.is_complete());
    drop(file);
    assert!(!deliver(&mail, &sink).await.is_complete());
    assert!(sink.received().is_empty());
}
