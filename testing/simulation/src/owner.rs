//! One process that drives a machine: its clock, what it has not saved yet, and the reference that looks over its
//! shoulder.

use std::collections::BTreeMap;

use gymhook_delivery::{Attempt, Dispatcher, EndpointId, LeaseEpoch, Limits, Output, Record, Snapshot};
use gymhook_retry::RetryBudget;

use crate::at::At;
use crate::command::{Command, Reply};
use crate::reference::{Bounds, Reference};
use crate::trace::Trace;
use crate::violation::{Promise, Violation};
use crate::words;

/// One process that drives a machine.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    index: usize,
    bounds: Bounds,
    /// `None` while the process is down.
    running: Option<Running>,
    /// How far its clock is from the true one, in nanoseconds.
    pub(crate) clock_offset: i64,
    /// The endpoints it believes to own, and under which lease.
    pub(crate) leases: BTreeMap<EndpointId, LeaseEpoch>,
    pub(crate) unsaved: Vec<Record>,
    pub(crate) unsent: Vec<Attempt>,
    /// When it wakes up by itself, on its own clock.
    pub(crate) wakes_at: Option<At>,
    /// It dies after this many further outputs, commits and requests.
    pub(crate) dies_after: Option<u64>,
    /// It is written down and read back after this many further outputs.
    pub(crate) copied_after: Option<u64>,
}

#[derive(Clone, Debug)]
struct Running {
    machine: Dispatcher,
    reference: Reference,
    /// The machine from before it was written down and read back; it is told the same and has to do the same.
    twin: Option<Dispatcher>,
}

/// How putting out went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Attempt,
    Record,
    Rests,
    Died,
}

impl Owner {
    pub(crate) fn new(index: usize, bounds: Bounds, now: At) -> Self {
        let mut owner = Self {
            index,
            bounds,
            running: None,
            clock_offset: 0,
            leases: BTreeMap::new(),
            unsaved: Vec::new(),
            unsent: Vec::new(),
            wakes_at: None,
            dies_after: None,
            copied_after: None,
        };
        owner.start_empty(now);
        owner
    }

    /// Begins with a machine that holds nothing.
    pub(crate) fn start_empty(&mut self, now: At) {
        let now = self.clock(now);
        let limits = Limits::new(self.bounds.slots.try_into().unwrap_or(core::num::NonZeroU32::MIN))
            .with_share_percent(self.bounds.share_percent)
            .with_answer_grace(self.bounds.grace);
        let budget = self.bounds.budget.and_then(|rule| {
            RetryBudget::new(rule.percent, rule.reserve_per_minute, rule.burst, now.utc()).ok()
        });
        let machine = Dispatcher::new(limits, budget, now.utc());
        self.running = Some(Running { machine, reference: Reference::new(self.bounds, now), twin: None });
    }

    /// Begins where a snapshot and the reference of that moment left off.
    pub(crate) fn start_from(&mut self, snapshot: &[u8], reference: Reference) -> Result<(), Violation> {
        let machine = read_back(snapshot)?;
        self.running = Some(Running { machine, reference, twin: None });
        Ok(())
    }

