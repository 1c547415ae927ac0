//! Who proved an incoming notification, and what: kept beside it until it is handled.

use core::fmt;

use gymhook_signature::{Assurance, BodyAssurance, IdAssurance, Proof, SenderAssurance, TimeAssurance};
use serde::{Deserialize, Serialize};

/// What was proved when an incoming notification was verified, and for which key.
///
/// `Display` is one line for an audit log, the same as that of a [`Proof`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name of the key that matched: the studio, or the generation of the secret.
    pub key: String,
    /// Whose key it is, if the key was [said to belong to a tenant](gymhook_signature::Key::with_tenant).
    pub tenant: Option<String>,
    /// What was proved: a handler that moves money or memberships asks for a signed body.
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
        };
        // Text and truth values: there is nothing in it that JSON cannot say.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// From a row; `None` if it cannot be read: then nothing is proved.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let Written { key, tenant, sender, body, time, id } = serde_json::from_str(text).ok()?;
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
