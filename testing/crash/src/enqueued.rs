//! What was enqueued: a line before each enqueue, and a line after the engine said that it is on disk.
//!
//! Every line ends with the mark ` .`. A kill may cut a long write short, between two of its pages: a line without the mark is
//! torn. What was not written whole was not asked for yet, or its acknowledgement was not heard.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The log, which all senders of a folder append to.
#[derive(Debug)]
pub struct EnqueueLog(File);

/// One notification that was enqueued, or was about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
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

/// What a line that was written whole ends with.
const END: &str = " .";

fn path(folder: &Path) -> PathBuf {
    folder.join("enqueued.log")
}

impl EnqueueLog {
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
    /// The write fails.
    pub fn asks(&self, new: &[Enqueued]) -> Result<(), Failure> {
        let line = |new: &Enqueued| {
            let Enqueued { delivery, endpoint, digest, is_held, .. } = new;
            format!("asked {delivery:032x} {endpoint} {digest:016x} {}{END}\n", u8::from(*is_held))
        };
        self.append(&new.iter().map(line).collect::<String>())
    }

    /// The engine said that these are on disk.
    ///
    /// # Errors
    /// The write fails.
    pub fn acknowledged(&self, new: &[Enqueued]) -> Result<(), Failure> {
        let line = |new: &Enqueued| format!("acknowledged {:032x}{END}\n", new.delivery);
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
/// There is none, or a whole line cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Enqueued>, Failure> {
    parse(&std::fs::read_to_string(path(folder))?)
}

fn parse(log: &str) -> Result<Vec<Enqueued>, Failure> {
    let mut all: BTreeMap<u128, Enqueued> = BTreeMap::new();
    for (line, text) in log.lines().enumerate() {
        let Some(whole) = text.strip_suffix(END) else { continue };
        let said = parse_line(line, whole, &mut all);
        said.ok_or_else(|| format!("line {line} of the log of what was enqueued cannot be read: {text}"))?;
    }
    Ok(all.into_values().collect())
}

fn parse_line(line: usize, text: &str, all: &mut BTreeMap<u128, Enqueued>) -> Option<()> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["asked", delivery, endpoint, digest, is_held] => {
            let delivery = u128::from_str_radix(delivery, 16).ok()?;
            let digest = u64::from_str_radix(digest, 16).ok()?;
            let (endpoint, is_held) = (endpoint.parse().ok()?, *is_held == "1");
            let new = Enqueued { delivery, endpoint, digest, is_held, asked: line, acknowledged: None };
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

    const ASKED: &str = "asked 0000000000000000000000000000000a 3 00000000000000ff 0 .";
    const ACKNOWLEDGED: &str = "acknowledged 0000000000000000000000000000000a .";

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = EnqueueLog::open(folder.path()).unwrap();
        let new = |delivery| Enqueued {
            delivery,
            endpoint: 3,
            digest: 255,
            is_held: delivery == 11,
            asked: 0,
            acknowledged: None,
        };
        log.asks(&[new(10), new(11)]).unwrap();
        log.acknowledged(&[new(11)]).unwrap();
        let read = read(folder.path()).unwrap();
        assert_eq!(
            read,
            [Enqueued { asked: 1, ..new(10) }, Enqueued { asked: 2, acknowledged: Some(4), ..new(11) }]
        );
    }

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
    }

    #[test]
    fn a_whole_line_that_cannot_be_read_is_an_error() {
        let unknown_delivery = format!("acknowledged 0000000000000000000000000000000b .\n{ASKED}");
        for nonsense in ["anything .", " .", "acknowledged x .", "asked 1 2 3 .", &unknown_delivery] {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
