//! Opening a file while its disk fails: it is refused with what went wrong, and opens when the disk is healed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymhook_disk_tests::vfs::{Call, Disk, Error, Fault, Lasts};
use gymhook_engine::store::SqliteStore;

/// Opens a new file with this fault armed, until it opens. Says whether the fault struck, and what does not pass.
fn open_with(fault: Fault) -> (bool, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::under(folder.path()).unwrap();
    disk.arm(fault);
    for _ in 0..3 {
        match SqliteStore::open(folder.path().join("webhooks.db")) {
            Ok(_) => return (disk.hits() > 0, None),
            Err(error) if error.is_transient() => {}
            Err(error) => return (true, Some(format!("{fault}: {error:?}"))),
        }
    }
    (true, Some(format!("{fault}: it does not open")))
}

#[test]
fn a_file_opens_after_any_of_the_calls_of_its_opening_has_failed_once() {
    let mut wrong = Vec::new();
    let mut struck = 0;
    for call in Call::ALL {
        for error in Error::of(call) {
            for nth in 1.. {
                let (hit, problem) = open_with(Fault { call, nth, error: *error, lasts: Lasts::Once });
                wrong.extend(problem);
                if !hit {
                    break;
                }
                struck += 1;
            }
        }
    }
    println!("{struck} faults");
    assert!(struck > 50, "only {struck} calls failed");
    assert!(wrong.is_empty(), "{} of {struck}:\n{}", wrong.len(), wrong.join("\n"));
}
