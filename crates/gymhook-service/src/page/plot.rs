//! `Plot` and `Spark`: the last hour as small plots, drawn as SVG.

use super::words::{Moment, count};
use crate::activity::{Minute, Period};

/// The plot's height and a minute's width, in its own units.
const HEIGHT: u64 = 60;
const STEP: u64 = 8;
const BAR: u64 = 6;

/// A plot with two rows of bars on each other.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// What it shows, in words: for whoever does not see it.
    pub(super) summary: String,
    /// The largest value, for the axis.
    pub(super) top: String,
    pub(super) bars: Vec<Bar>,
    pub(super) width: u64,
    pub(super) height: u64,
}

/// A small plot in a row of a list.
#[derive(Clone, Debug)]
pub(super) struct Spark {
    pub(super) plot: Plot,
    /// How many failed, if any did.
    pub(super) failed: Option<String>,
}

/// A rectangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    /// What it says when it is pointed at.
    pub(super) title: String,
}

/// A minute in words, for the table beside the plots.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: Moment,
    pub(super) minute: Minute,
    pub(super) mean_ms: u64,
}

fn mean(minute: &Minute) -> u64 {
    minute.took_ms.checked_div(minute.delivered + minute.failed).unwrap_or(0)
}

/// The minutes in which something happened, the latest first.
pub(super) fn lines(hour: &[Minute], now: time::UtcDateTime) -> Vec<Line> {
    let busy = |minute: &&Minute| minute.received + minute.refused + minute.delivered + minute.failed > 0;
    let line = |minute: &Minute| Line {
        at: Moment::new(time::UtcDateTime::from_unix_timestamp(minute.began).unwrap_or(now), now),
        minute: *minute,
        mean_ms: mean(minute),
    };
    hour.iter().rev().filter(busy).map(line).collect()
}

/// Attempts a minute: those that delivered, and on top of them those that failed.
pub(super) fn throughput(hour: &[Minute]) -> Plot {
    let (delivered, failed) = hour
        .iter()
        .fold((0, 0), |(delivered, failed), minute| (delivered + minute.delivered, failed + minute.failed));
    let summary = format!(
        "Attempts a minute in the last hour: {} delivered, {} failed in all.",
        count(delivered),
        count(failed)
    );
    let values =
        |minute: &Minute| [("good", minute.delivered, "delivered"), ("bad", minute.failed, "failed")];
    stacked(hour.iter().map(|minute| (minute.began, values(minute))), summary, "a minute", 1)
}

/// Webhooks received a minute: those accepted, and on top of them those refused.
pub(super) fn received(hour: &[Minute]) -> Plot {
    let (accepted, refused) = hour
        .iter()
        .fold((0, 0), |(accepted, refused), minute| (accepted + minute.received, refused + minute.refused));
    let summary = format!(
        "Webhooks received a minute in the last hour: {} accepted, {} refused in all.",
        count(accepted),
        count(refused)
    );
    let values =
        |minute: &Minute| [("moving", minute.received, "accepted"), ("bad", minute.refused, "refused")];
    stacked(hour.iter().map(|minute| (minute.began, values(minute))), summary, "a minute", 1)
}

/// How long attempts took: the mean, and on top of it how far the longest was above.
pub(super) fn latency(hour: &[Minute]) -> Plot {
    let (took, attempts) = hour.iter().fold((0_u64, 0_u64), |(took, attempts), minute| {
        (took.saturating_add(minute.took_ms), attempts + minute.delivered + minute.failed)
    });
    let longest = hour.iter().map(|minute| minute.longest_ms).max().unwrap_or(0);
    let summary = match took.checked_div(attempts) {
        Some(mean) => format!(
            "Time of attempts in the last hour: {} ms on average, {} ms at most.",
            count(mean),
            count(longest)
        ),
        None => "Time of attempts in the last hour: there was none.".to_owned(),
    };
    let values = |minute: &Minute| {
        let mean = mean(minute);
        [
            ("moving", mean, "ms on average"),
            ("faint", minute.longest_ms.saturating_sub(mean), "ms more at most"),
        ]
    };
    stacked(hour.iter().map(|minute| (minute.began, values(minute))), summary, "ms", 1)
}

