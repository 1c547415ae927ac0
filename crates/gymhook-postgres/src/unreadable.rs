//! `held` and `forget`: find bodies that were kept because they could not be read, and delete one that has been read
//! again.

use std::collections::BTreeSet;

use gymhook_delivery::{BodyDigest, DeliveryId, EndpointId, Enqueued};
use uuid::Uuid;

use super::enqueue::{Runner, Timed};
use super::error::Result;
use gymhook_store::{NewNotification, Refused};

/// What makes two the same: another body under the same id is a conflict, in the same batch, too.
pub(super) type Identity = (DeliveryId, EndpointId, BodyDigest);

pub(super) fn identity(new: &NewNotification) -> Identity {
    (new.id, new.endpoint, new.digest())
}

/// Those of these that are kept already.
pub(super) async fn held(runner: Runner<'_>, new: &[&NewNotification]) -> Result<BTreeSet<Identity>> {
    let wanted = || new.iter().filter(|new| new.unreadable);
    let ids: Vec<Uuid> = wanted().map(|new| *new.id.as_uuid()).collect();
    let endpoints: Vec<Uuid> = wanted().map(|new| *new.endpoint.as_uuid()).collect();
    let digests: Vec<Vec<u8>> = wanted().map(|new| new.digest().as_bytes().to_vec()).collect();
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = "SELECT n.id, n.endpoint, n.digest FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS u (id, endpoint, digest)
        JOIN gymhook.notifications n ON n.id = u.id AND n.endpoint = u.endpoint AND n.digest = u.digest
        JOIN gymhook.deliveries d USING (seq) WHERE d.state = 6";
    let rows = runner.query(sql, &[&ids, &endpoints, &digests]).await?;
    let mut held = BTreeSet::new();
    for row in &rows {
        // The columns were just compared with a digest, so they have its length.
        if let Ok(digest) = row.try_get::<_, &[u8]>(2)?.try_into() {
            let (id, endpoint) = (row.try_get::<_, Uuid>(0)?, row.try_get::<_, Uuid>(1)?);
            held.insert((id.into(), endpoint.into(), BodyDigest::new(digest)));
        }
    }
    Ok(held)
}

/// Forgets those that were read, where what was read from them is kept.
pub(super) async fn forget(
    runner: Runner<'_>,
    new: &[Timed<'_>],
    outcomes: &[core::result::Result<Enqueued, Refused>],
) -> Result<()> {
    type Outcome = core::result::Result<Enqueued, Refused>;
    let read = |(timed, outcome): (&Timed<'_>, &Outcome)| {
        timed.new.read_from.filter(|_| outcome.as_ref().err().is_none_or(Refused::is_repeat))
    };
    let kept: Vec<Uuid> = new.iter().zip(outcomes).filter_map(read).map(|kept| *kept.as_uuid()).collect();
    if kept.is_empty() {
        return Ok(());
    }
    let sql = "WITH gone AS (
            DELETE FROM gymhook.deliveries d USING gymhook.notifications n
            WHERE n.id = ANY ($1::uuid[]) AND d.seq = n.seq AND d.state = 6 RETURNING d.seq
        )
        DELETE FROM gymhook.notifications n USING gone WHERE n.seq = gone.seq";
    runner.query(sql, &[&kept]).await.map(drop)
}
