//! `read`: reads files and standard input up to a maximum size.

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use crate::failure::Failure;

/// The largest body that is read: 16 MiB, sixty times what a receiver takes by default.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// The largest capture that is read: a browser's HAR holds a whole session.
pub(crate) const MAX_CAPTURE: usize = 256 << 20;

/// The largest file of vectors that is read: a hundred times the largest of the project's.
pub(crate) const MAX_VECTORS: usize = 16 << 20;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        return read_stdin(max);
    }
    let unreadable = |error: io::Error| {
        let problem = if path.is_dir() {
            "it is a directory: name a file".to_owned()
        } else {
            format!("{}: check its path and who may read it", error.kind())
        };
        Failure::usage(format!("file {path:?} cannot be read: {problem}"))
    };
    let file = File::open(path).map_err(unreadable)?;
    read_all(file, max).map_err(unreadable)?.ok_or_else(|| too_long(&format!("file {path:?}"), max))
}

/// What was read once is gone, and a second reader would take the rest for an empty file.
static IS_STDIN_READ: AtomicBool = AtomicBool::new(false);

pub(crate) fn read_stdin(max: usize) -> Result<Vec<u8>, Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::usage("nothing was given on standard input: pipe it in, or name a file"));
    }
    if IS_STDIN_READ.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage(
            "standard input can be read once, and two are to come from it: put one into a file",
        ));
    }
    let unreadable = |error: io::Error| Failure::usage(format!("standard input cannot be read: {error}"));
    read_all(io::stdin().lock(), max).map_err(unreadable)?.ok_or_else(|| too_long("standard input", max))
}

fn too_long(what: &str, max: usize) -> Failure {
    Failure::usage(format!("{what} has more than {max} bytes: is it the right one?"))
}

fn read_all(source: impl Read, max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    source.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max).then_some(bytes))
}
