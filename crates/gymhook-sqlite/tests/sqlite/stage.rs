//! What the tests of a file are played on.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use gymhook_delivery::EndpointRecord;
use gymhook_sqlite::SqliteStore;
use gymhook_store::{DeliveryId, EndpointId};
use gymhook_store::{NewNotification, Store as _, SubscriptionRow, TargetColumns, WriteCondition};
use tempfile::TempDir;

pub(crate) fn endpoint() -> EndpointId {
    EndpointId::from_u128(0xE001)
}

/// A notification with a body of its own, of this length.
pub(crate) fn notification(number: u32, length: usize) -> NewNotification {
    let mut body = number.to_be_bytes().repeat(length.div_ceil(4));
    body.truncate(length);
    let id = DeliveryId::from_u128(0xD000_0000 + u128::from(number));
    NewNotification::new(id, endpoint(), "workout.created", Bytes::from(body))
}

/// Writes the one subscription that everything goes to.
pub(crate) async fn subscribe(store: &SqliteStore) {
    let row = SubscriptionRow {
        id: endpoint(),
        target: TargetColumns::Http { url: "https://receiver.example/hooks".to_owned(), secrets: Vec::new() },
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        settings: "{}".to_owned(),
        record: EndpointRecord::new(endpoint()),
        deleted_at: None,
    };
    let now = store.now().await.unwrap();
    assert!(store.put_subscription(row, WriteCondition::Always, now).await.unwrap());
}

/// A disk in memory; it is given back when this is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// `None` if this process may not mount one.
    pub(crate) fn of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"], folder.path())
            .then(|| Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], self.path()), "the disk does not grow");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(self.path());
    }
}

pub(crate) fn mount(arguments: &[&str], at: &Path) -> bool {
    let said = Command::new("mount").args(arguments).arg(at).output();
    said.is_ok_and(|said| said.status.success())
}

pub(crate) fn unmount(at: &Path) {
    let _unmounted = Command::new("umount").arg("-l").arg(at).status();
}

/// Mounts a folder over itself, to be read only.
///
/// It is busy while a process that another test has just begun has not yet closed what it inherited.
pub(crate) async fn mount_read_only(folder: &Path) -> bool {
    const TRIES: usize = 100;
    let itself = folder.to_str().unwrap();
    if !mount(&["--bind", itself], folder) {
        return false;
    }
    for _ in 0..TRIES {
        if mount(&["-o", "remount,bind,ro"], folder) {
            return true;
        }
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
    }
    false
}
