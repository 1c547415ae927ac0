//! Contenders that take turns in random order, and the medians over the rounds.

use core::time::Duration;
use std::time::Instant;

use crate::Outcome;
use crate::stats::median;

/// Nanoseconds of one task, contender by contender, round by round.
#[derive(Debug)]
pub struct Rounds(Vec<Vec<f64>>);

impl Rounds {
    /// Gives every contender one turn a round, in random order, until there are `fewest` rounds and `length` has passed.
    /// A turn returns its nanoseconds a task.
    ///
    /// # Errors
    /// If a turn fails.
    pub fn play(
        contenders: usize,
        fewest: usize,
        length: Duration,
        mut turn: impl FnMut(usize) -> Outcome<f64>,
    ) -> Outcome<Self> {
        let mut order: Vec<usize> = (0..contenders).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let mut rounds = Vec::new();
        let start = Instant::now();
        while rounds.len() < fewest || start.elapsed() < length {
            let mut round = vec![f64::NAN; contenders];
            random.shuffle(&mut order);
            for &contender in &order {
                if let Some(slot) = round.get_mut(contender) {
                    *slot = turn(contender)?;
                }
            }
            rounds.push(round);
        }
        Ok(Self(rounds))
    }

    /// How many rounds there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The median time of one task.
    #[must_use]
    pub fn nanos(&self, contender: usize) -> f64 {
        median(self.0.iter().filter_map(|round| round.get(contender).copied()))
    }

    /// The median rate: how many tasks a second.
    #[must_use]
    pub fn rate(&self, contender: usize) -> f64 {
        median(self.0.iter().filter_map(|round| Some(1e9 / round.get(contender)?)))
    }

    /// The median of the rounds' ratios of one contender's rate to that of another.
    #[must_use]
    pub fn ratio_of_rates(&self, contender: usize, other: usize) -> f64 {
        self.ratio(other, contender)
    }

    /// The median of the rounds' ratios of one contender's time to that of another.
    #[must_use]
    pub fn ratio(&self, contender: usize, other: usize) -> f64 {
        median(self.0.iter().filter_map(|round| Some(round.get(contender)? / round.get(other)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the order of their turns.
    #[test]
    fn each_contender_has_its_own_figures() {
        let nanos = [100.0, 200.0, 400.0];
        let mut order = Vec::new();
        let rounds = Rounds::play(3, 11, Duration::ZERO, |contender| {
            order.push(contender);
            Ok(*nanos.get(contender).ok_or("no such contender")?)
        });
        let rounds = rounds.unwrap_or_else(|error| panic!("{error}"));
        assert!(order.chunks(3).any(|turns| !turns.is_sorted()), "the order is never another one");
        // Whole numbers and their halves, which are exact.
        let rates = [0, 1, 2].map(|contender| rounds.ratio_of_rates(contender, 0).to_bits());
        assert_eq!(rates, [1.0_f64, 0.5, 0.25].map(f64::to_bits));
        let times = [0, 1, 2].map(|contender| rounds.ratio(contender, 0).to_bits());
        assert_eq!(times, [1.0_f64, 2.0, 4.0].map(f64::to_bits));
        assert_eq!(rounds.rate(1).to_bits(), 5e6_f64.to_bits());
    }
}
