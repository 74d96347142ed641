//! Addresses in every place they come from: paths, header fields, parameters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::assert_one_line;
use rohrpost_mail::{ForwardPath, Mailbox, ReversePath, address_list};
use rohrpost_smtp::xtext;

fuzz_target!(|octets: &[u8]| {
    let _ = ReversePath::parse_prefix(octets);
    let _ = ForwardPath::parse_prefix(octets);
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(mailbox) = Mailbox::parse(text) {
        check(&mailbox);
    }
    for mailbox in address_list::mailboxes(text).into_iter().flatten() {
        check(&mailbox);
    }
    if let Ok(decoded) = xtext::decode(text) {
        assert_one_line(&decoded);
        assert_eq!(xtext::decode(&xtext::encode(&decoded)), Ok(decoded));
    }
});

fn check(mailbox: &Mailbox) {
    let printed = mailbox.to_string();
    assert_one_line(&printed);
    assert_eq!(Mailbox::parse(&printed).as_ref(), Ok(mailbox));
    let listed = address_list::mailboxes(&printed).expect("one address is a list of addresses");
    assert_eq!(listed, [mailbox.clone()]);
}
