//! Where a dotted path leads in a document that is being changed.

use bson::{Bson, Document};

use crate::store::StoreError;

/// Most positions that a write beyond the end of an array may fill with nulls, as in MongoDB.
const LONGEST_GAP: usize = 1_500_000;

/// A place that holds a value, or has just been made to hold one.
pub(super) struct Place<'a> {
    holder: Holder<'a>,
    is_new: bool,
}

enum Holder<'a> {
    Member(&'a mut Document, String),
    Element(&'a mut Vec<Bson>, usize),
}

impl<'a> Place<'a> {
    /// The place of a path, if there is a value.
    pub(super) fn existing(document: &'a mut Document, path: &str) -> Option<Self> {
        let (names, last) = split(path);
        let mut holder = Container::Document(document);
        for name in names {
            holder = Container::of(holder.child(name)?)?;
        }
        let holder = match holder {
            Container::Document(document) => {
                if !document.contains_key(last) {
                    return None;
                }
                Holder::Member(document, last.to_owned())
            }
            Container::Array(items) => {
                let index = position(last).filter(|index| *index < items.len())?;
                Holder::Element(items, index)
            }
        };
        Some(Self { holder, is_new: false })
    }

    /// The place of a path; the objects it leads through are made if they are missing.
    ///
    /// # Errors
    /// `Refused` if it leads through something that has no members.
    pub(super) fn made(document: &'a mut Document, path: &str) -> Result<Self, StoreError> {
        let (names, last) = split(path);
        let mut holder = Container::Document(document);
        let mut parent = "";
        let mut names = names.into_iter().peekable();
        while let Some(name) = names.next() {
            let next = names.peek().copied().unwrap_or(last);
            let child = holder.child_or_new(parent, name)?;
            holder = match child {
                Bson::Document(document) => Container::Document(document),
                Bson::Array(items) => Container::Array(items),
                other => return Err(no_members(next, name, other)),
            };
            parent = name;
        }
        let (holder, is_new) = match holder {
            Container::Document(document) => {
                let is_new = !document.contains_key(last);
                (Holder::Member(document, last.to_owned()), is_new)
            }
            Container::Array(items) => {
                let index = grown(items, parent, last)?;
                let is_new = index == items.len();
                (Holder::Element(items, index), is_new)
            }
        };
        Ok(Self { holder, is_new })
    }

    /// Whether nothing was there.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The value; a new one is null until it is given.
    pub(super) fn value(&mut self) -> &mut Bson {
        match &mut self.holder {
            Holder::Member(document, name) => document.entry(name.clone()).or_insert(Bson::Null),
            Holder::Element(items, index) => {
                if *index == items.len() {
                    items.push(Bson::Null);
                }
                &mut items[*index]
            }
        }
    }

    /// Takes the value away. An array keeps its length: null takes the place.
    pub(super) fn remove(mut self) {
        match &mut self.holder {
            Holder::Member(document, name) => drop(document.remove(name.as_str())),
            Holder::Element(..) => *self.value() = Bson::Null,
        }
    }
}

enum Container<'a> {
    Document(&'a mut Document),
    Array(&'a mut Vec<Bson>),
}

impl<'a> Container<'a> {
    fn of(value: &'a mut Bson) -> Option<Self> {
        match value {
            Bson::Document(document) => Some(Self::Document(document)),
            Bson::Array(items) => Some(Self::Array(items)),
            _ => None,
        }
    }

    fn child(self, name: &str) -> Option<&'a mut Bson> {
        match self {
            Self::Document(document) => document.get_mut(name),
            Self::Array(items) => items.get_mut(position(name)?),
        }
    }

    fn child_or_new(self, parent: &str, name: &str) -> Result<&'a mut Bson, StoreError> {
        let empty = || Bson::Document(Document::new());
        match self {
            Self::Document(document) => Ok(document.entry(name.to_owned()).or_insert_with(empty)),
            Self::Array(items) => {
                let index = grown(items, parent, name)?;
                if index == items.len() {
                    items.push(empty());
                }
                Ok(&mut items[index])
            }
        }
    }
}

/// The position a name stands for, at most the length of the array, which is filled with nulls up to there.
fn grown(items: &mut Vec<Bson>, parent: &str, name: &str) -> Result<usize, StoreError> {
    let Some(index) = position(name) else {
        let array = Bson::Array(std::mem::take(items));
        return Err(no_members(name, parent, &array));
    };
    if index.saturating_sub(items.len()) > LONGEST_GAP {
        return Err(StoreError::Refused("can't backfill more than 1500000 elements".to_owned()));
    }
    while items.len() < index {
        items.push(Bson::Null);
    }
    Ok(index)
}

fn no_members(name: &str, holder: &str, value: &Bson) -> StoreError {
    StoreError::Refused(format!("Cannot create field '{name}' in element {{{holder}: {value}}}"))
}

/// A canonical decimal number.
fn position(name: &str) -> Option<usize> {
    let canonical = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { name.parse().ok() } else { None }
}

fn split(path: &str) -> (Vec<&str>, &str) {
    match path.rsplit_once('.') {
        Some((names, last)) => (names.split('.').collect(), last),
        None => (Vec::new(), path),
    }
}
