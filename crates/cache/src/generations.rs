//! Which generation each topic, and each part of a topic, is in.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::{Generation, Topic};

/// The generations of all topics, as far as this process has heard.
pub(crate) struct Generations([State; Topic::ALL.len()]);

struct State {
    whole: watch::Sender<Generation>,
    /// Of each shard; 0 for one that was never changed by itself.
    shards: Box<[AtomicU64]>,
    /// Changes of the topic or one of its shards.
    seen: AtomicU64,
}

impl Generations {
    /// Generations that nobody else is in.
    pub(crate) fn new() -> Self {
        Self(Topic::ALL.map(|topic| State {
            whole: watch::Sender::new(Generation::random()),
            shards: (0..topic.shards()).map(|_| AtomicU64::new(0)).collect(),
            seen: AtomicU64::new(0),
        }))
    }

    /// The generation of a key: another one after each change of the topic or of the key's shard.
    pub(crate) fn of(&self, topic: Topic, key: &str) -> Generation {
        let state = self.state(topic);
        let shard = state.shards.get(topic.shard_of(key)).map_or(0, |shard| shard.load(Ordering::SeqCst));
        Generation(state.whole.borrow().0 ^ shard)
    }

    /// Moves the whole topic to a generation.
    pub(crate) fn enter(&self, topic: Topic, generation: Generation) {
        let state = self.state(topic);
        // Whoever finds the new generation finds that something has changed, too.
        state.seen.fetch_add(1, Ordering::SeqCst);
        state.whole.send_if_modified(|current| std::mem::replace(current, generation) != generation);
    }

    /// Moves some shards of a topic to a generation.
    pub(crate) fn enter_shards(&self, topic: Topic, generation: Generation, shards: &[usize]) {
        let state = self.state(topic);
        state.seen.fetch_add(1, Ordering::SeqCst);
        for shard in shards.iter().filter_map(|shard| state.shards.get(*shard)) {
            shard.store(generation.0, Ordering::SeqCst);
        }
    }

    /// How many changes of the topic were heard of.
    pub(crate) fn seen(&self, topic: Topic) -> u64 {
        self.state(topic).seen.load(Ordering::SeqCst)
    }

    pub(crate) fn subscribe(&self, topic: Topic) -> watch::Receiver<Generation> {
        self.state(topic).whole.subscribe()
    }

    fn state(&self, topic: Topic) -> &State {
        let [sessions, users, roles, schema] = &self.0;
        match topic {
            Topic::Sessions => sessions,
            Topic::Users => users,
            Topic::Roles => roles,
            Topic::Schema => schema,
        }
    }
}
