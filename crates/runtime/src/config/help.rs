//! What `--help` prints, written from the table.

use std::fmt::Write as _;

use super::options::{AREAS, OptionSpec, State, all};

/// What `--help` prints.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Parsefleet: a Parse-compatible backend.\n\n\
         Usage:\n  \
         parsefleet [options] [configuration.json]                 everything in one process\n  \
         parsefleet gateway|auth|data|email [options] [configuration.json]   one role of a fleet\n  \
         parsefleet jobs list|show|replay|drop …                   jobs that failed; parsefleet jobs --help tells more\n\n\
         Example:\n  \
         parsefleet --appId APPLICATION_ID --masterKey MASTER_KEY\n",
    );
    for area in AREAS {
        let _ = write!(text, "\n{}:\n", area.title);
        for option in area.options {
            option_lines(&mut text, option);
        }
    }
    text.push_str("\nOther:\n  --help\n      Print this.\n  --version\n      Print the version.\n");
    text.push_str("\nConfigure From Environment:\n\n");
    for option in all() {
        for name in option.env {
            let _ = writeln!(text, "    $ {name}='{}'", option.name);
        }
    }
    text
}

fn option_lines(text: &mut String, option: &OptionSpec) {
    let (open, close) = if option.kind.is_switch() { ('[', ']') } else { ('<', '>') };
    let _ = write!(text, "  --{} {open}{}{close}\n      {}", option.name, option.name, option.meaning);
    if option.required {
        text.push_str(" Required.");
    }
    if let Some(default) = option.default {
        let _ = write!(text, " Default: {default}.");
    }
    match option.state {
        State::Implemented => {}
        State::WithoutEffect(reason) => {
            let _ = write!(text, " No effect: {reason}.");
        }
        State::NotImplemented(_) | State::NeedsCloudCode => text.push_str(" Not implemented yet."),
    }
    text.push('\n');
}