    /// The process is gone, with all it had not saved.
    pub(crate) fn die(&mut self) {
        self.running = None;
        self.leases.clear();
        self.unsaved.clear();
        self.unsent.clear();
        self.wakes_at = None;
        self.dies_after = None;
        self.copied_after = None;
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The time on its own clock.
    pub(crate) const fn clock(&self, now: At) -> At {
        now.shifted(self.clock_offset)
    }

    /// Asks something of the machine, its twin and the reference; they have to agree.
    pub(crate) fn tell(
        &mut self,
        command: &Command,
        now: At,
        trace: &mut Trace,
    ) -> Result<Option<Reply>, Violation> {
        let now = self.clock(now);
        let Some(running) = &mut self.running else { return Ok(None) };
        trace.note(|| format!("{now} owner {} is told to {}", self.index, command.words()));
        let right = running.reference.expect(command, now);
        let reply = command.ask(&mut running.machine, now);
        Promise::AsDocumented.require(reply == right, || {
            format!("{}\n  was answered {reply:?}, right is {right:?}", command.words())
        })?;
        if let Some(twin) = &mut running.twin {
            let twin_reply = command.ask(twin, now);
            Promise::SameFateAfterRestore.require(reply == twin_reply, || {
                format!("{}\n  was answered {reply:?}, by the original {twin_reply:?}", command.words())
            })?;
        }
        Ok(Some(reply))
    }

    /// Takes the next output.
    pub(crate) fn put_out(&mut self, now: At, trace: &mut Trace) -> Result<Step, Violation> {
        if ran_out(&mut self.dies_after) {
            return Ok(Step::Died);
        }
        let clock = self.clock(now);
        let Some(running) = &mut self.running else { return Ok(Step::Died) };
        if ran_out(&mut self.copied_after) {
            running.copy()?;
        }
        let output = running.machine.poll_output();
        trace.put_out(self.index, now, &output);
        if let Some(twin) = &mut running.twin {
            let original = twin.poll_output();
            Promise::SameFateAfterRestore.require(original == output, || {
                format!(
                    "the restored machine {}\n  and the original {}",
                    words::output(&output),
                    words::output(&original)
                )
            })?;
        }
        running.reference.observe(&output)?;
        Ok(match output {
            Output::Record(record) => {
                trace.totals.late_answers += u64::from(matches!(record, Record::LateAnswer(_)));
                self.unsaved.push(record);
                Step::Record
            }
            Output::Attempt(attempt) => {
                self.unsent.push(attempt);
                Step::Attempt
            }
            Output::WakeAt(at) => {
                running.names_what_blocks(clock)?;
                self.wakes_at = at.map(At::of);
                Step::Rests
            }
        })
    }

    /// The machine as it would be written down, and the reference of that moment.
    pub(crate) fn saved(&self) -> Option<(Vec<u8>, Reference)> {
        let running = self.running.as_ref()?;
        Some((written(&running.machine), running.reference.clone()))
    }

    /// Goes on with the machine as it is after being written down and read back.
    pub(crate) fn renew(&mut self) -> Result<(), Violation> {
        let Some(running) = &mut self.running else { return Ok(()) };
        running.copy()?;
        running.twin = None;
        Ok(())
    }

    pub(crate) fn machine(&self) -> Option<&Dispatcher> {
        self.running.as_ref().map(|running| &running.machine)
    }

    pub(crate) fn reference(&self) -> Option<&Reference> {
        self.running.as_ref().map(|running| &running.reference)
    }
}

impl Running {
    /// Writes the machine down and reads it back; the copy goes on, beside the original.
    fn copy(&mut self) -> Result<(), Violation> {
        let text = written(&self.machine);
        let copy = read_back(&text)?;
        Promise::SameFateAfterRestore.require(written(&copy) == text, || {
            "the restored machine's snapshot differs from the one it was restored from".to_owned()
        })?;
        self.twin = Some(core::mem::replace(&mut self.machine, copy));
        Ok(())
    }

    /// Asks about one endpoint after another what blocks it.
    fn names_what_blocks(&self, clock: At) -> Result<(), Violation> {
        let Some(endpoint) = self.reference.some_endpoint(clock.as_nanos().unsigned_abs() / 1_000) else {
            return Ok(());
        };
        self.reference.names_what_blocks(endpoint, self.machine.held_back(endpoint))
    }
}

/// Counts down; `true` when nothing is left.
pub(crate) const fn ran_out(left: &mut Option<u64>) -> bool {
    match left {
        Some(0) => {
            *left = None;
            true
        }
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}

fn written(machine: &Dispatcher) -> Vec<u8> {
    serde_json::to_vec(&machine.snapshot()).unwrap_or_default()
}

fn read_back(text: &[u8]) -> Result<Dispatcher, Violation> {
    let restored = Snapshot::from_json(text).and_then(Dispatcher::restore);
    restored.or_else(|error| {
        Promise::SameFateAfterRestore.broken(|| format!("{error}: {}", String::from_utf8_lossy(text)))
    })
}