/// Attempts of an endpoint in the last hour: those that delivered, and on top of them those that failed.
pub(super) fn spark(hour: &[Period]) -> Spark {
    let delivered = hour.iter().map(|period| period.delivered).sum();
    let failed = hour.iter().map(|period| period.failed).sum();
    let summary =
        format!("Attempts of the last hour: {} delivered, {} failed.", count(delivered), count(failed));
    let points = hour.iter().map(|period| {
        let values = [("good", period.delivered, "delivered"), ("bad", period.failed, "failed")];
        (period.began, values)
    });
    // So low that a smaller bar would not be seen.
    let plot = stacked(points, summary, "in five minutes", HEIGHT / 8);
    Spark { plot, failed: (failed > 0).then(|| count(failed)) }
}

/// A bar's class, its value, and what is counted.
type Value = (&'static str, u64, &'static str);

/// A bar of two values for each moment. Whatever is not nothing is at least `least` high, so that one failure among thousands is seen.
fn stacked(points: impl Iterator<Item = (i64, [Value; 2])>, summary: String, unit: &str, least: u64) -> Plot {
    let points: Vec<_> = points.collect();
    let top = points.iter().map(|(_, values)| values.iter().map(|(_, value, _)| value).sum()).max();
    let top: u64 = top.unwrap_or(0);
    let mut bars = Vec::new();
    for (place, (began, values)) in (0_u64..).zip(&points) {
        let mut below = 0;
        for (class, value, name) in *values {
            let Some(height) = value.saturating_mul(HEIGHT).checked_div(top) else { continue };
            let height = if value > 0 { height.max(least) } else { continue };
            let y = HEIGHT.saturating_sub(below + height);
            let at = time::UtcDateTime::from_unix_timestamp(*began);
            let at = at.map(|at| format!("{:02}:{:02}", at.hour(), at.minute())).unwrap_or_default();
            let title = format!("{at}: {} {name}", count(value));
            bars.push(Bar { class, x: place * STEP + 1, y, width: BAR, height, title });
            below += height;
        }
    }
    let width = u64::try_from(points.len()).unwrap_or(0) * STEP;
    Plot { summary, top: format!("{} {unit}", count(top)), bars, width, height: HEIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_minute_is_as_high_as_the_plot_and_one_failure_is_seen() {
        let quiet = Minute { began: 0, ..Minute::default() };
        let busy = Minute { began: 60, delivered: 9_999, failed: 1, ..Minute::default() };
        let plot = throughput(&[quiet, busy]);
        assert_eq!(plot.bars.len(), 2);
        assert_eq!((plot.bars[0].class, plot.bars[0].height, plot.bars[0].x), ("good", 59, 9));
        assert_eq!((plot.bars[1].class, plot.bars[1].height, plot.bars[1].y), ("bad", 1, 0));
        assert_eq!(plot.top, "10,000 a minute");
        assert_eq!(plot.bars[1].title, "00:01: 1 failed");
    }

    #[test]
    fn one_failure_is_seen_in_a_small_plot_and_counted_beside_it() {
        let quiet = Period { began: 0, ..Period::default() };
        let busy = Period { began: 300, delivered: 999, failed: 1 };
        let Spark { plot, failed } = spark(&[quiet, busy]);
        assert_eq!(plot.summary, "Attempts of the last hour: 999 delivered, 1 failed.");
        assert_eq!((plot.bars.len(), plot.bars[1].class, plot.bars[1].height), (2, "bad", 7));
        assert_eq!(plot.bars[1].title, "00:05: 1 failed");
        assert_eq!(failed.as_deref(), Some("1"));
        assert_eq!(spark(&[busy, quiet]).plot.bars[0].x, 1);
        assert!(spark(&[quiet]).plot.bars.is_empty() && spark(&[quiet]).failed.is_none());
    }

    #[test]
    fn an_hour_without_anything_has_no_bars() {
        let hour = [Minute::default(); 60];
        assert!(throughput(&hour).bars.is_empty() && latency(&hour).bars.is_empty());
        assert_eq!(latency(&hour).summary, "Time of attempts in the last hour: there was none.");
    }
}
