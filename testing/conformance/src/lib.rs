//! The project's own conformance vectors.
//!
//! The runner itself is the crate [`gymhook_vectors`]; the format of the files is described beside them, in
//! `tests/vectors/README.md`.

pub mod fuzz;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The project's own files of cases, in the order of their names.
///
/// # Errors
/// Those of reading the folder `tests/vectors` of the source tree that this was compiled from.
pub fn own_files() -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
