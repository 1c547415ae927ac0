//! `Arrival`: what is stored as JSON with an incoming notification, its sender, its proof and the types of its events.

use std::collections::BTreeSet;

use gymhook::event::Notification;
use gymhook::{Identity, Received, Unreadable};
use gymhook_signature::{
    Assurance, BodyAssurance, IdAssurance, KeyId, Proof, ProofParts, RequestId, SenderAssurance, SignedTime,
    Tenant, TimeAssurance,
};
use gymhook_store::StoreTime;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

/// What was known of a notification when it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The platform's name; `None` if it was not kept, or not known because the body could not be read.
    pub(crate) vendor: Option<String>,
    /// The types of its events, each once, in the order received.
    pub(crate) event_types: Vec<String>,
    /// What was proved; `None` if it was accepted without a proof.
    pub(crate) proof: Option<Proof>,
    /// The id that the request claims, where nothing was proved.
    pub(crate) claimed_id: Option<RequestId>,
    /// Whether its receiver accepts repeated keys.
    pub(crate) duplicate_keys_allowed: bool,
    /// Why it could not be read.
    pub(crate) problem: Option<String>,
    /// When it came in, if that was before it was enqueued, because it could not be read at first.
    pub(crate) received_at: Option<UtcDateTime>,
}

/// How it is written down. Whoever reads it may be of another version: a field is added, and never becomes another thing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ArrivalText {
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    event_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Sender>,
    body: bool,
    time: bool,
    id: bool,
    /// In milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_id: Option<String>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    duplicate_keys_allowed: bool,
    /// In microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<UnreadableText>,
}

/// What is written down beside it of a body that could not be read.
#[derive(Serialize, Deserialize)]
struct UnreadableText {
    problem: String,
    /// Where it was before it was kept beside every proof.
    #[serde(default, skip_serializing)]
    signed_id: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sender {
    BearerSecret,
    KeyedDigest,
    Hmac,
}

impl Arrival {
    /// Of a notification that was read.
    pub(crate) fn of<N: Notification>(received: &Received<N>, proof: Option<&Proof>) -> Self {
        let mut seen = BTreeSet::new();
        let each_once = received.events().map(|event| event.event_type).filter(|name| seen.insert(*name));
        Self {
            vendor: Some(received.vendor().as_str().to_owned()),
            event_types: each_once.map(str::to_owned).collect(),
            proof: proof.cloned(),
            claimed_id: received.identity().claimed_id,
            duplicate_keys_allowed: received.duplicate_keys_allowed(),
            ..Self::default()
        }
    }

    /// Of a body that could not be read.
    pub(crate) fn of_unreadable(unreadable: &Unreadable) -> Self {
        let problem = Some(unreadable.problem().to_string());
        Self { proof: Some(unreadable.proof().clone()), problem, ..Self::default() }
    }

    /// What was proved of the request's identity, or claimed where nothing was.
    pub(crate) fn identity(&self) -> Identity {
        let claimed = || Identity { claimed_id: self.claimed_id, ..Identity::default() };
        self.proof.as_ref().map_or_else(claimed, Identity::from)
    }

