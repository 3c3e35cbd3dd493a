//! Documents on their way from a store to whoever reads them.

use bson::RawDocument;

/// Documents in the order of a query. They lie in one buffer: a page of a hundred costs one allocation, not a hundred.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    bytes: Vec<u8>,
    /// Where each document ends.
    ends: Vec<usize>,
}

impl Documents {
    /// Makes room for so many bytes of documents.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Appends a document.
    pub fn push(&mut self, document: &RawDocument) {
        self.bytes.extend_from_slice(document.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes they have together.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The document at a place, from 0.
    pub fn get(&self, place: usize) -> Option<&RawDocument> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        RawDocument::from_bytes(&self.bytes[start..end]).ok()
    }

    /// The first one.
    pub fn first(&self) -> Option<&RawDocument> {
        self.get(0)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &RawDocument> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

impl<D: AsRef<RawDocument>> Extend<D> for Documents {
    fn extend<I: IntoIterator<Item = D>>(&mut self, documents: I) {
        for document in documents {
            self.push(document.as_ref());
        }
    }
}

impl<D: AsRef<RawDocument>> FromIterator<D> for Documents {
    fn from_iter<I: IntoIterator<Item = D>>(documents: I) -> Self {
        let mut all = Self::default();
        all.extend(documents);
        all
    }
}
