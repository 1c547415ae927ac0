//! One seed from its beginning to its end, and the smallest part of it that still fails.

use core::fmt;

use crate::script::Script;
use crate::trace::Totals;
use crate::violation::Violation;
use crate::world::World;

/// One run, named by what is needed to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    seed: u64,
    deliveries: u64,
    /// Which steps of the seed's script are played, by number; `None` for all.
    kept: Option<Vec<usize>>,
}

/// A run in which a promise was not kept.
#[derive(Clone, Debug)]
pub struct Failure {
    run: Run,
    violation: Violation,
    lines: Vec<String>,
}

/// The number of last lines of a failing run that are printed.
const LINES_SHOWN: usize = 60;

/// The number of runs that are spent on making a failing one smaller.
const SHRINKING_RUNS: usize = 3_000;

impl Run {
    /// The run of this seed with this many deliveries.
    #[must_use]
    pub const fn new(seed: u64, deliveries: u64) -> Self {
        Self { seed, deliveries, kept: None }
    }

    /// Only these steps of it, as a shrunk trace names them.
    #[must_use]
    pub fn keeping(mut self, steps: Vec<usize>) -> Self {
        self.kept = Some(steps);
        self
    }

    /// Plays it.
    ///
    /// # Errors
    ///
    /// [`Failure`]: a promise was not kept.
    pub fn play(&self) -> Result<Totals, Box<Failure>> {
        let script = Script::new(self.seed, self.deliveries);
        let steps = self.kept.clone().unwrap_or_else(|| (0..script.steps.len()).collect());
        play(&script, &steps, false)
            .map_err(|(violation, _)| Box::new(Failure { run: self.clone(), violation, lines: Vec::new() }))
    }
}

impl Failure {
    /// The smallest run that was found in which the same promise is not kept.
    #[must_use]
    pub fn shrunk(&self) -> Self {
        let script = Script::new(self.run.seed, self.run.deliveries);
        let mut kept = self.run.kept.clone().unwrap_or_else(|| (0..script.steps.len()).collect());
        let mut runs_left = SHRINKING_RUNS;
        let mut fails = |steps: &[usize]| {
            runs_left = runs_left.saturating_sub(1);
            let same = |violation: &Violation| violation.promise == self.violation.promise;
            runs_left > 0 && play(&script, steps, false).is_err_and(|(violation, _)| same(&violation))
        };
        let mut part = kept.len().div_ceil(2);
        while part > 0 {
            let mut from = 0;
            while from < kept.len() {
                let to = (from + part).min(kept.len());
                let without: Vec<usize> =
                    kept.iter().take(from).chain(kept.iter().skip(to)).copied().collect();
                if fails(&without) {
                    kept = without;
                } else {
                    from = to;
                }
            }
            part /= 2;
        }
        let run = self.run.clone().keeping(kept.clone());
        match play(&script, &kept, true) {
            Err((violation, lines)) => Self { run, violation, lines },
            Ok(_) => self.clone(),
        }
    }

    /// The promise that was not kept, in words.
    #[must_use]
    pub fn promise(&self) -> String {
        self.violation.promise.to_string()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.lines.len().saturating_sub(LINES_SHOWN);
        if skipped > 0 {
            writeln!(f, "… {skipped} lines before …")?;
        }
        for line in self.lines.iter().skip(skipped) {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{}", self.violation)?;
        write!(f, "again: cargo run --release --example simulate -- {}", self.run)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {} --deliveries {}", self.seed, self.deliveries)?;
        let Some(kept) = &self.kept else { return Ok(()) };
        let numbers: Vec<String> = kept.iter().map(usize::to_string).collect();
        write!(f, " --keep {}", numbers.join(","))
    }
}

type Found = (Violation, Vec<String>);

fn play(script: &Script, steps: &[usize], keeps_lines: bool) -> Result<Totals, Found> {
    let mut world = World::new(script, keeps_lines).map_err(|violation| (violation, Vec::new()))?;
    let mut steps = steps.iter().filter_map(|step| script.steps.get(*step));
    match steps.try_for_each(|step| world.play(step)).and_then(|()| world.finish()) {
        Ok(()) => Ok(world.totals()),
        Err(violation) => Err((violation, world.lines().to_vec())),
    }
}
