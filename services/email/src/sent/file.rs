//! The record of one machine: a file with a line for each mail. Only one process works on it at a time.
//!
//! A note is written as soon as there is something to note, by whoever has it: what the kernel has been given survives the
//! end of the process. Only then does it wait for the disk, together with others, while nobody is kept from writing.

use std::{
    collections::{HashSet, VecDeque},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    /// Shared with those who wait until their note is on the disk
    file: Arc<File>,
    /// Whether the last line may have been cut off, by a disk that was full
    is_torn: bool,
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
        let mut inner = Inner {
            path: path.to_owned(),
            file: Arc::new(file),
            is_torn: false,
            lines: 0,
            in_order: VecDeque::new(),
            jobs: HashSet::new(),
        };
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
        Ok(if lock(&self.inner).jobs.contains(job) { Claim::Sent } else { Claim::Mine })
    }

    async fn renew(&self, _job: &str) -> Result<(), RecordError> {
        Ok(())
    }

    async fn sent(&self, job: &str) -> Result<(), RecordError> {
        // Not by a thread that would have to be woken first: whoever is killed until then sends the mail twice.
        let file = lock(&self.inner).append(job)?;
        let inner = Arc::clone(&self.inner);
        let flush = move || {
            file.sync_data()?;
            lock(&inner).shorten()
        };
        Ok(tokio::task::spawn_blocking(flush).await.map_err(|_| RecordError::Interrupted)??)
    }

    async fn release(&self, _job: &str) -> Result<(), RecordError> {
        Ok(())
    }
}

impl Inner {
    /// Writes a note. It is on the disk when the file that is returned is.
    fn append(&mut self, job: &str) -> io::Result<Arc<File>> {
        let now = now();
        // Known before it is safe: whoever asks this process meanwhile is told so.
        self.remember(now, job);
        let begin = if self.is_torn { "\n" } else { "" };
        self.is_torn = true;
        self.file.as_ref().write_all(format!("{begin}{now} {job}\n").as_bytes())?;
        self.is_torn = false;
        Ok(Arc::clone(&self.file))
    }

    /// Forgets what is old, in the file only when that is worth it.
    fn shorten(&mut self) -> io::Result<()> {
        self.forget(now());
        if self.lines > 2 * CAPACITY { self.rewrite() } else { Ok(()) }
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
        self.file = Arc::new(File::options().append(true).open(&self.path)?);
        self.is_torn = false;
        self.lines = self.in_order.len();
        Ok(())
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test]
    async fn a_note_survives_a_death_that_does_not_wait_for_the_disk() -> Result<(), RecordError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("mails-sent");
        let record = FileRecord::open(&path)?;
        // Begun, and given up when it would have to wait for the first time.
        tokio::select! {
            biased;
            noted = record.sent("a") => noted?,
            () = std::future::ready(()) => {}
        }
        let text = fs::read_to_string(&path)?;
        assert!(text.ends_with(" a\n"), "{text:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_note_that_was_cut_off_spoils_no_other() -> Result<(), RecordError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("mails-sent");
        let record = FileRecord::open(&path)?;
        File::options().append(true).open(&path)?.write_all(b"1 half a li")?;
        lock(&record.inner).is_torn = true;
        record.sent("a").await?;
        record.sent("b").await?;
        let record = FileRecord::open(&path)?;
        assert_eq!((record.claim("a").await?, record.claim("b").await?), (Claim::Sent, Claim::Sent));
        Ok(())
    }

    #[tokio::test]
    async fn what_is_forgotten_leaves_the_file_in_the_end() -> Result<(), RecordError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("mails-sent");
        let record = FileRecord::open(&path)?;
        {
            let mut inner = lock(&record.inner);
            for number in 0..=2 * CAPACITY {
                inner.remember(now(), &number.to_string());
            }
        }
        record.sent("last").await?;
        let text = fs::read_to_string(&path)?;
        assert_eq!(text.lines().count(), CAPACITY);
        assert_eq!((record.claim("0").await?, record.claim("last").await?), (Claim::Mine, Claim::Sent));
        record.sent("one more").await?;
        assert!(fs::read_to_string(&path)?.ends_with(" one more\n"), "the new file is written to");
        Ok(())
    }
}
