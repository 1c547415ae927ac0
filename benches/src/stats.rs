//! The median and the percentiles of what was measured.

/// The middle value, or the mean of the two in the middle; not a number if there are no values, so that no goal is met.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let sorted = sorted(values);
    let upper = sorted.get(sorted.len() / 2);
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2);
    lower.zip(upper).map_or(f64::NAN, |(lower, upper)| f64::midpoint(*lower, *upper))
}

/// The percentile by nearest rank: the smallest value that at least `percent` % of all values do not exceed. Not a number if
/// there are no values, so that no goal is met; the largest value above 100 %.
#[must_use]
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let sorted = sorted(values);
    let rank = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    /// Whole numbers, so that a rank is the value itself; in falling order, so that they have to be sorted.
    fn down_from(count: u32) -> impl Iterator<Item = f64> {
        (1..=count).rev().map(f64::from)
    }

    /// The bits are compared: the values are whole numbers and halves, which are exact.
    fn assert_is(value: f64, expected: f64) {
        assert!(value.to_bits() == expected.to_bits(), "{value} instead of {expected}");
    }

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        for (count, middle) in [(1, 1.0), (2, 1.5), (3, 2.0), (4, 2.5), (101, 51.0)] {
            assert_is(median(down_from(count)), middle);
        }
    }

    #[test]
    fn a_percentile_has_the_nearest_rank() {
        // Ranks by the definition: ⌈count × percent / 100⌉, and at least 1.
        for (count, percent, rank) in [
            (1, 99, 1.0),
            (3, 50, 2.0),
            (4, 50, 2.0),
            (10, 99, 10.0),
            (100, 0, 1.0),
            (100, 1, 1.0),
            (100, 50, 50.0),
            (100, 99, 99.0),
            (100, 100, 100.0),
            (100, 101, 100.0),
            (101, 99, 100.0),
            (1_000, 99, 990.0),
        ] {
            assert_is(percentile(down_from(count), percent), rank);
        }
    }

    #[test]
    fn of_no_values_there_is_neither() {
        assert!(median([]).is_nan());
        assert!(percentile([], 99).is_nan());
    }
}
