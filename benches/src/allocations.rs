//! What contenders allocate, counted by a program of its own, so that no timing pays for the counting.

use std::collections::BTreeMap;
use std::process::Command;

use crate::{Contender, Group, Outcome};

/// What a program of this package prints.
///
/// # Errors
/// If it cannot be run or fails: then with what it printed to its standard error.
pub fn output(program: &str, args: &[String]) -> Outcome<String> {
    let output = Command::new(program).args(args).output()?;
    if !output.status.success() {
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// How many allocations each contender makes for one task, by group, body bytes and contender.
#[derive(Debug)]
pub struct Allocations(BTreeMap<(String, usize, String), u64>);

impl Allocations {
    /// Runs the program `allocations`, which is at this path, and reads its lines.
    ///
    /// # Errors
    /// If it fails, or if a line is none of its own.
    pub fn count(program: &str) -> Outcome<Self> {
        let mut counts = BTreeMap::new();
        for line in output(program, &[])?.lines() {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().ok_or_else(|| format!("{program}: not four cells: {line:?}"));
            let key = (cell()?.to_owned(), cell()?.parse()?, cell()?.to_owned());
            counts.insert(key, cell()?.parse()?);
        }
        Ok(Self(counts))
    }

    /// Those of this contender; nothing if it was not counted.
    #[must_use]
    pub fn of(&self, group: &Group, contender: &Contender) -> Option<u64> {
        let key = (group.name().to_owned(), group.body_bytes(), contender.name().to_owned());
        self.0.get(&key).copied()
    }
}
