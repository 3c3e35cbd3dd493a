//! What operators do with dead letters: the queue is gone through from its front, and what is not meant is given back.

use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};

use super::{
    Shared,
    link::{Link, unavailable},
    message,
};
use crate::{
    bus::{Backlog, BusError},
    dead::{DeadJob, Selection},
    job::Queue,
};

/// A pass through a queue of dead letters. When it is dropped, what was not removed is given back.
struct Pass<'a> {
    link: Link,
    name: ShortString,
    queue: Queue,
    selection: &'a Selection,
    /// Letters that have not been looked at: those that come meanwhile are not meant.
    left: u32,
    found: usize,
}

impl<'a> Pass<'a> {
    async fn begin(shared: &Shared, queue: Queue, selection: &'a Selection) -> Result<Self, BusError> {
        let link = open(shared, queue).await?;
        let name = shared.names.dead(queue);
        let left = count(&link, &name).await?;
        Ok(Self { link, name, queue, selection, left, found: 0 })
    }

    /// The next one that is meant.
    async fn next(&mut self) -> Result<Option<(DeadJob, Delivery)>, BusError> {
        while self.left > 0 && self.found < self.selection.most() {
            self.left -= 1;
            let got = self.link.channel.basic_get(self.name.clone(), BasicGetOptions { no_ack: false }).await;
            let Some(message) = got.map_err(|error| unavailable(&error))? else { return Ok(None) };
            let dead = message::read_dead(self.queue, &message.delivery);
            if self.selection.takes(&dead) {
                self.found += 1;
                return Ok(Some((dead, message.delivery)));
            }
        }
        Ok(None)
    }

    /// Gives back what was not removed.
    async fn end(self) -> Result<(), BusError> {
        let closed = self.link.channel.close(200, "OK".into()).await;
        closed.map_err(|error| unavailable(&error))
    }
}

pub(super) async fn list(shared: &Shared, queue: Queue, selection: &Selection) -> Result<Vec<DeadJob>, BusError> {
    let mut pass = Pass::begin(shared, queue, selection).await?;
    let mut found = Vec::new();
    while let Some((dead, _delivery)) = pass.next().await? {
        found.push(dead);
    }
    pass.end().await?;
    // The order in which they came may be another one after some were given back.
    found.sort_by_key(|dead| dead.died_at);
    Ok(found)
}

pub(super) async fn replay(shared: &Shared, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
    let mut pass = Pass::begin(shared, queue, selection).await?;
    let mut count = 0;
    while let Some((mut dead, delivery)) = pass.next().await? {
        dead.job.attempts = 0;
        shared.publish(&dead.job).await?;
        remove(&delivery).await?;
        count += 1;
    }
    pass.end().await?;
    Ok(count)
}

pub(super) async fn drop_selected(shared: &Shared, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
    let mut pass = Pass::begin(shared, queue, selection).await?;
    let mut count = 0;
    while let Some((_, delivery)) = pass.next().await? {
        remove(&delivery).await?;
        count += 1;
    }
    pass.end().await?;
    Ok(count)
}

pub(super) async fn backlog(shared: &Shared, queue: Queue) -> Result<Backlog, BusError> {
    let link = open(shared, queue).await?;
    let waiting = count(&link, &shared.names.jobs(queue)).await?.into();
    let mut delayed = 0;
    for delay in shared.schedule.delays() {
        delayed += u64::from(count(&link, &shared.names.delay(queue, delay)).await?);
    }
    let dead = count(&link, &shared.names.dead(queue)).await?.into();
    Ok(Backlog { waiting, delayed, dead })
}

async fn open(shared: &Shared, queue: Queue) -> Result<Link, BusError> {
    let open = async {
        let link = Link::open(&shared.address, "looking").await?;
        link.declare(&shared.names, &shared.schedule, &[queue]).await?;
        Ok(link)
    };
    open.await.map_err(|error: lapin::Error| unavailable(&error))
}

/// Messages that wait in a queue.
async fn count(link: &Link, name: &ShortString) -> Result<u32, BusError> {
    let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let queue = link.channel.queue_declare(name.clone(), look, FieldTable::default()).await;
    queue.map(|queue| queue.message_count()).map_err(|error| unavailable(&error))
}

async fn remove(delivery: &Delivery) -> Result<(), BusError> {
    match delivery.acker.ack(BasicAckOptions::default()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(BusError::Lost),
        Err(error) => Err(unavailable(&error)),
    }
}
