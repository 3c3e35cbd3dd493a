//! The ACL of an object, from its two permission columns.

use parsefleet_core::value::write_json_string;

use super::{CorruptDocument, separate};
use crate::codec::raw::Raw;

/// The permission columns of one document.
#[derive(Default)]
pub(super) struct Permissions<'d> {
    pub(super) read: Option<Raw<'d>>,
    pub(super) write: Option<Raw<'d>>,
}

impl Permissions<'_> {
    /// `"ACL":{…}`, readers first; nothing if the document has neither column.
    pub(super) fn write_acl(&self, out: &mut Vec<u8>) -> Result<(), CorruptDocument> {
        if self.read.is_none() && self.write.is_none() {
            return Ok(());
        }
        separate(out);
        out.extend_from_slice(br#""ACL":{"#);
        let readers = subjects(self.read)?;
        let writers = subjects(self.write)?;
        for (place, subject) in readers.iter().enumerate() {
            if !readers[..place].contains(subject) {
                let rights: &[u8] =
                    if writers.contains(subject) { br#":{"read":true,"write":true}"# } else { br#":{"read":true}"# };
                write_rights(out, subject, rights);
            }
        }
        for (place, subject) in writers.iter().enumerate() {
            if !readers.contains(subject) && !writers[..place].contains(subject) {
                write_rights(out, subject, br#":{"write":true}"#);
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn write_rights(out: &mut Vec<u8>, subject: &str, rights: &[u8]) {
    separate(out);
    write_json_string(subject, out);
    out.extend_from_slice(rights);
}

fn subjects(column: Option<Raw<'_>>) -> Result<Vec<&str>, CorruptDocument> {
    let mut subjects = Vec::new();
    for item in column.into_iter().flat_map(Raw::items) {
        subjects.extend(item?.as_str());
    }
    Ok(subjects)
}
