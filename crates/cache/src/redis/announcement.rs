//! A change, as it is told to other instances.

use crate::{Generation, Topic};

/// A change of a topic, or of some of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) topic: Topic,
    pub(super) generation: Generation,
    pub(super) confirm: Confirm,
    /// None for the whole topic.
    pub(super) shards: Vec<usize>,
}

/// Whether somebody waits until a change was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    No,
    Yes,
}

impl Announcement {
    /// A change of the whole topic.
    pub(super) fn of_topic(topic: Topic, confirm: Confirm) -> Self {
        Self { topic, generation: Generation::random(), confirm, shards: Vec::new() }
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.topic.name(), self.generation.0);
        match (self.confirm, self.shards.is_empty()) {
            (Confirm::No, true) => {}
            (Confirm::Yes, _) => text.push_str(" confirm"),
            (Confirm::No, false) => text.push_str(" -"),
        }
        for (index, shard) in self.shards.iter().enumerate() {
            text.push_str(if index == 0 { " " } else { "," });
            text.push_str(&shard.to_string());
        }
        text
    }

    /// What a text tells; `None` if it tells nothing that this version knows of.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (name, generation, confirm, shards) = (words.next()?, words.next()?, words.next(), words.next());
        let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name)?;
        let shards = shards.map(|shards| shards.split(',').map(str::parse).collect::<Result<_, _>>());
        Some(Self {
            topic,
            generation: Generation(generation.parse().ok()?),
            confirm: if confirm == Some("confirm") { Confirm::Yes } else { Confirm::No },
            // Shards that cannot be read are all of them.
            shards: shards.and_then(Result::ok).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        for confirm in [Confirm::No, Confirm::Yes] {
            for shards in [Vec::new(), vec![7], vec![1, 2, 4095]] {
                let told = Announcement { shards, ..Announcement::of_topic(Topic::Users, confirm) };
                assert_eq!(Announcement::parse(&told.to_text()).as_ref(), Some(&told), "{}", told.to_text());
            }
        }
        let plain = Announcement { generation: Generation(5), ..Announcement::of_topic(Topic::Schema, Confirm::No) };
        assert_eq!(Announcement::parse("schema 5"), Some(plain), "as older versions tell it");
        assert_eq!(Announcement::parse("weather 5"), None);
    }
}
