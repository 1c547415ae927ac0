//! `Case` and `Check`: one case, its name, its reason, and what it checks.

use core::fmt::Debug;

use serde_json::Value;

use crate::event::EventCase;
use crate::field::{FieldError, Object};
use crate::retry::RetryCase;
use crate::signature::SignatureCase;

/// One case of a file, understood or not.
#[derive(Debug)]
pub struct Case {
    name: String,
    why: Option<String>,
    kind: Option<String>,
    question: Value,
    check: Result<Box<dyn Check>, CaseError>,
}

/// What a kind of case does once it has been read.
pub(crate) trait Check: Debug {
    /// Asks the libraries, and compares.
    fn run(&self) -> Result<(), Mismatch>;

    /// Compares what another implementation answered. What the answer leaves out is not compared, except its verdict.
    fn judge(&self, answer: &Object<'_>) -> Result<Result<(), Mismatch>, FieldError>;
}

type Read = fn(&Object<'_>) -> Result<Box<dyn Check>, FieldError>;

/// The kinds of case and how each is read.
const KINDS: [(&str, Read); 3] =
    [("event", EventCase::read), ("retry", RetryCase::read), ("signature", SignatureCase::read)];

impl Case {
    /// Reads one element of `cases`; `position` counts from 0 and names a case that has no name.
    pub(crate) fn read(position: usize, json: &str) -> Self {
        let value = strict_value(json);
        let text = |field: &str| value.as_ref().ok()?.get(field)?.as_str().map(str::to_owned);
        Self {
            name: text("name").unwrap_or_else(|| format!("case {}", position + 1)),
            why: text("why"),
            kind: text("kind"),
            question: value.as_ref().map(question).unwrap_or_default(),
            check: value.as_ref().map_err(Clone::clone).and_then(Self::check),
        }
    }

    fn check(value: &Value) -> Result<Box<dyn Check>, CaseError> {
        let object = Object::new("", value)?;
        let kind: &str = object.required("kind")?;
        let Some((_, read)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return Err(CaseError::UnsupportedKind { kind: kind.to_owned() });
        };
        Ok(read(&object)?)
    }

    /// The case's name, or its number in the file if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why the expectation is right, if the case gives a reason.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The kind of case, if it says one.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The case without what it expects, to ask another implementation.
    #[must_use]
    pub fn question(&self) -> &Value {
        &self.question
    }

    /// Compares what another implementation answered, a JSON object with the fields that `expect` has.
    ///
    /// What the answer leaves out is not compared, except its verdict: `verdict`, `events` or `error`, `end`.
    ///
    /// # Errors
    /// [`CaseError::Mismatch`] if the answer differs from what the case expects, and any other [`CaseError`] if the case or the
    /// answer was not understood.
    pub fn judge(&self, answer: &str) -> Result<(), CaseError> {
        let check = self.check.as_ref().map_err(Clone::clone)?;
        let answer = strict_value(answer).map_err(|error| CaseError::NotAnAnswer(error.to_string()))?;
        let object = Object::new("", &answer).map_err(|error| CaseError::NotAnAnswer(error.to_string()))?;
        check.judge(&object).map_err(|error| CaseError::NotAnAnswer(error.to_string()))??;
        Ok(())
    }

    /// Asks the libraries, and compares with what the case expects.
    ///
    /// # Errors
    /// [`CaseError::Mismatch`] if they do something else, and any other [`CaseError`] if the case was not understood.
    pub fn run(&self) -> Result<(), CaseError> {
        match &self.check {
            Ok(check) => Ok(check.run()?),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Why a case failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// A field is missing, unknown or unusable.
    #[error("the case cannot be run: {0}")]
    Field(#[from] FieldError),
    /// The libraries do something else than the case expects.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// What another implementation answered is no answer to this case.
    #[error("the answer cannot be read: {0}")]
    NotAnAnswer(String),
    /// The case is not JSON, holds a key twice or is nested too deep.
    #[error("the case cannot be run: {0}")]
    NotStrictJson(String),
    /// This runner has no such kind of case.
    #[error("the case cannot be run: kind {kind:?} is not supported")]
    UnsupportedKind {
        /// The kind.
        kind: String,
    },
}

/// What was expected, and what the libraries did instead.
///
/// Exhaustive on purpose: whoever judges another implementation writes one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}; got {got}")]
pub struct Mismatch {
    /// What the case expects.
    pub expected: String,
    /// What the libraries did.
    pub got: String,
}

/// Without a second look, a repeated key would quietly be read as its last value.
fn strict_value(json: &str) -> Result<Value, CaseError> {
    gymhook_event::check_strict(json.as_bytes())
        .map_err(|error| CaseError::NotStrictJson(error.to_string()))?;
    serde_json::from_str(json).map_err(|error| CaseError::NotStrictJson(error.to_string()))
}

fn question(case: &Value) -> Value {
    let mut question = case.clone();
    if let Some(fields) = question.as_object_mut() {
        fields.remove("expect");
        fields.remove("why");
    }
    question
}
