//! `record` and `list`: the audit, who changed what. Publishing is not recorded here: the log of deliveries has it.

use gymhook_engine::store::{Journal, JournalQuery, NewJournalEntry, Page};
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::Problem;
use crate::access::Caller;

/// How many entries are kept. Our choice.
const KEPT: u64 = 10_000;

/// An action that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: UtcDateTime,
    /// The gym that it concerns.
    pub(crate) gym: Option<String>,
    /// What it was done to: an id, or a name.
    pub(crate) subject: String,
    pub(crate) done: Done,
}

/// What was done, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    pub(crate) action: String,
    /// The id of the key that it was done with.
    pub(crate) key: String,
    /// The key's label at the time.
    pub(crate) label: String,
}

/// Records an action that was done: by which key, what, on what, and which gym it concerns.
///
/// It is done by now: if the journal cannot be written, the log has it.
pub(crate) async fn record(caller: &Caller, action: &'static str, gym: Option<&str>, subject: &str) {
    let (key, label) = (caller.key.id, &caller.key.label);
    tracing::info!(%key, ?label, action, ?gym, ?subject, "done");
    let done = Done { action: action.to_owned(), key: key.to_string(), label: label.clone() };
    let engine = &caller.app().outgoing;
    let written = async {
        let entry = NewJournalEntry {
            at: engine.now().await?,
            gym: gym.filter(|gym| !gym.is_empty()).map(str::to_owned),
            subject: subject.to_owned(),
            text: serde_json::to_string(&done).unwrap_or_default(),
        };
        engine.append_to_journal(Journal::Audit, vec![entry], KEPT).await
    };
    if let Err(error) = written.await {
        tracing::error!(%error, action, ?subject, "what was done is missing from the audit");
    }
}

/// What was done, the latest first: with a gym's key what concerns that gym.
pub(crate) async fn list(
    caller: &Caller,
    gym: Option<String>,
    subject: Option<String>,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<Entry>, Problem> {
    if let Some(gym) = &gym {
        caller.reaches_gym(gym)?;
    }
    let gym = gym.or_else(|| caller.gym().map(str::to_owned));
    let query = JournalQuery { gym, subject, before, ..JournalQuery::new(Journal::Audit, limit) };
    let page = caller.app().outgoing.journal(query).await?;
    Ok(page.map(|row| Entry {
        at: row.at,
        gym: row.gym,
        subject: row.subject,
        done: serde_json::from_str(&row.text).unwrap_or_default(),
    }))
}