    /// As text for a row. A sender that was recognised in a way that is not known here counts as the weakest.
    pub(crate) fn to_text(&self) -> String {
        let text = |id: &RequestId| id.as_str().to_owned();
        let mut written = ArrivalText {
            vendor: self.vendor.clone(),
            event_types: self.event_types.clone(),
            claimed_id: self.claimed_id.as_ref().map(text),
            duplicate_keys_allowed: self.duplicate_keys_allowed,
            received_at: self.received_at.map(|at| StoreTime::floor(at).micros()),
            unreadable: self.problem.clone().map(|problem| UnreadableText { problem, signed_id: None }),
            ..ArrivalText::default()
        };
        if let Some(proof) = &self.proof {
            let ProofParts { key, tenant, assurance, signed_at, id } = ProofParts::from(proof);
            written.key = Some(key.as_str().to_owned());
            written.tenant = tenant.map(|tenant| tenant.as_str().to_owned());
            written.sender = Some(match assurance.sender {
                SenderAssurance::Hmac => Sender::Hmac,
                SenderAssurance::KeyedDigest => Sender::KeyedDigest,
                SenderAssurance::BearerSecret | _ => Sender::BearerSecret,
            });
            written.body = assurance.body == BodyAssurance::Signed;
            written.time = assurance.time == TimeAssurance::Signed;
            written.id = assurance.id == IdAssurance::Bound;
            written.signed_at = signed_at.map(SignedTime::unix_millis);
            written.signed_id = id.as_ref().map(text);
        }
        // Texts, numbers and truth values: there is nothing in it that JSON cannot say.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// From a row; `None` if it cannot be read, or is about something else: then nothing is proved.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let written: ArrivalText = serde_json::from_str(text).ok()?;
        let (problem, signed_id_before) =
            written.unreadable.map_or((None, None), |it| (Some(it.problem), it.signed_id));
        let proof = match (written.key, written.sender) {
            (Some(key), Some(sender)) => Some(Proof::dangerous_from_parts(ProofParts {
                key: KeyId::new(key),
                tenant: written.tenant.map(Tenant::new),
                assurance: Assurance {
                    sender: match sender {
                        Sender::BearerSecret => SenderAssurance::BearerSecret,
                        Sender::KeyedDigest => SenderAssurance::KeyedDigest,
                        Sender::Hmac => SenderAssurance::Hmac,
                    },
                    body: if written.body { BodyAssurance::Signed } else { BodyAssurance::TransportOnly },
                    time: if written.time { TimeAssurance::Signed } else { TimeAssurance::None },
                    id: if written.id { IdAssurance::Bound } else { IdAssurance::None },
                },
                signed_at: written.signed_at.map(SignedTime::from_unix_millis),
                id: request_id(written.signed_id.or(signed_id_before))?,
            })),
            (None, None) if written.vendor.is_some() => None,
            _ => return None,
        };
        Some(Self {
            vendor: written.vendor,
            event_types: written.event_types,
            proof,
            claimed_id: request_id(written.claimed_id)?,
            duplicate_keys_allowed: written.duplicate_keys_allowed,
            problem,
            received_at: written.received_at.and_then(|at| StoreTime::from_micros(at).to_utc()),
        })
    }
}

/// The outer `None`: it is no id.
fn request_id(text: Option<String>) -> Option<Option<RequestId>> {
    // Its scheme's delimiter was looked for when it came in; none is a NUL.
    text.map(|text| RequestId::new(text.as_bytes(), b'\0').ok()).map_or(Some(None), |id| id.map(Some))
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    fn id(text: &str) -> RequestId {
        RequestId::new(text.as_bytes(), 0).unwrap()
    }

    fn arrival(proof: Option<Proof>) -> Arrival {
        let event_types = vec!["CUSTOMER_CHECKIN".to_owned(), "\"\u{f6}\\".to_owned()];
        Arrival { vendor: Some("pg-next".to_owned()), event_types, proof, ..Arrival::default() }
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        for sender in [SenderAssurance::BearerSecret, SenderAssurance::KeyedDigest, SenderAssurance::Hmac] {
            for bits in 0..8_u8 {
                let body = if bits & 1 > 0 { BodyAssurance::Signed } else { BodyAssurance::TransportOnly };
                let time = if bits & 2 > 0 { TimeAssurance::Signed } else { TimeAssurance::None };
                let bound = if bits & 4 > 0 { IdAssurance::Bound } else { IdAssurance::None };
                for tenant in [None, Some(Tenant::new("berlin"))] {
                    let proof = Proof::dangerous_from_parts(ProofParts {
                        key: KeyId::new("berlin \"mitte\""),
                        tenant,
                        assurance: Assurance { sender, body, time, id: bound },
                        signed_at: (bits & 2 > 0).then(|| SignedTime::from_unix_millis(i64::MAX)),
                        id: (bits & 4 > 0).then(|| id("r:1.2")),
                    });
                    let arrival = arrival(Some(proof));
                    assert_eq!(Arrival::from_text(&arrival.to_text()), Some(arrival));
                }
            }
        }
        let unproved = Arrival {
            claimed_id: Some(id("r-1")),
            duplicate_keys_allowed: true,
            received_at: Some(utc_datetime!(2026-01-01 12:00:00.000_001)),
            ..arrival(None)
        };
        assert_eq!(Arrival::from_text(&unproved.to_text()), Some(unproved));
    }

    /// What version 0.1.0 wrote before there was more to say.
    #[test]
    fn what_was_written_before_is_read() {
        let text =
            r#"{"key":"2026-06","tenant":"berlin","sender":"hmac","body":true,"time":false,"id":true}"#;
        let arrival = Arrival::from_text(text).unwrap();
        assert_eq!((arrival.vendor, arrival.event_types, arrival.problem), (None, Vec::new(), None));
        let line = "key \"2026-06\" of \"berlin\": sender by HMAC, body signed, time not proved, id signed";
        assert_eq!(arrival.proof.map(|proof| proof.to_string()), Some(line.to_owned()));

        let text = r#"{"key":"main","sender":"keyed-digest","body":false,"time":false,"id":true,
            "unreadable":{"scope":null,"signed_id":"r-1","problem":"key \"a\" is repeated"}}"#;
        let arrival = Arrival::from_text(text).unwrap();
        assert_eq!(arrival.identity(), Identity { signed_id: Some(id("r-1")), ..Identity::default() });
        assert_eq!(arrival.problem.as_deref(), Some("key \"a\" is repeated"));
        assert_eq!(Arrival::from_text(&arrival.to_text()), Some(arrival));
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        for text in [
            "",
            "{}",
            "null",
            r#"{"test":{"success":200}}"#,
            r#"{"key":"a","sender":"oath","body":true,"time":true,"id":true}"#,
            r#"{"vendor":"point","key":"a","body":true}"#,
            r#"{"vendor":"point","sender":"hmac","body":true}"#,
            r#"{"key":"a","sender":"hmac","body":true,"id":true,"signed_id":"two words"}"#,
            r#"{"vendor":"point","claimed_id":"two words"}"#,
        ] {
            assert_eq!(Arrival::from_text(text), None, "{text}");
        }
    }
}
