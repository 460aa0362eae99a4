//! The folder in which the local stack keeps its data:
//!
//! | file | content |
//! |---|---|
//! | `dynamodb.sqlite3`, `dynamodb.sqlite3-wal` | the tables, and the facts about the folder, such as the number of shards |
//! | `sqs.sqlite3`, `sqs.sqlite3-wal` | the messages of the queues |
//! | `secrets.key` | the key that encrypts the secrets of targets |
//! | `dev.json` | the URL and the keys of the last start, for scripts |
//! | `lock` | locked while a process uses the folder |

use std::fs::{DirBuilder, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rusqlite::{Connection, OptionalExtension};

use crate::sqlite;
use crate::wal_sync::wal_path;

/// Version of the format of the folder. A program refuses folders with a newer version.
const DATA_DIR_VERSION: u32 = 1;

/// SQLite's `application_id` of a database in use, or of one whose process was killed: recent commits are in its
/// write-ahead log only.
const IN_USE_ID: i32 = 0x5469_6431;

/// SQLite's `application_id` of a database that was closed: the database file holds every commit.
const CLOSED_ID: i32 = 0x5469_6430;

/// Offset of the `application_id` in a database file (<https://www.sqlite.org/fileformat.html#the_database_header>).
const APPLICATION_ID_OFFSET: usize = 68;

/// The table of the facts about the folder, in the database of DynamoDB.
const FACTS_SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS tidings_facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

/// The fact with the version of the format.
const VERSION_FACT: &str = "version";

/// The fact with the number of shards of the log.
const SHARDS_FACT: &str = "shards";

/// The fact that the database of the queues and the key of the secrets were created.
const COMPLETE_FACT: &str = "complete";

/// A data folder that no other process uses while this value lives.
///
/// Its connections are the last ones of this process to be closed, and they do not remove the write-ahead logs: a log
/// disappears only if the database is marked as closed.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Number of shards of the log.
    shards: u16,
    dynamodb: Connection,
    sqs: Connection,
    /// The operating system releases the lock when the file is closed, also after a kill.
    _lock: File,
}

impl DataDir {
    /// Creates the folder if necessary, locks it, and checks that it is complete and not from a newer version. A new log
    /// gets `shards`; an existing one keeps its number, by which its events are found.
    pub(crate) fn open(path: &Path, shards: u16) -> anyhow::Result<Self> {
        create_private_dir(path).with_context(|| format!("failed to create {}", path.display()))?;
        let lock = lock(path)?;
        let files = Files(path);
        files.check_wal(&files.dynamodb())?;
        files.check_wal(&files.sqs())?;
        let dynamodb = connect(&files.dynamodb())?;
        let facts = Facts(&dynamodb);
        let shards = files.check_facts(&facts, shards)?;
        facts.initialize(shards)?;
        // The facts are in the database file before the other database exists.
        mark(&dynamodb, IN_USE_ID)?;
        let sqs = connect(&files.sqs())?;
        mark(&sqs, IN_USE_ID)?;
        files.sync()?;
        Ok(Self { path: path.to_owned(), shards, dynamodb, sqs, _lock: lock })
    }

    /// Notes that every file of the folder exists, so that a copy without one is recognised.
    pub(crate) fn mark_complete(&self) -> anyhow::Result<()> {
        self.sync()?;
        Facts(&self.dynamodb).set(COMPLETE_FACT, "1")
    }

    /// Moves every commit to the database files, and marks them as closed. Nothing may write to them afterwards.
    pub(crate) fn mark_closed(&self) -> anyhow::Result<()> {
        mark(&self.dynamodb, CLOSED_ID)?;
        mark(&self.sqs, CLOSED_ID)
    }

    /// The path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The DynamoDB database.
    pub(crate) fn dynamodb_file(&self) -> PathBuf {
        Files(&self.path).dynamodb()
    }

