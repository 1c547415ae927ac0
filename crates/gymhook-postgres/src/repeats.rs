//! `end_windows` and `held`: recognise, by its fingerprint, a repeat that has another id.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryId, EndpointId};
use uuid::Uuid;

use super::enqueue::{Runner, Timed};
use super::error::Result;
use gymhook_store::NewNotification;

/// A fingerprint counts at its endpoint.
pub(super) type Fingerprint = (EndpointId, [u8; 32]);

/// The one that another repeats.
pub(super) struct First {
    pub(super) delivery: DeliveryId,
    /// Whether its body is the one that was enqueued.
    pub(super) is_whole: bool,
}

/// What a repeat of this one has in common with it.
pub(super) fn fingerprint(new: &NewNotification) -> Option<Fingerprint> {
    Some((new.endpoint, new.fingerprint()?))
}

/// Where one is inserted among others, so that of two batches with the same ones neither waits for the other for ever, and
/// of several with one id or fingerprint the first one is new.
pub(super) fn place(new: &NewNotification, sequence: i64) -> (Option<[u8; 32]>, Option<DeliveryId>, i64) {
    let fingerprint = new.fingerprint();
    (fingerprint, fingerprint.is_none().then_some(new.id), sequence)
}

/// The fingerprints of these, in their order.
pub(super) fn fingerprints(new: &[&NewNotification]) -> Vec<Option<Vec<u8>>> {
    new.iter().map(|new| new.fingerprint().map(|fingerprint| fingerprint.to_vec())).collect()
}

/// A file, so that a test asks for the plan of this very statement.
const END_WINDOWS: &str = include_str!("end_windows.sql");

/// Takes the fingerprints from those that have them, if their windows are over, or their rows are quarantined.
///
/// Whatever comes of the inserts behind it: a window that is over is over.
pub(super) async fn end_windows(
    runner: Runner<'_>,
    new: impl Iterator<Item = Timed<'_>> + Clone,
) -> Result<()> {
    let checks = new.filter_map(|Timed { new, at }| Some((new.endpoint, new.repeat_check?, at)));
    let endpoints: Vec<Uuid> = checks.clone().map(|(endpoint, ..)| *endpoint.as_uuid()).collect();
    let before: Vec<i64> = checks.clone().map(|(_, check, at)| check.before_window(at)).collect();
    let fingerprints: Vec<Vec<u8>> = checks.map(|(_, check, _)| check.fingerprint.to_vec()).collect();
    runner.query(END_WINDOWS, &[&endpoints, &fingerprints, &before]).await.map(drop)
}

/// Those that have the fingerprints of these.
pub(super) async fn held(
    runner: Runner<'_>,
    new: &[&NewNotification],
) -> Result<BTreeMap<Fingerprint, First>> {
    let wanted = || new.iter().filter_map(|new| fingerprint(new));
    let endpoints: Vec<Uuid> = wanted().map(|(endpoint, _)| *endpoint.as_uuid()).collect();
    let fingerprints: Vec<Vec<u8>> = wanted().map(|(_, fingerprint)| fingerprint.to_vec()).collect();
    if endpoints.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = "SELECT n.endpoint, n.fingerprint, n.id, sha256(n.body) = n.digest
        FROM unnest($1::uuid[], $2::bytea[]) AS u (endpoint, fingerprint) JOIN gymhook.notifications n
            ON n.endpoint = u.endpoint AND n.fingerprint = u.fingerprint AND n.fingerprint IS NOT NULL";
    let mut held = BTreeMap::new();
    for row in runner.query(sql, &[&endpoints, &fingerprints]).await? {
        let fingerprint: &[u8] = row.try_get(1)?;
        // What this crate has written has this length.
        if let Ok(fingerprint) = fingerprint.try_into() {
            let endpoint = EndpointId::from(row.try_get::<_, Uuid>(0)?);
            let delivery = DeliveryId::from(row.try_get::<_, Uuid>(2)?);
            held.insert((endpoint, fingerprint), First { delivery, is_whole: row.try_get(3)? });
        }
    }
    Ok(held)
}
