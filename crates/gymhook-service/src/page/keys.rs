//! The pages of API keys: the list, and issuing, rotating and revoking one. A new key is shown once.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Response};
use gymhook_engine::ApiKey;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights};
use serde::Deserialize;
use time::UtcDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::badges::Badge;
use super::failure::{Failure, Wrong};
use super::flash::Done;
use super::parameters::{Asked, filled, id};
use super::subscriptions::Overlap;
use super::visitor::{Frame, Posted, Section, Visitor};
use super::words::{Moment, rights};
use super::{AskRotate, Confirm, NoFields, Secret, render};
use crate::Problem;
use crate::access::Needs;
use crate::actions::api_keys;

/// How many are on a page.
const LIMIT: u32 = 100;

struct Row {
    id: String,
    label: String,
    owner: Option<String>,
    rights: &'static str,
    badge: Badge,
    issued: Moment,
    ends: Option<Moment>,
    is_own: bool,
    /// Whether it can still be revoked, and rotated.
    counts: bool,
    can_rotate: bool,
}

impl Row {
    fn new(key: ApiKey, own: Uuid, now: UtcDateTime) -> Self {
        let counts = key.revoked_at.is_none_or(|ends| now < ends);
        Self {
            badge: match key.revoked_at {
                None => Badge::ACTIVE,
                Some(_) if counts => Badge::ENDING,
                Some(_) => Badge::REVOKED,
            },
            id: key.id.to_string(),
            rights: rights(key.rights),
            is_own: key.id == own,
            can_rotate: key.revoked_at.is_none(),
            issued: Moment::new(key.issued_at, now),
            ends: key.revoked_at.map(|ends| Moment::new(ends, now)),
            owner: key.owner.gym().map(str::to_owned),
            label: key.label,
            counts,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    may_change: bool,
}

/// Only keys of all gyms make others, or end them.
fn may_change(visitor: &Visitor) -> bool {
    visitor.is_operator() && visitor.may_write()
}

pub(super) async fn list(visitor: Visitor, Asked(filter): Asked<Filter>) -> Result<Html<String>, Failure> {
    let after = match filled(filter.after.as_ref()) {
        None => None,
        Some(after) => Some(id::<Uuid>(after, "page")?),
    };
    let found = api_keys::list(&visitor.caller, None, after, LIMIT).await?;
    let own = visitor.key().id;
    render(&Page {
        frame: visitor.frame(Section::Keys, "API keys"),
        next: found.next.map(|next| next.to_string()),
        rows: found.items.into_iter().map(|key| Row::new(key, own, visitor.now)).collect(),
        may_change: may_change(&visitor),
    })
}

fn check(visitor: &Visitor) -> Result<(), Problem> {
    visitor.caller.may(Needs::Write)?;
    visitor.caller.operator("page")
}

#[derive(Template)]
#[template(path = "new_key.html")]
struct New {
    frame: Frame,
    label: String,
    gym: String,
    rights: String,
    problem: Option<Wrong>,
}

impl New {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }
}

pub(super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    check(&visitor)?;
    let frame = visitor.frame(Section::Keys, "New API key");
    render(&New { frame, label: String::new(), gym: String::new(), rights: "read".to_owned(), problem: None })
}

#[derive(Debug, Deserialize)]
pub(super) struct Entered {
    label: String,
    #[serde(default)]
    gym: String,
    #[serde(default)]
    rights: String,
}

pub(super) async fn issue(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form: Entered { label, gym, rights } } = posted;
    check(&visitor)?;
    let owner = match gym.trim() {
        "" => ApiKeyOwner::All,
        gym => ApiKeyOwner::Gym(gym.to_owned()),
    };
    let chosen = ApiKeyRights::ALL.into_iter().find(|known| known.as_str() == rights);
    let issued = match chosen {
        Some(chosen) => api_keys::issue(&visitor.caller, label.trim(), owner, chosen).await,
        None => Err(Problem::invalid("/rights", "there are no such rights: read, retry or write")),
    };
    match issued {
        Ok(issued) => {
            let advice =
                "It is stored as a digest, so nobody can look it up: keep it where secrets are kept.";
            Ok(shown(&visitor, "The new API key", &issued.key.label, issued.expose_key(), advice)?
                .into_response())
        }
        Err(problem) => {
            let problem = Some(Wrong::of(problem)?);
            let frame = visitor.frame(Section::Keys, "New API key");
            let status = http::StatusCode::UNPROCESSABLE_ENTITY;
            Ok((status, render(&New { frame, label, gym, rights, problem })?).into_response())
        }
    }
}

fn shown(
    visitor: &Visitor,
    title: &str,
    label: &str,
    key: &str,
    advice: &'static str,
) -> Result<Html<String>, Failure> {
    render(&Secret {
        frame: visitor.frame(Section::Keys, title),
        what: "API key",
        of: format!("“{label}”"),
        secret: Zeroizing::new(key.to_owned()),
        advice,
        back: Section::Keys.path().to_owned(),
    })
}

async fn asked(visitor: &Visitor, name: &str) -> Result<ApiKey, Failure> {
    check(visitor)?;
    Ok(api_keys::get(&visitor.caller, id(name, "API key")?).await?)
}

pub(super) async fn ask_to_revoke(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let key = asked(&visitor, &name).await?;
    let consequence = if key.id == visitor.key().id {
        "It is the key that you are signed in with: you will be signed out at once. This cannot be undone."
    } else {
        "Whoever uses it is refused at once, and its sessions on this page end. This cannot be undone."
    };
    render(&Confirm {
        frame: visitor.frame(Section::Keys, "Revoke this API key?"),
        what: format!("The key “{}” ({}) will no longer be valid.", key.label, rights(key.rights)),
        consequence,
        button: "Revoke the key",
        action: format!("/keys/{}/revoke", key.id),
        back: Section::Keys.path().to_owned(),
    })
}

pub(super) async fn revoke(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    api_keys::revoke(&visitor.caller, id(&name, "API key")?).await?;
    Ok(Done::KeyRevoked.then(&visitor, Section::Keys.path()))
}

pub(super) async fn ask_to_rotate(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let key = asked(&visitor, &name).await?;
    render(&AskRotate {
        frame: visitor.frame(Section::Keys, "Rotate this API key"),
        name: format!("“{}”", key.label),
        path: format!("/keys/{}", key.id),
        back: Section::Keys.path().to_owned(),
        what: "API key",
    })
}

pub(super) async fn rotate(
    Path(name): Path<String>,
    posted: Posted<Overlap>,
) -> Result<Html<String>, Failure> {
    let Posted { visitor, form } = posted;
    let issued = api_keys::rotate(&visitor.caller, id(&name, "API key")?, form.length()?).await?;
    let advice = "Use it in place of the old one, which is valid until the overlap ends.";
    shown(&visitor, "The new API key", &issued.key.label, issued.expose_key(), advice)
}
