//! One command line of a client.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::assert_one_line;
use rohrpost_mail::{ForwardPath, ReversePath};
use rohrpost_smtp::command::{Command, parse};

fuzz_target!(|line: &[u8]| {
    match parse(line) {
        Ok(Command::Mail(mail)) => {
            let printed = mail.reverse_path.to_string();
            assert_one_line(&printed);
            let bracketed = format!("<{printed}>");
            assert_eq!(ReversePath::parse_prefix(bracketed.as_bytes()), Ok((mail.reverse_path, "")));
        }
        Ok(Command::Rcpt(rcpt)) => {
            let printed = rcpt.forward_path.to_string();
            assert_one_line(&printed);
            let bracketed = format!("<{printed}>");
            assert_eq!(ForwardPath::parse_prefix(bracketed.as_bytes()), Ok((rcpt.forward_path, "")));
        }
        Ok(Command::Hello(_, name)) => assert_one_line(&name),
        Ok(_) => {}
        Err(error) => assert_one_line(&error.to_string()),
    }
});
