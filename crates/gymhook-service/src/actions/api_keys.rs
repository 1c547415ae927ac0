//! Lists, issues, rotates and revokes API keys. A key of one gym may only list the keys of its gym. Only keys of all gyms may
//! issue, rotate and revoke keys, because a key that can create others would outlive its own revocation.

use core::time::Duration;

use gymhook_engine::store::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, Page, Store as _};
use gymhook_engine::{ApiKey, IssuedApiKey};
use uuid::Uuid;

use super::audit;
use super::names::check_label;
use crate::Problem;
use crate::access::{Caller, Needs};

const WHAT: &str = "API key";

/// Keys, the oldest first, revoked ones included.
pub(crate) async fn list(
    caller: &Caller,
    gym: Option<String>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<ApiKey, Uuid>, Problem> {
    if let Some(gym) = &gym {
        caller.reaches_gym(gym)?;
    }
    Ok(caller.view().api_keys(ApiKeyQuery { gym, after, limit }).await?)
}

/// One key, among those that the caller reaches.
pub(crate) async fn get(caller: &Caller, id: Uuid) -> Result<ApiKey, Problem> {
    let found = caller.app().outgoing.store().api_key(id).await?.map(ApiKey::from);
    let reached = found.filter(|key| caller.gym().is_none_or(|own| key.owner.gym() == Some(own)));
    reached.ok_or_else(|| Problem::not_found(WHAT))
}

/// Issues a key, which is shown this once.
pub(crate) async fn issue(
    caller: &Caller,
    label: &str,
    owner: ApiKeyOwner,
    rights: ApiKeyRights,
) -> Result<IssuedApiKey, Problem> {
    caller.may(Needs::Write)?;
    caller.operator(WHAT)?;
    check_label(label)?;
    let issued = caller.app().outgoing.issue_api_key(owner, label, rights).await?;
    audit::record(caller, "issue API key", issued.key.owner.gym(), &issued.key.id.to_string()).await;
    Ok(issued)
}

/// Revokes a key at once.
pub(crate) async fn revoke(caller: &Caller, id: Uuid) -> Result<(), Problem> {
    caller.may(Needs::Write)?;
    caller.operator(WHAT)?;
    let held = get(caller, id).await?;
    if !caller.app().outgoing.revoke_api_key(id).await? {
        return Err(Problem::not_found(WHAT));
    }
    audit::record(caller, "revoke API key", held.owner.gym(), &id.to_string()).await;
    Ok(())
}

/// Issues a successor, and ends the key after `overlap`.
pub(crate) async fn rotate(caller: &Caller, id: Uuid, overlap: Duration) -> Result<IssuedApiKey, Problem> {
    caller.may(Needs::Write)?;
    caller.operator(WHAT)?;
    let held = get(caller, id).await?;
    let issued = caller.app().outgoing.rotate_api_key(id, overlap).await?;
    let issued = issued
        .ok_or_else(|| Problem::conflict("this API key was revoked or rotated before: issue a new one"))?;
    audit::record(caller, "rotate API key", held.owner.gym(), &id.to_string()).await;
    Ok(issued)
}