    /// The SQS database.
    pub(crate) fn sqs_file(&self) -> PathBuf {
        Files(&self.path).sqs()
    }

    /// The key that encrypts the secrets of targets.
    pub(crate) fn key_file(&self) -> PathBuf {
        Files(&self.path).key()
    }

    /// The number of shards of the log.
    pub(crate) fn shards(&self) -> u16 {
        self.shards
    }

    /// Makes the names of new files survive a power cut.
    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        Files(&self.path).sync()
    }
}

/// Locks the folder.
fn lock(path: &Path) -> anyhow::Result<File> {
    let lock_path = path.join("lock");
    let lock = create_private_file(&lock_path).with_context(|| format!("failed to write {}", lock_path.display()))?;
    if lock.try_lock().is_err() {
        bail!(
            "{} is in use by another `tidings dev`: stop it, or choose another folder with --data-dir",
            path.display()
        );
    }
    Ok(lock)
}

/// The files of a folder.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn dynamodb(&self) -> PathBuf {
        self.0.join("dynamodb.sqlite3")
    }

    fn sqs(&self) -> PathBuf {
        self.0.join("sqs.sqlite3")
    }

    fn key(&self) -> PathBuf {
        self.0.join("secrets.key")
    }

    fn sync(&self) -> anyhow::Result<()> {
        sync_dir(self.0).with_context(|| format!("failed to sync {}", self.0.display()))
    }

    /// Checks the facts of the folder, and returns its number of shards: `requested` if the log is new.
    fn check_facts(&self, facts: &Facts<'_>, requested: u16) -> anyhow::Result<u16> {
        let Some(version) = facts.get(VERSION_FACT)? else { return self.shards_without_facts(facts, requested) };
        let version: u32 = version.parse().with_context(|| format!("the version {version:?} is not a number"))?;
        ensure!(
            version <= DATA_DIR_VERSION,
            "{} has version {version}, and this program reads versions up to {DATA_DIR_VERSION}: use a newer `tidings`, \
             or another folder with --data-dir",
            self.0.display()
        );
        if facts.get(COMPLETE_FACT)?.is_some() {
            ensure!(has_content(&self.sqs()), "{}", self.incomplete("sqs.sqlite3"));
            ensure!(self.key().exists(), "{}", self.missing_key());
        }
        let shards =
            facts.get(SHARDS_FACT)?.context("the database does not contain the number of shards of the log")?;
        shards.parse().with_context(|| format!("the number of shards {shards:?} is not a number"))
    }

    /// The number of shards of a log without facts. Earlier versions wrote it into a file. The number is never guessed,
    /// since events would not be found.
    fn shards_without_facts(&self, facts: &Facts<'_>, requested: u16) -> anyhow::Result<u16> {
        if !facts.has_tables()? {
            // A new log. The database of the queues is created after the facts.
            ensure!(!has_content(&self.sqs()), "{}", self.incomplete("dynamodb.sqlite3"));
            return Ok(requested);
        }
        ensure!(self.key().exists(), "{}", self.missing_key());
        let file = self.0.join("shards");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.trim().parse().with_context(|| {
            format!(
                "{} does not contain the number of shards of the log: restore the file, or write the number that the \
                 folder was created with (1, unless --shards was set) into it",
                file.display()
            )
        })
    }

    /// Checks that a database that was not closed still has its write-ahead log.
    fn check_wal(&self, file: &Path) -> anyhow::Result<()> {
        let wal = wal_path(file);
        if application_id(file) == Some(IN_USE_ID) && !wal.exists() {
            let name = wal.file_name().unwrap_or_default().to_string_lossy();
            bail!("{}", self.incomplete(&name));
        }
        Ok(())
    }

    fn incomplete(&self, missing: &str) -> String {
        format!(
            "{} is an incomplete copy of a data folder: {missing} is missing, and data would be lost. Copy the whole \
             folder while `tidings dev` is stopped, or make the copy with `tidings backup` (docs/local.md)",
            self.0.display()
        )
    }

    fn missing_key(&self) -> String {
        let file = self.key();
        let file = file.display();
        format!(
            "{file} is missing: without it, the secrets of targets cannot be decrypted. Restore the file. If it is lost, \
             create a new one (head -c 32 /dev/urandom > {file}) and set the secrets of every target again"
        )
    }
}

