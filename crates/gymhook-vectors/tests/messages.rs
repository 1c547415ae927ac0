//! Every message of this crate's errors, for a person to read: what happened, where, what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::error::Error;
use std::io;

use gymhook_vectors::{CaseError, FieldError, FileError, Mismatch, VectorFile};

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

#[test]
fn every_message_says_what_happened_where_and_what_to_do() {
    let text = |text: &str| text.to_owned();
    let missing = || FieldError::Missing { field: text("scheme.type") };
    let mismatch = || Mismatch { expected: text("accept"), got: text("signature-mismatch") };
    let not_found = io::Error::new(io::ErrorKind::NotFound, "no such file");
    let rows = [
        row(missing(), "field scheme.type is missing"),
        row(FieldError::Unknown { field: text("scheme.colour") }, "field scheme.colour is unknown"),
        row(
            FieldError::Invalid { field: text("body_base64"), problem: text("not base64") },
            "field body_base64: not base64",
        ),
        row(CaseError::Field(missing()), "the case cannot be run: field scheme.type is missing"),
        row(CaseError::Mismatch(mismatch()), "expected accept; got signature-mismatch"),
        row(mismatch(), "expected accept; got signature-mismatch"),
        row(CaseError::NotAnAnswer(text("empty")), "the answer cannot be read: empty"),
        row(
            CaseError::NotStrictJson(text("key `a` is repeated")),
            "the case cannot be run: key `a` is repeated",
        ),
        row(
            CaseError::UnsupportedKind { kind: text("smell") },
            "the case cannot be run: kind \"smell\" is not supported",
        ),
        row(
            VectorFile::parse("mine.json", r#"{"format":"gymhook-vectors/1","cases":[]}"#).unwrap_err(),
            "mine.json has no cases",
        ),
        row(
            VectorFile::parse("mine.json", r#"{"format":"gymhook-vectors/9","cases":[]}"#).unwrap_err(),
            "mine.json has the format \"gymhook-vectors/9\"; \"gymhook-vectors/1\" is understood",
        ),
        row(
            VectorFile::parse("mine.json", "{}").unwrap_err(),
            "mine.json is not a file of vectors: missing field `format` at line 1 column 2",
        ),
        row(
            FileError::Unreadable { file: text("mine.json"), source: not_found },
            "mine.json cannot be read: no such file",
        ),
    ];
    for (error, said) in rows {
        assert_eq!(error.to_string(), said, "{error:?}");
        assert!(!said.ends_with('.') && !said.starts_with(char::is_uppercase), "{said}");
    }
}
