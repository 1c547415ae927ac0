//! `VectorFile`: a file of cases.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Case;

/// A file of cases, read and taken apart; each case that was not understood fails on its own when it is run.
#[derive(Debug)]
pub struct VectorFile {
    name: String,
    cases: Vec<Case>,
}

impl VectorFile {
    /// The format that is understood.
    pub const FORMAT: &str = "gymhook-vectors/1";

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError::Unreadable`], or as [`VectorFile::parse`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(json) => Self::parse(&name, &json),
            Err(source) => Err(FileError::Unreadable { file: name, source }),
        }
    }

    /// Reads a file's text; `name` is what failures call it.
    ///
    /// # Errors
    /// [`FileError::NotAVectorFile`], [`FileError::UnknownFormat`], or [`FileError::NoCases`].
    pub fn parse(name: &str, json: &str) -> Result<Self, FileError> {
        let file: Contents<'_> = serde_json::from_str(json)
            .map_err(|source| FileError::NotAVectorFile { file: name.to_owned(), source })?;
        if file.format != Self::FORMAT {
            return Err(FileError::UnknownFormat { file: name.to_owned(), format: file.format });
        }
        if file.cases.is_empty() {
            return Err(FileError::NoCases { file: name.to_owned() });
        }
        let cases = file.cases.iter().enumerate().map(|(position, json)| Case::read(position, json.get()));
        Ok(Self { name: name.to_owned(), cases: cases.collect() })
    }

    /// What failures call the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cases, in the order of the file; at least one.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}

#[derive(Deserialize)]
struct Contents<'j> {
    format: String,
    #[serde(borrow)]
    cases: Vec<&'j RawValue>,
}

/// Why a whole file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A file without cases checks nothing, and must not pass for having been checked.
    #[error("{file} has no cases")]
    NoCases {
        /// The file.
        file: String,
    },
    /// The text is not a JSON object with `format` and `cases`.
    #[error("{file} is not a file of vectors: {source}")]
    NotAVectorFile {
        /// The file.
        file: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// The file says that it has another format.
    #[error("{file} has the format {format:?}; {:?} is understood", VectorFile::FORMAT)]
    UnknownFormat {
        /// The file.
        file: String,
        /// Its format.
        format: String,
    },
    /// The file cannot be read, or is not UTF-8.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
}
