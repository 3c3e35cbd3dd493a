//! Third-party identities of a user, as they are shown to those who may see them: some hold secrets.

use std::collections::BTreeMap;

use parsefleet_core::value::write_json_string;
use parsefleet_runtime::config::{Providers, providers::Reading};

use super::{Reader, write_plain};
use crate::codec::{
    CorruptDocument,
    raw::{Raw, RawValue},
};

/// How the identities of providers are shown, for those that are not shown as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities(BTreeMap<String, Reading>);

/// Shown as they are stored: to this server itself.
pub(crate) static AS_STORED: Identities = Identities(BTreeMap::new());

impl Identities {
    /// As the providers have it.
    pub fn of(providers: &Providers) -> Self {
        Self(providers.readings().map(|(name, reading)| (name.to_owned(), reading)).collect())
    }

    /// Writes what a provider has of a user.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        provider: &str,
        stored: RawValue<'_>,
        reader: &Reader,
    ) -> Result<(), CorruptDocument> {
        let reading = self.0.get(provider).copied().unwrap_or(Reading::Whole);
        let (reading, RawValue::Document(slice)) = (reading, stored) else { return write_plain(out, stored) };
        match reading {
            Reading::IdOnly => write_id(out, slice),
            Reading::Status { totp, sms } if *reader != Reader::Master => {
                let holds = |name| Ok::<_, CorruptDocument>(slice.text(name)?.is_some_and(|text| !text.is_empty()));
                let is_set_up = (totp && holds("secret")?) || (sms && holds("mobile")?);
                out.extend_from_slice(br#"{"status":"#);
                write_json_string(if is_set_up { "enabled" } else { "disabled" }, out);
                out.push(b'}');
                Ok(())
            }
            Reading::Status { .. } | Reading::Whole => write_plain(out, stored),
        }
    }
}

fn write_id(out: &mut Vec<u8>, slice: Raw<'_>) -> Result<(), CorruptDocument> {
    out.push(b'{');
    if let Some(id) = slice.get("id")? {
        out.extend_from_slice(br#""id":"#);
        write_plain(out, id)?;
    }
    out.push(b'}');
    Ok(())
}
