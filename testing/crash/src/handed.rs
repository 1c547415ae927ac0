//! What was handed over: a line before each enqueue, and a line after the engine said that it is on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The log, which all senders of a folder append to.
#[derive(Debug)]
pub struct HandedLog(File);

/// One notification that was handed over, or was about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The delivery's id.
    pub delivery: u128,
    /// The endpoint's number.
    pub endpoint: u32,
    /// The body's.
    pub digest: u64,
    /// Whether it is to wait for longer than the test takes.
    pub is_held: bool,
    /// The line of the log in which it was about to be.
    pub asked: usize,
    /// The line in which it was; `None` if nobody was told.
    pub acknowledged: Option<usize>,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("handed.log")
}

impl HandedLog {
    /// Appends to the log of this folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        Ok(Self(File::options().create(true).append(true).open(path(folder))?))
    }

    /// These are about to be handed over.
    ///
    /// # Errors
    /// The disk says so.
    pub fn asks(&self, new: &[Handed]) -> Result<(), Failure> {
        let line = |new: &Handed| {
            let Handed { delivery, endpoint, digest, is_held, .. } = new;
            format!("asked {delivery:032x} {endpoint} {digest:016x} {}\n", u8::from(*is_held))
        };
        self.append(&new.iter().map(line).collect::<String>())
    }

    /// The engine said that these are on disk.
    ///
    /// # Errors
    /// The disk says so.
    pub fn acknowledged(&self, new: &[Handed]) -> Result<(), Failure> {
        let line = |new: &Handed| format!("acknowledged {:032x}\n", new.delivery);
        self.append(&new.iter().map(line).collect::<String>())
    }

    fn append(&self, lines: &str) -> Result<(), Failure> {
        Ok((&self.0).write_all(lines.as_bytes())?)
    }
}

/// How long the log of this folder is, in bytes.
#[must_use]
pub fn length(folder: &Path) -> u64 {
    std::fs::metadata(path(folder)).map_or(0, |found| found.len())
}

/// Reads the log of this folder.
///
/// # Errors
/// There is none, or a line says nothing.
pub fn read(folder: &Path) -> Result<Vec<Handed>, Failure> {
    parse(&std::fs::read_to_string(path(folder))?)
}

fn parse(log: &str) -> Result<Vec<Handed>, Failure> {
    let mut all: BTreeMap<u128, Handed> = BTreeMap::new();
    for (line, text) in log.lines().enumerate() {
        let said = parse_line(line, text, &mut all);
        said.ok_or_else(|| format!("line {line} of what was handed over says nothing: {text}"))?;
    }
    Ok(all.into_values().collect())
}

fn parse_line(line: usize, text: &str, all: &mut BTreeMap<u128, Handed>) -> Option<()> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["asked", delivery, endpoint, digest, is_held] => {
            let delivery = u128::from_str_radix(delivery, 16).ok()?;
            let digest = u64::from_str_radix(digest, 16).ok()?;
            let (endpoint, is_held) = (endpoint.parse().ok()?, *is_held == "1");
            let new = Handed { delivery, endpoint, digest, is_held, asked: line, acknowledged: None };
            all.insert(delivery, new);
        }
        ["acknowledged", delivery] => {
            let delivery = u128::from_str_radix(delivery, 16).ok()?;
            all.get_mut(&delivery)?.acknowledged = Some(line);
        }
        _ => return None,
    }
    Some(())
}
