//! A path is a path, and a file is one file by whatever path.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gymhook_sqlite::SqliteStore;
use gymhook_store::{Store as _, StoreError};

use crate::stage::{mount, unmount};

#[track_caller]
fn refused(path: impl AsRef<Path>) -> String {
    let said = SqliteStore::open(path).map(drop);
    let Err(StoreError::Invalid { problem }) = said else { panic!("{said:?}") };
    problem
}

#[test]
fn what_names_no_file_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused("").contains("empty: name a file"));
    assert!(refused(":memory:").contains("name a file"));
    let at = folder.path().display();
    assert_eq!(refused(folder.path()), format!("{at} is a folder: name a file in it"));
    assert_eq!(
        refused(folder.path().join("no/x.db")),
        format!("the folder {at}/no does not exist: create it")
    );
}

#[test]
fn a_path_is_never_a_uri() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:x.db", "file:x.db?mode=memory", "%41.db"] {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path).unwrap();
        assert!(path.is_file(), "{name}");
        drop(store);
    }
    assert!(!folder.path().join("x.db").exists());
    assert!(!folder.path().join("A.db").exists());
}

/// What makes the next test play a process that names the file relatively.
const RELATIVE: &str = "GYMHOOK_TEST_RELATIVE_PATH";

#[tokio::test]
async fn a_relative_path_that_looks_like_a_uri_leads_to_the_same_file_and_lock() {
    if std::env::var_os(RELATIVE).is_some() {
        let second = SqliteStore::open("file:x.db").unwrap();
        assert_eq!(second.take_over().await, Ok(false), "the first is there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(folder.path().join("file:x.db")).unwrap();
    assert_eq!(first.take_over().await, Ok(true));
    let name = "paths::a_relative_path_that_looks_like_a_uri_leads_to_the_same_file_and_lock";
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(RELATIVE, "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stdout));
    assert!(!folder.path().join("x.db").exists());
}

#[tokio::test]
async fn a_symbolic_link_and_another_mount_lead_to_one_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let first = SqliteStore::open(&path).unwrap();
    assert_eq!(first.take_over().await, Ok(true));

    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    symlink(&path, &link).unwrap();
    assert_eq!(SqliteStore::open(&link).unwrap().take_over().await, Ok(false), "by a symbolic link");
    let dotted = folder.path().join("./../").join(folder.path().file_name().unwrap()).join("webhooks.db");
    assert_eq!(SqliteStore::open(dotted).unwrap().take_over().await, Ok(false), "by another spelling");

    let mounted = tempfile::tempdir().unwrap();
    if mount(&["--bind", folder.path().to_str().unwrap()], mounted.path()) {
        let second = SqliteStore::open(mounted.path().join("webhooks.db")).unwrap();
        assert_eq!(second.take_over().await, Ok(false), "by another mount");
        drop(second);
        unmount(mounted.path());
    } else {
        println!("no other mount: this process may not mount");
    }
}

#[tokio::test]
async fn a_file_with_two_names_is_refused_before_it_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("webhooks.db"), folder.path().join("other.db"));
    let first = SqliteStore::open(&path).unwrap();
    fs::hard_link(&path, &other).unwrap();
    let problem = refused(&other);
    assert!(problem.contains("2 names (hard links)"), "{problem}");
    assert!(!folder.path().join("other.db-wal").exists(), "it was not opened");
    drop(first);
}

/// The log would lie beside the mount point, in another folder than that of whoever opens the file by its own name.
#[test]
fn a_file_that_is_mounted_without_its_folder_is_refused_before_it_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let first = SqliteStore::open(&path).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    // As container runtimes mount a single file; a space is spelled in another way in the table of mounts.
    let alone = elsewhere.path().join("a b.db");
    fs::write(&alone, []).unwrap();
    if !mount(&["--bind", path.to_str().unwrap()], &alone) {
        let allowed = std::env::var_os("GYMHOOK_TEST_WITHOUT_MOUNTS").is_some();
        assert!(
            allowed,
            "not tested: this process may not mount. Run it as root, in a user namespace (`unshare --map-root-user --mount \
             cargo test`), or set GYMHOOK_TEST_WITHOUT_MOUNTS=1 to go without"
        );
        println!("NOT TESTED: this process may not mount");
        return;
    }
    let said = std::panic::catch_unwind(|| refused(&alone));
    let beside = elsewhere.path().join("a b.db-wal").exists();
    unmount(&alone);
    let said = said.unwrap();
    assert!(said.contains("is mounted without the folder it lies in"), "{said}");
    assert!(!beside, "it was not opened");
    drop(first);
}
