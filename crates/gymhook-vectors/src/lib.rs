#![doc = include_str!("../README.md")]

mod case;
mod event;
mod field;
mod file;
mod report;
mod retry;
mod signature;

pub use case::{Case, CaseError, Mismatch};
pub use field::FieldError;
pub use file::{FileError, VectorFile};
pub use report::{Failure, Report};
