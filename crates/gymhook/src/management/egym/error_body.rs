//! `ErrorBody`: the body of an error from EGYM's management API.

use core::fmt;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why EGYM refused a call: the vendor's `ErrorDTO`, all of whose fields are optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorBody {
    /// The time, as text.
    pub timestamp: Option<String>,
    /// The requested path.
    pub path: Option<String>,
    /// EGYM's id of the request, for its support.
    pub request_id: Option<String>,
    /// The status code.
    pub status: Option<i32>,
    /// The name of the status.
    pub error: Option<String>,
    /// The error's code, such as [`ErrorBody::URL_ALREADY_REGISTERED`].
    pub error_code: Option<String>,
    /// The error's description.
    pub message: Option<String>,
    /// The fields of the request that were refused.
    pub field_errors: Vec<FieldError>,
    /// Details, such as the entity that was not found.
    pub metadata: BTreeMap<String, String>,
}

impl ErrorBody {
    /// The code of a 409: the gym already has a webhook with this URL.
    pub const URL_ALREADY_REGISTERED: &'static str = "webhookUrlAlreadyRegistered";
}

/// A field of a request that EGYM refused.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct FieldError {
    /// The field's name.
    pub name: Option<String>,
    /// What is wrong with it.
    pub message: Option<String>,
    /// What was sent, as raw JSON; it may be a secret.
    pub rejected_value: Option<Box<RawValue>>,
}

/// Leaves out what was sent, which may be a secret.
impl fmt::Debug for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldError")
            .field("name", &self.name)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}
