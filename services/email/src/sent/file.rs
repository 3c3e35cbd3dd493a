//! The record of one machine: a file with a line for each mail. Only one process works on it at a time.

use std::{
    collections::{HashSet, VecDeque},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

use super::{Claim, REMEMBERED, RecordError, SentRecord};

/// Most mails that are remembered.
const CAPACITY: usize = 100_000;

pub(crate) struct FileRecord {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    path: PathBuf,
    file: File,
    /// Lines in the file, those that are forgotten included
    lines: usize,
    /// Seconds since 1970, and the job
    in_order: VecDeque<(u64, Arc<str>)>,
    jobs: HashSet<Arc<str>>,
}

impl FileRecord {
    /// Opens the file, or begins one. A line that a crash has cut off does not count.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let file = File::options().create(true).append(true).open(path)?;
        let oldest = now().saturating_sub(REMEMBERED.as_secs());
        let mut inner =
            Inner { path: path.to_owned(), file, lines: 0, in_order: VecDeque::new(), jobs: HashSet::new() };
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let Some((seconds, job)) = line.split_once(' ') else { continue };
            let seconds = seconds.parse().unwrap_or(0);
            if seconds >= oldest {
                inner.remember(seconds, job);
            }
        }
        inner.forget(now());
        inner.rewrite()?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }
}

#[async_trait]
impl SentRecord for FileRecord {
    async fn claim(&self, job: &str) -> Result<Claim, RecordError> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(if inner.jobs.contains(job) { Claim::Sent } else { Claim::Mine })
    }

    async fn renew(&self, _job: &str) -> Result<(), RecordError> {
        Ok(())
    }

    async fn sent(&self, job: &str) -> Result<(), RecordError> {
        let (inner, job) = (Arc::clone(&self.inner), job.to_owned());
        let write = move || inner.lock().unwrap_or_else(PoisonError::into_inner).append(&job);
        Ok(tokio::task::spawn_blocking(write).await.map_err(|_| RecordError::Interrupted)??)
    }

    async fn release(&self, _job: &str) -> Result<(), RecordError> {
        Ok(())
    }
}

impl Inner {
    fn append(&mut self, job: &str) -> io::Result<()> {
        let now = now();
        // Known before it is safe: whoever asks this process meanwhile is told so.
        self.remember(now, job);
        self.file.write_all(format!("{now} {job}\n").as_bytes())?;
        self.file.sync_data()?;
        self.forget(now);
        if self.lines > 2 * CAPACITY {
            self.rewrite()?;
        }
        Ok(())
    }

    fn remember(&mut self, seconds: u64, job: &str) {
        let job: Arc<str> = job.into();
        self.lines += 1;
        if self.jobs.insert(Arc::clone(&job)) {
            self.in_order.push_back((seconds, job));
        }
    }

    fn forget(&mut self, now: u64) {
        let oldest = now.saturating_sub(REMEMBERED.as_secs());
        while let Some((seconds, _)) = self.in_order.front()
            && (*seconds < oldest || self.in_order.len() > CAPACITY)
            && let Some((_, job)) = self.in_order.pop_front()
        {
            self.jobs.remove(&job);
        }
    }

    /// Writes what is remembered into a new file, which takes the place of the old one.
    fn rewrite(&mut self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let lines: String = self.in_order.iter().map(|(seconds, job)| format!("{seconds} {job}\n")).collect();
        let mut file = File::create(&new)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.file = File::options().append(true).open(&self.path)?;
        self.lines = self.in_order.len();
        Ok(())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_sent_is_known_after_a_restart() -> Result<(), RecordError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deeper").join("mails-sent");
        let record = FileRecord::open(&path)?;
        assert_eq!(record.claim("a").await?, Claim::Mine);
        record.sent("a").await?;
        assert_eq!(record.claim("a").await?, Claim::Sent);
        drop(record);
        // A crash in the middle of a line.
        File::options().append(true).open(&path)?.write_all(format!("1 old\n{} b\n{} c", now(), now()).as_bytes())?;
        let record = FileRecord::open(&path)?;
        for (job, claim) in [("a", Claim::Sent), ("b", Claim::Sent), ("c", Claim::Mine), ("old", Claim::Mine)] {
            assert_eq!(record.claim(job).await?, claim, "{job}");
        }
        record.sent("c").await?;
        let text = fs::read_to_string(&path)?;
        assert_eq!(text.lines().count(), 3, "{text}");
        Ok(())
    }
}
