//! Hooks as they are stored: one document of the collection `_Hooks` each, as Parse Server writes it.

use bson::{Document, RawDocument, doc, oid::ObjectId};
use xxhash_rust::xxh3::xxh3_128;

/// The collection of hooks. It is no class of the app: it has no schema, and its documents have no dates.
pub(super) const HOOKS: &str = "_Hooks";

const CLASS_NAME: &str = "className";
const TRIGGER_NAME: &str = "triggerName";
const URL: &str = "url";

/// Somebody who is asked, or told, by HTTP when something happens to objects of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The class, or what stands for one (`@File`, …).
    pub class_name: String,
    /// What happens (`beforeSave`, …).
    pub trigger_name: String,
    /// Whom to ask.
    pub url: String,
}

impl Hook {
    /// The hook of a document; `None` for those of functions, and for what is none.
    pub(super) fn decode(document: &RawDocument) -> Option<Self> {
        let text = |name: &str| document.get_str(name).ok().map(str::to_owned);
        Some(Self { class_name: text(CLASS_NAME)?, trigger_name: text(TRIGGER_NAME)?, url: text(URL)? })
    }

    /// What finds a hook, whoever stored it.
    pub(super) fn key(class_name: &str, trigger_name: &str) -> Document {
        doc! { CLASS_NAME: class_name, TRIGGER_NAME: trigger_name }
    }

    /// What else a new hook has. Two that are stored at the same time have the same id: one of them is refused.
    pub(super) fn rest(&self) -> Document {
        let name = format!("{}\0{}", self.class_name, self.trigger_name);
        let mut id = [0; 12];
        id.copy_from_slice(&xxh3_128(name.as_bytes()).to_be_bytes()[..12]);
        let mut rest = doc! { "_id": ObjectId::from_bytes(id) };
        rest.extend(self.address());
        rest
    }

    /// What changes in a hook that is there.
    pub(super) fn address(&self) -> Document {
        doc! { URL: &self.url }
    }

    /// Whether it is the hook of this class and trigger.
    pub(crate) fn is(&self, class_name: &str, trigger_name: &str) -> bool {
        self.class_name == class_name && self.trigger_name == trigger_name
    }
}
