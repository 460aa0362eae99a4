//! The health of the local stack: faults of the machine that its requests run into, such as a full disk.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Bytes that are written to find out whether the disk is still full: more than an event takes.
const PROBE_BYTES: usize = 1 << 20;

/// A fault of the machine or of the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk is full, or a quota is used up.
    DiskFull,
    /// The disk failed to read or write.
    DiskFailed,
    /// The data folder is read-only.
    ReadOnly,
    /// A database in the data folder is damaged.
    Corrupt,
    /// The process has no file descriptors left.
    TooManyOpenFiles,
}

impl Fault {
    /// Recognises the fault behind an error of SQLite or dynoxide by SQLite's message for its error code
    /// (`sqlite3_errstr`). `None` if the error has another cause.
    pub(crate) fn from_message(message: &str) -> Option<Self> {
        const MESSAGES: [(&str, Fault); 8] = [
            ("database or disk is full", Fault::DiskFull),
            ("disk I/O error", Fault::DiskFailed),
            ("attempt to write a readonly database", Fault::ReadOnly),
            ("database disk image is malformed", Fault::Corrupt),
            ("file is not a database", Fault::Corrupt),
            ("not a valid database", Fault::Corrupt),
            // dynoxide cannot parse an item.
            ("Bad item JSON", Fault::Corrupt),
            ("unable to open database file", Fault::TooManyOpenFiles),
        ];
        MESSAGES.iter().find(|(text, _)| message.contains(text)).map(|(_, fault)| *fault)
    }

    /// Recognises the fault behind an error of the operating system.
    pub(crate) fn from_io(error: &io::Error) -> Option<Self> {
        /// The codes of "too many open files" of the process (`EMFILE`) and of the system (`ENFILE`).
        const TOO_MANY_OPEN_FILES: [i32; 2] = [24, 23];
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::DiskFull),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            _ => {
                let is_limit = cfg!(unix) && error.raw_os_error().is_some_and(|c| TOO_MANY_OPEN_FILES.contains(&c));
                is_limit.then_some(Self::TooManyOpenFiles)
            }
        }
    }

    /// True if the fault remains until the folder is replaced.
    fn is_permanent(self) -> bool {
        self == Self::Corrupt
    }
}

/// The message for users: what failed and what to do.
impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => {
                "The disk of the data folder is full. Free some space: the local stack then continues by itself. \
                 Acknowledged events are safe"
            }
            Self::DiskFailed => {
                "The disk of the data folder fails to read or write. Check the disk, and its free space and quota; the \
                 log of `tidings dev` has the details"
            }
            Self::ReadOnly => {
                "The data folder is read-only. Make it writable: the local stack then continues by itself. Acknowledged \
                 events are safe"
            }
            Self::Corrupt => {
                "The database in the data folder is corrupt. Stop `tidings dev` and restore the folder from a backup, as \
                 docs/local.md describes"
            }
            Self::TooManyOpenFiles => {
                "The process has no file descriptors left. Close some connections, or raise the limit (`ulimit -n`) and \
                 start `tidings dev` again"
            }
        })
    }
}

/// The current fault, if any. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fault: Mutex<Option<Fault>>,
    /// The error after which the process must stop.
    failed: watch::Sender<Option<String>>,
}

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(Shared { fault: Mutex::new(None), failed: watch::Sender::new(None) }))
    }
}

impl Health {
    /// The current fault.
    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.lock()
    }

    /// Notes a fault, and logs it unless it is known already.
    pub(crate) fn report(&self, fault: Fault, error: &dyn Display) {
        let mut current = self.lock();
        if *current == Some(fault) || current.is_some_and(Fault::is_permanent) {
            return;
        }
        tracing::error!(%error, "{fault}");
        *current = Some(fault);
    }

    /// Writes a file of [`PROBE_BYTES`] in `folder` if there is a fault, which is over if that works. A small write to the
    /// database may work although the disk is full.
    pub(crate) fn probe(&self, folder: &Path) {
        if self.fault().is_some_and(|fault| !fault.is_permanent()) {
            match write_probe(&folder.join("probe")) {
                Ok(()) => self.report_recovery(),
                Err(error) => {
                    if let Some(fault) = Fault::from_io(&error) {
                        self.report(fault, &error);
                    }
                }
            }
        }
    }

    /// Notes that the fault is over, unless it is permanent.
    fn report_recovery(&self) {
        let mut current = self.lock();
        if current.is_some_and(|fault| !fault.is_permanent()) {
            tracing::info!("the local stack has recovered");
            *current = None;
        }
    }

    /// Notes an error after which the process must stop: nothing that it acknowledges would be certain.
    pub(crate) fn fail(&self, error: &io::Error) {
        self.report(Fault::from_io(error).unwrap_or(Fault::DiskFailed), error);
        self.0.failed.send_replace(Some(error.to_string()));
    }

    /// Waits for an error after which the process must stop, and returns its description.
    pub(crate) async fn failed(&self) -> String {
        let mut failed = self.0.failed.subscribe();
        // The sender lives as long as this value.
        match failed.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault>> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a file to the disk and removes it.
fn write_probe(file: &Path) -> io::Result<()> {
    let write = || {
        let mut probe = File::create(file)?;
        probe.write_all(&vec![0; PROBE_BYTES])?;
        probe.sync_all()
    };
    let written = write();
    // The file may not exist.
    let _ = std::fs::remove_file(file);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_faults_end_when_a_write_works_and_corruption_remains() {
        let health = Health::default();
        let folder = tempfile::tempdir().unwrap();
        for (message, ends) in [("database or disk is full", true), ("database disk image is malformed", false)] {
            let fault = Fault::from_message(message).unwrap();
            health.report(fault, &message);
            assert_eq!(health.fault(), Some(fault));
            health.probe(&folder.path().join("missing"));
            assert_eq!(health.fault(), Some(fault), "the write does not work");
            health.probe(folder.path());
            assert_eq!(health.fault().is_none(), ends, "{message}");
        }
        health.report(Fault::DiskFull, &"later");
        assert_eq!(health.fault(), Some(Fault::Corrupt));
    }

    #[test]
    fn ordinary_errors_are_not_faults() {
        assert_eq!(Fault::from_message("The conditional request failed"), None);
        assert_eq!(Fault::from_message("database is locked"), None);
        assert_eq!(Fault::from_io(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }
}
