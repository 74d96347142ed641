//! MAIL and RCPT with the parameters that the server understands.

use std::fmt::Write;

use rohrpost_mail::{BodyKind, Envelope, Orcpt, Recipient, Ret};

use super::{capabilities::Capabilities, message::Message};
use crate::xtext;

/// Appends `MAIL FROM:<…>` and what the server offers of SIZE, BODY, SMTPUTF8, DSN and REQUIRETLS.
pub(super) fn mail(out: &mut String, message: &Message<'_>, capabilities: &Capabilities) {
    let envelope = message.envelope;
    push(out, format_args!("MAIL FROM:<{}>", envelope.reverse_path));
    if capabilities.size {
        push(out, format_args!(" SIZE={}", message.octets));
    }
    if capabilities.eight_bit_mime && envelope.body == BodyKind::EightBitMime {
        out.push_str(" BODY=8BITMIME");
    }
    if capabilities.smtputf8 && message.needs_smtputf8() {
        out.push_str(" SMTPUTF8");
    }
    if envelope.require_tls {
        out.push_str(" REQUIRETLS");
    }
    if capabilities.dsn {
        mail_dsn(out, envelope);
    }
    out.push_str("\r\n");
}

/// Appends `RCPT TO:<…>` and, where DSN is offered, NOTIFY and ORCPT.
pub(super) fn rcpt(out: &mut String, recipient: &Recipient, capabilities: &Capabilities) {
    push(out, format_args!("RCPT TO:<{}>", recipient.address));
    if capabilities.dsn {
        if recipient.notify.explicit {
            push(out, format_args!(" NOTIFY={}", recipient.notify));
        }
        if let Some(orcpt) = &recipient.orcpt {
            push(out, format_args!(" ORCPT={}", orcpt_value(orcpt)));
        }
    }
    out.push_str("\r\n");
}

/// RFC 3461 §4.3 and §4.4.
fn mail_dsn(out: &mut String, envelope: &Envelope) {
    match envelope.ret {
        Some(Ret::Full) => out.push_str(" RET=FULL"),
        Some(Ret::Hdrs) => out.push_str(" RET=HDRS"),
        None => {}
    }
    if let Some(envid) = &envelope.envid {
        push(out, format_args!(" ENVID={}", xtext::encode(envid)));
    }
}

/// RFC 3461 §4.2; an address beyond ASCII in the 7-bit form of RFC 6533 §3, which every server can read.
fn orcpt_value(orcpt: &Orcpt) -> String {
    if orcpt.address.is_ascii() {
        return format!("{};{}", orcpt.kind, xtext::encode(&orcpt.address));
    }
    let mut value = String::from("utf-8;");
    for c in orcpt.address.chars() {
        match c {
            '!'..='~' if !matches!(c, '+' | '=' | '\\') => value.push(c),
            other => push(&mut value, format_args!("\\x{{{:X}}}", u32::from(other))),
        }
    }
    value
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Capabilities {
        Capabilities { eight_bit_mime: true, smtputf8: true, dsn: true, size: true, ..Capabilities::default() }
    }

    fn mail_line(envelope: &Envelope, capabilities: &Capabilities) -> String {
        let mut out = String::new();
        mail(&mut out, &Message { envelope, recipients: &[], octets: 7, utf8_header: false }, capabilities);
        out
    }

    fn rcpt_line(recipient: &Recipient, capabilities: &Capabilities) -> String {
        let mut out = String::new();
        rcpt(&mut out, recipient, capabilities);
        out
    }

    #[test]
    fn parameters_are_written_only_where_they_are_offered() {
        let envelope = Envelope {
            reverse_path: "ann@here.test".parse().unwrap(),
            envid: Some("a+b=c".into()),
            ret: Some(Ret::Hdrs),
            body: BodyKind::EightBitMime,
            smtputf8: true,
            ..Envelope::default()
        };
        assert_eq!(mail_line(&envelope, &Capabilities::default()), "MAIL FROM:<ann@here.test>\r\n");
        let line = "MAIL FROM:<ann@here.test> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc\r\n";
        assert_eq!(mail_line(&envelope, &all()), line);
    }

    #[test]
    fn what_the_sender_asked_for_goes_with_the_recipient() {
        let mut recipient = Recipient::new("bob@there.test".parse().unwrap());
        assert_eq!(rcpt_line(&recipient, &all()), "RCPT TO:<bob@there.test>\r\n");
        recipient.notify = "SUCCESS,DELAY".parse().unwrap();
        recipient.orcpt = Some(Orcpt { kind: "rfc822".into(), address: "b ob@there.test".into() });
        let line = "RCPT TO:<bob@there.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+20ob@there.test\r\n";
        assert_eq!(rcpt_line(&recipient, &all()), line);
        assert_eq!(rcpt_line(&recipient, &Capabilities::default()), "RCPT TO:<bob@there.test>\r\n");
        recipient.orcpt = Some(Orcpt { kind: "utf-8".into(), address: "jörg@there.test".into() });
        assert!(rcpt_line(&recipient, &all()).contains(" ORCPT=utf-8;j\\x{F6}rg@there.test"));
    }

    #[test]
    fn a_quoted_local_part_stays_one_mailbox() {
        let recipient = Recipient::new("\"a> ORCPT=rfc822;x\"@d.test".parse().unwrap());
        assert_eq!(rcpt_line(&recipient, &all()), "RCPT TO:<\"a> ORCPT=rfc822;x\"@d.test>\r\n");
    }
}
