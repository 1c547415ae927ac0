//! What was proved about an incoming notification, stored with it until it is handled.

use core::fmt;

use gymhook::Identity;
use gymhook_signature::{
    Assurance, BodyAssurance, IdAssurance, Proof, RequestId, SenderAssurance, Tenant, TimeAssurance,
};
use serde::{Deserialize, Serialize};

/// What was proved when an incoming notification was verified, and for which key.
///
/// `Display` is one line for an audit log, the same as that of a [`Proof`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The id of the key that matched: the studio, or the generation of the secret.
    pub key: String,
    /// Whose key it is, if a [tenant](gymhook_signature::Key::with_tenant) was set.
    pub tenant: Option<String>,
    /// What was proved: a handler that moves money or memberships should require a signed body.
    pub assurance: Assurance,
}

/// How it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    sender: Sender,
    body: bool,
    time: bool,
    id: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unreadable: Option<WrittenKept>,
}

/// What is written down beside it of a body that could not be read.
#[derive(Serialize, Deserialize)]
struct WrittenKept {
    scope: Option<String>,
    signed_id: Option<String>,
    problem: String,
}

/// What is known of a body that could not be read, beyond its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What was proved of the request's identity.
    pub(crate) identity: Identity,
    /// Why it could not be read.
    pub(crate) problem: String,
}

impl Kept {
    /// From a row; `None` if it cannot be read, or tells of none.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let WrittenKept { scope, signed_id, problem } = written.unreadable?;
        let signed_id = match signed_id {
            // Its scheme's delimiter was looked for when it came in; none is a NUL.
            Some(id) => Some(RequestId::new(id.as_bytes(), b'\0').ok()?),
            None => None,
        };
        Some(Self {
            identity: Identity { scope: scope.map(Tenant::new), signed_id, claimed_id: None },
            problem,
        })
    }

    fn to_written(&self) -> WrittenKept {
        // What is kept was proved, so no id is only claimed.
        let Identity { scope, signed_id, claimed_id: _ } = &self.identity;
        WrittenKept {
            scope: scope.as_ref().map(|scope| scope.as_str().to_owned()),
            signed_id: signed_id.as_ref().map(|id| id.as_str().to_owned()),
            problem: self.problem.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sender {
    BearerSecret,
    KeyedDigest,
    Hmac,
}

impl Origin {
    /// As text for a row. A sender that was recognised in a way that is not known here counts as the weakest.
    pub(crate) fn to_text(&self) -> String {
        self.write(None)
    }

    /// The same of a body that could not be read.
    pub(crate) fn to_text_with(&self, kept: &Kept) -> String {
        self.write(Some(kept.to_written()))
    }

    fn write(&self, unreadable: Option<WrittenKept>) -> String {
        let written = Written {
            key: self.key.clone(),
            tenant: self.tenant.clone(),
            sender: match self.assurance.sender {
                SenderAssurance::Hmac => Sender::Hmac,
                SenderAssurance::KeyedDigest => Sender::KeyedDigest,
                SenderAssurance::BearerSecret | _ => Sender::BearerSecret,
            },
            body: self.assurance.body == BodyAssurance::Signed,
            time: self.assurance.time == TimeAssurance::Signed,
            id: self.assurance.id == IdAssurance::Bound,
            unreadable,
        };
        // Text and truth values: there is nothing in it that JSON cannot say.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// From a row; `None` if it cannot be read: then nothing is proved.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let Written { key, tenant, sender, body, time, id, unreadable: _ } =
            serde_json::from_str(text).ok()?;
        let sender = match sender {
            Sender::BearerSecret => SenderAssurance::BearerSecret,
            Sender::KeyedDigest => SenderAssurance::KeyedDigest,
            Sender::Hmac => SenderAssurance::Hmac,
        };
        let mut assurance = Assurance::sender(sender);
        if body {
            assurance.body = BodyAssurance::Signed;
        }
        if time {
            assurance.time = TimeAssurance::Signed;
        }
        if id {
            assurance.id = IdAssurance::Bound;
        }
        Some(Self { key, tenant, assurance })
    }
}

impl From<&Proof> for Origin {
    fn from(proof: &Proof) -> Self {
        Self {
            key: proof.key().as_str().to_owned(),
            tenant: proof.named_tenant().map(|tenant| tenant.as_str().to_owned()),
            assurance: proof.assurance(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}", self.key)?;
        if let Some(tenant) = &self.tenant {
            write!(f, " of {tenant:?}")?;
        }
        write!(f, ": {}", self.assurance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_again() {
        for sender in [SenderAssurance::BearerSecret, SenderAssurance::KeyedDigest, SenderAssurance::Hmac] {
            for bits in 0..8_u8 {
                let body = if bits & 1 > 0 { BodyAssurance::Signed } else { BodyAssurance::TransportOnly };
                let time = if bits & 2 > 0 { TimeAssurance::Signed } else { TimeAssurance::None };
                let id = if bits & 4 > 0 { IdAssurance::Bound } else { IdAssurance::None };
                let assurance = Assurance { sender, body, time, id };
                for tenant in [None, Some("berlin".to_owned())] {
                    let origin = Origin { key: "berlin \"mitte\"".to_owned(), tenant, assurance };
                    assert_eq!(Origin::from_text(&origin.to_text()), Some(origin));
                }
            }
        }
    }

    #[test]
    fn what_is_kept_beside_it_is_read_again() {
        let text = r#"{"key":"berlin","sender":"hmac","body":true,"time":false,"id":false}"#;
        let origin = Origin::from_text(text).unwrap();
        assert_eq!(Kept::from_text(&origin.to_text()), None);
        for (scope, id) in [(None, None), (Some("gr\u{f6}\u{df}e \"1\""), Some("r:1.2"))] {
            let signed_id = id.map(|id: &str| RequestId::new(id.as_bytes(), 0).unwrap());
            let identity = Identity { scope: scope.map(Tenant::new), signed_id, claimed_id: None };
            let kept = Kept { identity, problem: "key \"a\" is duplicated".to_owned() };
            let text = origin.to_text_with(&kept);
            assert_eq!(Kept::from_text(&text), Some(kept));
            assert_eq!(Origin::from_text(&text), Some(origin.clone()));
        }
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        for text in ["", "{}", "null", r#"{"key":"a","sender":"oath","body":true,"time":true,"id":true}"#] {
            assert_eq!(Origin::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn it_reads_as_a_proof_does() {
        let text = r#"{"key":"berlin","sender":"hmac","body":true,"time":false,"id":false}"#;
        let line = "key \"berlin\": sender by HMAC, body signed, time not proved, id not proved";
        assert_eq!(Origin::from_text(text).map(|origin| origin.to_string()), Some(line.to_owned()));
        let text =
            r#"{"key":"2026-06","tenant":"berlin","sender":"hmac","body":true,"time":false,"id":false}"#;
        let line =
            "key \"2026-06\" of \"berlin\": sender by HMAC, body signed, time not proved, id not proved";
        assert_eq!(Origin::from_text(text).map(|origin| origin.to_string()), Some(line.to_owned()));
    }
}
