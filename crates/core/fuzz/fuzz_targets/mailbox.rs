//! An e-mail address never panics, has nothing that would end a line, and is the same when it is read as it is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::Mailbox;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(mailbox) = Mailbox::parse(text) else { return };
    let shown = mailbox.to_string();
    assert!(!shown.contains(char::is_control));
    assert!(Mailbox::parse(&shown).is_ok_and(|again| again == mailbox));
});
