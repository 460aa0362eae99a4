//! Group commit: waits until the committed transactions of a SQLite database are on the disk.
//!
//! In WAL mode with `synchronous=NORMAL`, a commit appends to the write-ahead log and does not wait for the disk. One
//! `fsync` of the log makes all earlier commits durable, so concurrent requests share it. A checkpoint moves commits
//! from the log to the database only after it has synced the log, and SQLite overwrites the log only after it has synced
//! the database. Commits that are no longer in the log are therefore durable as well.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, bail};
use tokio::sync::watch;

use crate::health::Health;

/// The point at which a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Acknowledged writes survive a power cut.
    Durable,
    /// Acknowledged writes survive a kill of the process. A power cut loses the last moments.
    Relaxed,
}

/// Waits until commits are on the disk. Clones share the waits of one database.
#[derive(Debug, Clone)]
pub(crate) struct WalSync(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Number of commits so far.
    commits: Arc<AtomicU64>,
    /// Wakes the thread that syncs. The thread ends when the sender is dropped.
    wake: SyncSender<()>,
    synced: watch::Receiver<SyncProgress>,
}

/// The progress of the thread that syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SyncProgress {
    /// This number of commits is durable.
    Durable(u64),
    /// A sync failed. The state of the disk is unknown: the operating system may have dropped the data.
    Failed,
}

impl WalSync {
    /// Creates the group commit of the database in `file`, whose write-ahead log must exist.
    pub(crate) fn start(file: &Path, durability: Durability, health: &Health) -> anyhow::Result<Self> {
        if durability == Durability::Relaxed {
            return Ok(Self(None));
        }
        let wal = wal_path(file);
        // Windows syncs only files that are open for writing.
        let log = OpenOptions::new().read(true).write(true).open(&wal);
        let log = log.with_context(|| format!("failed to open {}", wal.display()))?;
        Self::start_with(move || log.sync_data(), health)
    }

    /// Creates a group commit that calls `sync` to make all earlier commits durable.
    fn start_with(mut sync: impl FnMut() -> io::Result<()> + Send + 'static, health: &Health) -> anyhow::Result<Self> {
        let commits = Arc::new(AtomicU64::new(0));
        let (progress, synced) = watch::channel(SyncProgress::Durable(0));
        // One waiting wake-up is enough: the thread reads the number of commits after it has received the wake-up.
        let (wake, woken) = sync_channel(1);
        let (health, committed) = (health.clone(), Arc::clone(&commits));
        thread::Builder::new().name("wal-sync".to_owned()).spawn(move || {
            while woken.recv().is_ok() {
                let commits = committed.load(Ordering::Acquire);
                if *progress.borrow() == SyncProgress::Durable(commits) {
                    continue;
                }
                if let Err(error) = sync() {
                    progress.send_replace(SyncProgress::Failed);
                    health.fail(&error);
                    return;
                }
                progress.send_replace(SyncProgress::Durable(commits));
            }
        })?;
        Ok(Self(Some(Arc::new(Inner { commits, wake, synced }))))
    }

    /// Notes that a transaction was committed. Returns the number of commits, for [`Self::wait`].
    pub(crate) fn record_commit(&self) -> u64 {
        let Some(inner) = &self.0 else { return 0 };
        let commits = inner.commits.fetch_add(1, Ordering::AcqRel) + 1;
        // A full channel already holds a wake-up. A disconnected one belongs to a failed thread.
        let _ = inner.wake.try_send(());
        commits
    }

    /// Number of commits so far.
    pub(crate) fn commits(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.commits.load(Ordering::Acquire))
    }

    /// Waits until the first `commits` commits are on the disk.
    pub(crate) async fn wait(&self, commits: u64) -> anyhow::Result<()> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let mut synced = inner.synced.clone();
        let is_done = |progress: &SyncProgress| match *progress {
            SyncProgress::Durable(durable) => durable >= commits,
            SyncProgress::Failed => true,
        };
        let progress = *synced.wait_for(is_done).await.context("the thread that syncs the database has ended")?;
        if progress == SyncProgress::Failed {
            bail!("the database could not be written to the disk");
        }
        Ok(())
    }

    /// Waits until all commits so far are on the disk.
    pub(crate) async fn wait_for_all(&self) -> anyhow::Result<()> {
        self.wait(self.commits()).await
    }
}

/// The path of the write-ahead log of the database in `file`.
pub(crate) fn wal_path(file: &Path) -> std::path::PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::channel;

    use rusqlite::Connection;

    use super::*;
    use crate::sqlite::Sqlite;

    #[tokio::test]
    async fn concurrent_commits_share_a_sync() {
        let (begin, may_begin) = channel::<()>();
        let syncs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&syncs);
        let sync = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            may_begin.recv().map_err(io::Error::other)
        };
        let wal_sync = WalSync::start_with(sync, &Health::default()).unwrap();
        let first = wal_sync.record_commit();
        while syncs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // These commits follow the begin of the first sync, which does not cover them.
        let later: Vec<u64> = (0..100).map(|_| wal_sync.record_commit()).collect();
        begin.send(()).unwrap();
        wal_sync.wait(first).await.unwrap();
        begin.send(()).unwrap();
        for commit in later {
            wal_sync.wait(commit).await.unwrap();
        }
        assert_eq!(syncs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn no_commit_is_acknowledged_after_a_failed_sync() {
        let health = Health::default();
        let wal_sync = WalSync::start_with(|| Err(io::Error::other("the disk is broken")), &health).unwrap();
        let commit = wal_sync.record_commit();
        assert!(wal_sync.wait(commit).await.is_err());
        assert!(wal_sync.wait(commit + 1).await.is_err());
        assert!(health.failed().await.contains("the disk is broken"));
    }

    /// The disk after a power cut holds what was written before the last sync, and may hold any part of the rest.
    #[tokio::test]
    async fn acknowledged_commits_survive_a_power_cut() {
        let (folder, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, disk_file) = (folder.path().join("any.sqlite3"), disk.path().join("any.sqlite3"));
        let sqlite = Sqlite::open(&file, "CREATE TABLE IF NOT EXISTS numbers (number INTEGER)").unwrap();
        std::fs::copy(&file, &disk_file).unwrap();
        // Copies the log as the sync of a real disk does, and adds a torn page of a later commit.
        let wal = wal_path(&file);
        let disk_wal = wal_path(&disk_file);
        let sync = move || {
            let mut bytes = std::fs::read(&wal)?;
            bytes.extend([0xab; 1000]);
            std::fs::write(&disk_wal, bytes)
        };
        let wal_sync = WalSync::start_with(sync, &Health::default()).unwrap();
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        for number in 0..50_i64 {
            let insert = move |db: &mut Connection| Ok(db.execute("INSERT INTO numbers VALUES (?1)", [number])?);
            sqlite.run(insert).await.unwrap();
            let commit = wal_sync.record_commit();
            if number % 7 == 0 {
                wal_sync.wait(commit).await.unwrap();
                acknowledged.lock().unwrap().push(number);
            }
        }
        let restored = Connection::open(&disk_file).unwrap();
        for number in acknowledged.lock().unwrap().iter() {
            let found: i64 = restored
                .query_row("SELECT count(*) FROM numbers WHERE number = ?1", [number], |row| row.get(0))
                .unwrap();
            assert_eq!(found, 1, "{number}");
        }
    }
}
