//! On an ordered endpoint, all requests of one delivery come before all of the next.

use std::collections::BTreeMap;

use super::Mismatch;

/// A delivery on an ordered endpoint. Its places in a log are positions that rise in the order of time.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// The delivery's id.
    pub delivery: u128,
    /// The endpoint's number.
    pub endpoint: u32,
    /// Where it was about to be enqueued.
    pub asked: usize,
    /// Where it was acknowledged; `None` if it was not.
    pub acknowledged: Option<usize>,
    /// Its first and its last request, if there were any, in a log that may be another one.
    pub sent: Option<(usize, usize)>,
}

/// Finds what was acknowledged before another was about to be enqueued, and was sent after that one.
#[must_use]
pub fn out_of_order(deliveries: impl Iterator<Item = Placed>) -> Vec<Mismatch> {
    let mut by_endpoint: BTreeMap<u32, Vec<Placed>> = BTreeMap::new();
    for placed in deliveries {
        by_endpoint.entry(placed.endpoint).or_default().push(placed);
    }
    let mut found = Vec::new();
    for (endpoint, mut all) in by_endpoint {
        all.sort_by_key(|placed| placed.asked);
        let first_of_rest = first_of_rest(&all);
        for Placed { delivery, acknowledged, sent, .. } in all.iter().copied() {
            let (Some(acknowledged), Some((_, last))) = (acknowledged, sent) else { continue };
            let rest = all.partition_point(|other| other.asked <= acknowledged);
            if let Some((first, later)) = first_of_rest.get(rest).copied().flatten()
                && first < last
            {
                found.push(Mismatch::OutOfOrder { endpoint, delivery, later });
            }
        }
    }
    found
}

/// For each position, which of the deliveries from there on was sent first, and where.
fn first_of_rest(all: &[Placed]) -> Vec<Option<(usize, u128)>> {
    let mut firsts = Vec::with_capacity(all.len());
    let mut first = None;
    for placed in all.iter().rev() {
        let sent = placed.sent.map(|(sent, _)| (sent, placed.delivery));
        first = [first, sent].into_iter().flatten().min();
        firsts.push(first);
    }
    firsts.reverse();
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn placed(
        delivery: u128,
        asked: usize,
        acknowledged: Option<usize>,
        sent: (usize, usize),
    ) -> Placed {
        Placed { delivery, endpoint: 7, asked, acknowledged, sent: Some(sent) }
    }

    #[test]
    fn only_what_was_enqueued_after_an_acknowledgement_comes_later() {
        // 1 and 2 were enqueued together, 3 after both.
        let of = |first, second, third| {
            let all =
                [placed(1, 0, Some(2), first), placed(2, 1, Some(2), second), placed(3, 3, None, third)];
            out_of_order(all.into_iter())
        };
        assert_eq!(of((1, 3), (2, 2), (4, 4)), []);
        assert_eq!(of((2, 2), (1, 1), (3, 3)), []);
        let after = |delivery| Mismatch::OutOfOrder { endpoint: 7, delivery, later: 3 };
        assert_eq!(of((3, 3), (1, 1), (2, 2)), [after(1)]);
        assert_eq!(of((1, 4), (3, 3), (2, 2)), [after(1), after(2)]);
    }

    #[test]
    fn what_was_never_acknowledged_or_never_sent_is_in_no_order() {
        let unsent = Placed { sent: None, ..placed(1, 0, Some(1), (0, 0)) };
        let all = [unsent, placed(2, 2, None, (9, 9)), placed(3, 4, Some(5), (1, 1))];
        assert_eq!(out_of_order(all.into_iter()), []);
    }
}
