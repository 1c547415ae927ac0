//! One task, several contenders, and what is hoped of each.

use core::error::Error;
use core::fmt;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// What building a contender may fail with; nothing is measured that did not work once.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// One task on one input, given to several contenders.
#[derive(Debug)]
pub struct Group {
    name: &'static str,
    body_bytes: usize,
    contenders: Vec<Contender>,
}

impl Group {
    /// A group without contenders; the others are compared with the first one that joins.
    #[must_use]
    pub fn new(name: &'static str, body_bytes: usize) -> Self {
        Self { name, body_bytes, contenders: Vec::new() }
    }

    /// Adds a contender: `task` does the work once and says whether it came out as it should.
    ///
    /// # Errors
    /// If the task does not come out as it should.
    pub fn with(self, name: &'static str, task: impl Fn() -> bool + 'static) -> Outcome<Self> {
        self.with_goals(name, &[], None, task)
    }

    /// Adds a contender of which something is hoped.
    ///
    /// # Errors
    /// If the task does not come out as it should.
    pub fn with_goals(
        mut self,
        name: &'static str,
        goals: &[Goal],
        most_allocations: Option<u64>,
        task: impl Fn() -> bool + 'static,
    ) -> Outcome<Self> {
        if !task() {
            return Err(format!("{}, {} bytes: {name} failed", self.name, self.body_bytes).into());
        }
        self.contenders.push(Contender {
            name,
            goals: goals.to_vec(),
            most_allocations,
            repeat: Box::new(move |times| (0..times).fold(true, |good, _| black_box(task()) & good)),
        });
        Ok(self)
    }

    /// The task.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long the body is.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The contenders, in the order in which they joined.
    #[must_use]
    pub fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    /// Where the contender of this name is among them.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.name == name)
    }
}

/// One way of doing a group's task.
pub struct Contender {
    name: &'static str,
    goals: Vec<Goal>,
    most_allocations: Option<u64>,
    repeat: Box<dyn Fn(u64) -> bool>,
}

impl Contender {
    /// Does the task this number of times; the loop is inside, so that a timing of many pays for one dynamic call.
    ///
    /// # Panics
    /// If a task did not come out as it should: its time would mean nothing.
    pub fn repeat(&self, times: u64) {
        assert!((self.repeat)(times), "{} failed while it was measured", self.name);
    }

    /// How many times it has to do the task to be busy for at least this long: a power of two.
    #[must_use]
    pub fn times_in(&self, turn: Duration) -> u64 {
        let mut times = 1;
        loop {
            let start = Instant::now();
            self.repeat(times);
            if start.elapsed() >= turn {
                return times;
            }
            times *= 2;
        }
    }

    /// Who it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How its time is hoped to compare with that of others.
    #[must_use]
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// How many allocations it may make for one task, if that is limited.
    #[must_use]
    pub fn most_allocations(&self) -> Option<u64> {
        self.most_allocations
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .field("goals", &self.goals)
            .finish_non_exhaustive()
    }
}

/// How a contender's time is hoped to compare with that of another one of its group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The maximum ratio to the time of the other.
    AtMost(f64, &'static str),
    /// At least this multiple of the time of the other.
    AtLeast(f64, &'static str),
}

impl Goal {
    /// The contender to compare with.
    #[must_use]
    pub fn other(self) -> &'static str {
        match self {
            Self::AtMost(_, other) | Self::AtLeast(_, other) => other,
        }
    }

    /// Whether this ratio of the times reaches the goal.
    #[must_use]
    pub fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most, _) => ratio <= most,
            Self::AtLeast(least, _) => ratio >= least,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(ratio, other) => write!(f, "≤ {ratio} × {other}"),
            Self::AtLeast(ratio, other) => write!(f, "≥ {ratio} × {other}"),
        }
    }
}