/// Opens or creates a database that only its owner can read. Its few commits wait for the disk by themselves.
fn connect(file: &Path) -> anyhow::Result<Connection> {
    create_private_file(file).with_context(|| format!("failed to write {}", file.display()))?;
    let connect = || {
        let connection = sqlite::connect(file)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok::<_, rusqlite::Error>(connection)
    };
    connect().with_context(|| format!("failed to open {}: restore it from a backup (docs/local.md)", file.display()))
}

/// Marks a copy of a database, which no other connection uses, as closed.
pub(crate) fn mark_copy(copy: &Connection) -> anyhow::Result<()> {
    // Without WAL mode, the database has no other file.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(copy.pragma_update(None, "application_id", CLOSED_ID)?)
}

/// Sets the application ID in the database file itself, not only in the write-ahead log.
fn mark(connection: &Connection, id: i32) -> anyhow::Result<()> {
    connection.pragma_update(None, "application_id", id)?;
    // Another connection may be reading. The mark is then in the write-ahead log, which remains.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Reads the application ID from the header of a database file. `None` if the file has no header.
fn application_id(file: &Path) -> Option<i32> {
    use std::io::Read;
    let mut header = [0; APPLICATION_ID_OFFSET + 4];
    File::open(file).ok()?.read_exact(&mut header).ok()?;
    header.last_chunk().map(|id| i32::from_be_bytes(*id))
}

/// The facts about a data folder.
struct Facts<'a>(&'a Connection);

impl Facts<'_> {
    /// Stores the version and the number of shards. Both are stored, or neither is.
    fn initialize(&self, shards: u16) -> anyhow::Result<()> {
        let transaction = self.0.unchecked_transaction()?;
        transaction.execute_batch(FACTS_SCHEMA)?;
        self.set(VERSION_FACT, &DATA_DIR_VERSION.to_string())?;
        self.set(SHARDS_FACT, &shards.to_string())?;
        Ok(transaction.commit()?)
    }

    fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        self.0.execute("INSERT OR REPLACE INTO tidings_facts (name, value) VALUES (?1, ?2)", [name, value])?;
        Ok(())
    }

    fn get(&self, name: &str) -> anyhow::Result<Option<String>> {
        if !self.has_table("tidings_facts")? {
            return Ok(None);
        }
        let select = "SELECT value FROM tidings_facts WHERE name = ?1";
        Ok(self.0.query_row(select, [name], |row| row.get(0)).optional()?)
    }

    /// True if dynoxide has created its tables.
    fn has_tables(&self) -> anyhow::Result<bool> {
        self.has_table("_tables")
    }

    fn has_table(&self, name: &str) -> anyhow::Result<bool> {
        let select = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        Ok(self.0.query_row(select, [name], |row| row.get::<_, i64>(0))? > 0)
    }
}

fn has_content(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Creates a folder that only its owner can enter. An existing folder that holds a log of an earlier version becomes
/// such a folder.
pub(crate) fn create_private_dir(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return if has_content(&path.join("dynamodb.sqlite3")) { make_private(path, 0o700) } else { Ok(()) };
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Opens or creates a file that only its owner can read. SQLite gives a database's other files the same mode.
pub(crate) fn create_private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    make_private(path, 0o600)?;
    Ok(file)
}

#[cfg(unix)]
fn make_private(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_private(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Syncs the names in a folder. Windows does so by itself, and cannot open a folder.
pub(crate) fn sync_dir(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
#[path = "data_dir_tests.rs"]
mod tests;
