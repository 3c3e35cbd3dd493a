//! The ACL of an object, from its two permission columns.

use parsefleet_core::{
    acl::{Subjects, drop_repeated_subjects},
    value::write_json_string,
};

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
        let (readers, writers) = (subjects(self.read)?, subjects(self.write)?);
        let (may_read, may_write) = (Subjects::new(&readers), Subjects::new(&writers));
        for subject in &readers {
            let rights: &[u8] = match may_write.contains(subject) {
                true => br#":{"read":true,"write":true}"#,
                false => br#":{"read":true}"#,
            };
            write_rights(out, subject, rights);
        }
        for subject in writers.iter().filter(|subject| !may_read.contains(subject)) {
            write_rights(out, subject, br#":{"write":true}"#);
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

/// The subjects in a column, each once.
fn subjects(column: Option<Raw<'_>>) -> Result<Vec<&str>, CorruptDocument> {
    let mut subjects = Vec::new();
    for item in column.into_iter().flat_map(Raw::items) {
        subjects.extend(item?.as_str());
    }
    drop_repeated_subjects(&mut subjects);
    Ok(subjects)
}
