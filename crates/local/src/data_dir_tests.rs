use tempfile::TempDir;

use super::*;

/// Creates a folder as a first start with two shards does, with a row in each database that is in the write-ahead log
/// only.
fn create() -> (TempDir, DataDir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::open(folder.path(), 2).unwrap();
    for connection in [&dir.dynamodb, &dir.sqs] {
        connection.execute_batch("CREATE TABLE _tables (name TEXT); INSERT INTO _tables VALUES ('recent')").unwrap();
    }
    webhook::create_key_file(&dir.key_file()).unwrap();
    dir.mark_complete().unwrap();
    (folder, dir)
}

/// Copies the files of a folder, except the ones whose names end in `missing`.
fn copy_without(folder: &TempDir, missing: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_str().unwrap().ends_with(missing) {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// Opens the folder, and returns the error.
fn error(folder: &TempDir) -> String {
    format!("{:#}", DataDir::open(folder.path(), 7).unwrap_err())
}

fn row(connection: &Connection) -> String {
    connection.query_row("SELECT name FROM _tables", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_existing_log_keeps_its_number_of_shards_after_a_kill() {
    let (folder, dir) = create();
    drop(dir);
    assert!(folder.path().join("dynamodb.sqlite3-wal").metadata().unwrap().len() > 0, "as after a kill");
    let dir = DataDir::open(folder.path(), 7).unwrap();
    assert_eq!(dir.shards(), 2);
    assert_eq!((row(&dir.dynamodb), row(&dir.sqs)), ("recent".to_owned(), "recent".to_owned()));
}

#[test]
fn incomplete_copies_are_refused() {
    let (folder, dir) = create();
    drop(dir);
    for missing in ["dynamodb.sqlite3", "dynamodb.sqlite3-wal", "sqs.sqlite3", "sqs.sqlite3-wal", "secrets.key"] {
        let copy = copy_without(&folder, missing);
        for _ in 0..2 {
            let error = error(&copy);
            assert!(error.contains(&format!("{missing} is missing")), "{missing}: {error}");
        }
    }
    let whole = copy_without(&folder, "lock");
    assert_eq!(row(&DataDir::open(whole.path(), 7).unwrap().sqs), "recent");
}

#[test]
fn a_closed_folder_needs_no_write_ahead_logs() {
    let (folder, dir) = create();
    dir.mark_closed().unwrap();
    drop(dir);
    let copy = copy_without(&folder, "-wal");
    assert_eq!(row(&DataDir::open(copy.path(), 7).unwrap().dynamodb), "recent");
}

#[test]
fn an_interrupted_first_start_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    // Files without content, as after a power cut.
    for name in ["lock", "dynamodb.sqlite3", "sqs.sqlite3"] {
        File::create(folder.path().join(name)).unwrap();
    }
    assert_eq!(DataDir::open(folder.path(), 3).unwrap().shards(), 3);
    // The facts are stored; the other files are not.
    assert_eq!(DataDir::open(folder.path(), 5).unwrap().shards(), 3);
}

#[test]
fn folders_of_other_versions_are_migrated_or_refused() {
    let (folder, dir) = create();
    let execute = |sql: &str| {
        let file = folder.path().join("dynamodb.sqlite3");
        sqlite::connect(&file).unwrap().execute_batch(sql).unwrap();
    };
    drop(dir);
    execute("UPDATE tidings_facts SET value = '2' WHERE name = 'version'");
    assert!(error(&folder).contains("use a newer `tidings`"), "{}", error(&folder));
    // An earlier version kept the number of shards in a file.
    execute("DROP TABLE tidings_facts");
    assert!(error(&folder).contains("shards does not contain the number"), "{}", error(&folder));
    std::fs::write(folder.path().join("shards"), "6").unwrap();
    assert_eq!(DataDir::open(folder.path(), 1).unwrap().shards(), 6);
    std::fs::remove_file(folder.path().join("shards")).unwrap();
    assert_eq!(DataDir::open(folder.path(), 1).unwrap().shards(), 6);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let dir = DataDir::open(&path, 1).unwrap();
    dir.sqs.execute_batch("CREATE TABLE any (value)").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
