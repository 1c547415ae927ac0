//! What a run amounts to: how much of everything there was, and a hash of every output.

use std::io;

use gymhook_delivery::Output;

use crate::at::At;
use crate::random::mixed;
use crate::words;

/// How much of everything there was in one run or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that went on the wire.
    pub attempts: u64,
    /// Rounds of deliveries that ended.
    pub rounds: u64,
    /// Deliveries enqueued.
    pub deliveries: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Machines that were built again from what was written down.
    pub restores: u64,
    /// Leases that moved to another owner.
    pub leases_moved: u64,
    /// Steps of a clock.
    pub clock_steps: u64,
    /// Answers that were late or foreign.
    pub late_answers: u64,
    /// Outputs that were checked.
    pub outputs: u64,
    /// How much time went by, in milliseconds.
    pub virtual_millis: u64,
    /// A hash of all outputs of all machines, in order.
    pub hash: u64,
}

impl Totals {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.rounds += other.rounds;
        self.deliveries += other.deliveries;
        self.crashes += other.crashes;
        self.restores += other.restores;
        self.leases_moved += other.leases_moved;
        self.clock_steps += other.clock_steps;
        self.late_answers += other.late_answers;
        self.outputs += other.outputs;
        self.virtual_millis += other.virtual_millis;
        self.hash = mixed(self.hash ^ other.hash);
    }

    /// How much time went by, in days.
    #[must_use]
    pub const fn virtual_days(&self) -> u64 {
        self.virtual_millis / 86_400_000
    }
}

/// What a run leaves behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) totals: Totals,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(keeps_lines: bool) -> Self {
        Self { totals: Totals::default(), lines: keeps_lines.then(Vec::new) }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(words());
        }
    }

    /// A machine put this out.
    pub(crate) fn put_out(&mut self, owner: usize, at: At, output: &Output) {
        self.note(|| format!("{at} owner {owner} {}", words::output(output)));
        self.totals.outputs += 1;
        let mut hash = Hash(self.totals.hash ^ at.as_nanos().cast_unsigned() ^ mixed(owner as u64));
        // Writing to a number cannot fail, and every output can be written as JSON.
        let _written = serde_json::to_writer(&mut hash, output);
        self.totals.hash = mixed(hash.0);
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// Takes bytes in, eight at a time where it can.
struct Hash(u64);

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        for part in words.chain(rest.iter().map(|byte| u64::from(*byte))) {
            self.0 = (self.0 ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
