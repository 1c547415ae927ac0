//! Runs language-neutral conformance vectors: JSON files that say what a webhook library must accept, refuse and read.
//!
//! The format is described beside the project's own files, in `tests/vectors/README.md`. A case fails when the libraries
//! do not do what it expects, and also when it cannot be understood (an unknown kind, an unknown option, undecodable
//! base64): what is not checked must not pass.
//!
//! ```
//! use gymhook_conformance::{Report, VectorFile};
//!
//! let file = VectorFile::parse("mine.json", r#"{
//!   "format": "gymhook-vectors/1",
//!   "cases": [{
//!     "kind": "signature", "name": "no key, no entry", "why": "an unsigned request never passes",
//!     "scheme": {"type": "api-key"}, "keys": [{"id": "studio", "secret": "k", "secret_encoding": "utf8"}],
//!     "now": "2026-01-01T00:00:00Z", "tolerance_seconds": null, "headers": [], "body_base64": "",
//!     "expect": {"verdict": "reject", "reason": "missing-header"}
//!   }]
//! }"#)?;
//! let mut report = Report::default();
//! report.run(&file);
//! assert_eq!(report.to_string(), "1 passed, 0 failed");
//! # Ok::<(), gymhook_conformance::FileError>(())
//! ```
//!
//! A new kind of case is one module with a type that implements `Check`, and one row in the table of `case.rs`.

mod case;
mod event;
mod field;
mod file;
pub mod fuzz;
mod report;
mod signature;

pub use case::{Case, CaseError, Mismatch};
pub use field::FieldError;
pub use file::{FileError, VectorFile, own_files};
pub use report::{Failure, Report};

/// The snippets of the project's own pages, compiled and run as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../DESIGN.md")]
    mod design {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
}
