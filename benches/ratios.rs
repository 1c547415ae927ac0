//! The table of ratios: `cargo bench -p gymhook-benches --bench ratios [-- WORD...]` measures the groups whose names contain a word.
//!
//! All contenders of a group run in one process, in random order, round after round; a ratio is the median of the rounds'
//! ratios. A time alone says little on a shared machine, and nothing on another one.

use core::time::Duration;
use std::time::Instant;

use gymhook_benches::{Allocations, Contender, Goal, Group, Outcome, Report, Rounds, Wanted};

/// How long one contender runs before the next one's turn.
const TURN: Duration = Duration::from_micros(100);
/// How long all turns of one group take together.
const GROUP: Duration = Duration::from_millis(1_500);
const FEWEST_ROUNDS: usize = 101;

fn main() -> Outcome<()> {
    let names: Vec<&str> = gymhook_benches::all().map(|group| Ok(group?.name())).collect::<Outcome<_>>()?;
    let wanted = Wanted::from_args(&[], |_| names)?;
    let allocations = Allocations::count(env!("CARGO_BIN_EXE_allocations"))?;
    let columns = ["task", "body", "contender", "ns", "× first", "allocations", "goal", "ratio"];
    let mut report = Report::new(columns, [1, 3, 4, 5, 7]);
    for group in gymhook_benches::all() {
        let group = group?;
        if !wanted.contains(group.name()) {
            continue;
        }
        let rounds = measure(&group)?;
        for (index, contender) in group.contenders().iter().enumerate() {
            let row = Row { group: &group, rounds: &rounds, index, contender, allocations: &allocations };
            row.add_to(&mut report);
        }
        eprintln!("{}, {} bytes: {} rounds", group.name(), group.body_bytes(), rounds.count());
    }
    report.print();
    Ok(())
}

fn measure(group: &Group) -> Outcome<Rounds> {
    let contenders = group.contenders();
    let times: Vec<u64> = contenders.iter().map(|contender| contender.times_in(TURN)).collect();
    Rounds::play(contenders.len(), FEWEST_ROUNDS, GROUP, |index| {
        let (contender, times) = contenders.get(index).zip(times.get(index)).ok_or("no such contender")?;
        let start = Instant::now();
        contender.repeat(*times);
        Ok(start.elapsed().as_secs_f64() * 1e9 / *times as f64)
    })
}

struct Row<'a> {
    group: &'a Group,
    rounds: &'a Rounds,
    index: usize,
    contender: &'a Contender,
    allocations: &'a Allocations,
}

impl Row<'_> {
    fn add_to(&self, report: &mut Report) {
        let Self { group, contender, .. } = self;
        let allocations = self.allocations.of(group, contender);
        let mut goals: Vec<(String, String, bool)> =
            contender.goals().iter().map(|goal| self.judge(*goal)).collect();
        if let (Some(most), Some(made)) = (contender.most_allocations(), allocations) {
            goals.push((format!("≤ {most} allocations"), String::new(), made <= most));
        }
        let mut verdicts = Vec::new();
        let mut goal_texts = Vec::new();
        let mut ratios = Vec::new();
        for (goal, ratio, met) in goals {
            verdicts.push(met);
            goal_texts.push(goal);
            ratios.push(ratio);
        }
        ratios.retain(|ratio| !ratio.is_empty());
        let cells = [
            group.name().to_owned(),
            bytes(group.body_bytes()),
            contender.name().to_owned(),
            format!("{:.0}", self.rounds.nanos(self.index)),
            format!("{:.2}", self.rounds.ratio(self.index, 0)),
            allocations.map_or_else(String::new, |count| count.to_string()),
            goal_texts.join(", "),
            ratios.join(", "),
        ];
        report.add(cells, verdicts);
    }

    fn judge(&self, goal: Goal) -> (String, String, bool) {
        let other = self.group.position(goal.other());
        let ratio = other.map_or(f64::NAN, |other| self.rounds.ratio(self.index, other));
        (goal.to_string(), format!("{ratio:.3}"), goal.is_met_by(ratio))
    }
}

fn bytes(count: usize) -> String {
    match count {
        0 => String::new(),
        1..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}
