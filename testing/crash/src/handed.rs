//! What was enqueued: a line before each enqueue, and a line after the engine said that it is on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The log, which all senders of a folder append to.
#[derive(Debug)]
pub struct HandedLog(File);

/// One notification that was enqueued, or was about to be.
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

    /// These are about to be enqueued.
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

    /// Appends after a line break, so that a line that a kill has torn stays by itself.
    fn append(&self, lines: &str) -> Result<(), Failure> {
        Ok((&self.0).write_all(format!("\n{lines}").as_bytes())?)
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
        if text.is_empty() || is_torn(text) {
            continue;
        }
        let said = parse_line(line, text, &mut all);
        said.ok_or_else(|| format!("line {line} of the log of what was enqueued cannot be read: {text}"))?;
    }
    Ok(all.into_values().collect())
}

/// Whether this is the beginning of a line whose writer was killed. A kill may cut a long write short, between two of its pages.
/// What was not written whole was not asked for yet, or its acknowledgement was not heard.
fn is_torn(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let is_hex =
        |word: &str, digits: usize| word.len() < digits && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match words.as_slice() {
        [word] => ["asked", "acknowledged"].iter().any(|whole| whole.starts_with(word)),
        ["acknowledged", delivery] | ["asked", delivery] => {
            is_hex(delivery, 32) || words.first() == Some(&"asked")
        }
        ["asked", delivery, endpoint] => {
            delivery.len() == 32 && endpoint.bytes().all(|byte| byte.is_ascii_digit())
        }
        ["asked", delivery, _, digest] => delivery.len() == 32 && digest.len() <= 16,
        ["asked", _, _, _, ""] => true,
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "asked 0000000000000000000000000000000a 3 00000000000000ff 0";
    const ACKNOWLEDGED: &str = "acknowledged 0000000000000000000000000000000a";

    #[test]
    fn a_torn_line_says_nothing_and_hides_no_other() {
        let whole = parse(&format!("\n{ASKED}\n\n{ACKNOWLEDGED}\n")).unwrap();
        assert!(whole.len() == 1 && whole[0].acknowledged.is_some());
        for cut in 0..ACKNOWLEDGED.len() {
            let read = parse(&format!("\n{ASKED}\n\n{}\n{ASKED}\n", &ACKNOWLEDGED[..cut])).unwrap();
            assert!(read.len() == 1 && read[0].acknowledged.is_none(), "{cut}");
        }
        for cut in 0..ASKED.len() {
            assert!(parse(&format!("\n{}", &ASKED[..cut])).unwrap().is_empty(), "{cut}");
        }
        for nonsense in
            ["anything", "acknowledged x", "asked 1 2 3 4 5", "acknowledged 0000000000000000000000000000000g"]
        {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
