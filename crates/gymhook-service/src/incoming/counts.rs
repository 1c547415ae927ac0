//! `Counts`: how many requests of one source this process has accepted and refused since it started.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use gymhook_tower::{Fate, Taken};
use time::UtcDateTime;

/// What this process has seen of one source, since it started.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Counted>);

/// The numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Webhooks that were new.
    pub(crate) accepted: u64,
    /// Webhooks that were there already.
    pub(crate) duplicates: u64,
    /// Webhooks that were proved and cannot be read; they are kept.
    pub(crate) unreadable: u64,
    /// Requests that were refused, by reason.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// When a webhook was accepted last.
    pub(crate) last_accepted: Option<UtcDateTime>,
    /// When a request was refused last, and why.
    pub(crate) last_refused: Option<(UtcDateTime, &'static str)>,
}

impl Counts {
    pub(super) fn count(&self, fate: &Fate, now: UtcDateTime) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fate {
            Fate::Refused { reason, .. } => {
                // The reasons are a closed set.
                *counted.refused.entry(reason.as_str()).or_default() += 1;
                counted.last_refused = Some((now, reason.as_str()));
            }
            Fate::Taken(taken) => {
                match taken {
                    Taken::New => counted.accepted += 1,
                    Taken::Duplicate => counted.duplicates += 1,
                    Taken::Unreadable | Taken::UnreadableDuplicate | _ => counted.unreadable += 1,
                }
                counted.last_accepted = Some(now);
            }
            Fate::Probed | _ => {}
        }
    }

    pub(super) fn get(&self) -> Counted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
