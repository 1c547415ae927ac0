//! The table of ratios: `cargo bench -p gymhook-benches --bench ratios [-- WORD...]` measures the groups whose names contain a word.
//!
//! All contenders of a group run in one process, in random order, round after round; a ratio is the median of the rounds'
//! ratios. A time alone says little on a shared machine, and nothing on another one.

use core::time::Duration;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use gymhook_benches::stats::median;
use gymhook_benches::{Contender, Goal, Group, Outcome, Report};

/// How long one contender runs before the next one's turn.
const TURN: Duration = Duration::from_micros(100);
/// How long all turns of one group take together.
const GROUP: Duration = Duration::from_millis(1_500);
const FEWEST_ROUNDS: usize = 101;

type Allocations = BTreeMap<(String, usize, String), u64>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let allocations = count_allocations()?;
    let columns = ["task", "body", "contender", "ns", "× first", "allocations", "goal", "ratio"];
    let mut report = Report::new(columns, [1, 3, 4, 5, 7]);
    for group in gymhook_benches::all() {
        let group = group?;
        if !words.is_empty() && !words.iter().any(|word| group.name().contains(word.as_str())) {
            continue;
        }
        let rounds = measure(&group);
        for contender in group.contenders() {
            let row = Row { group: &group, rounds: &rounds, contender, allocations: &allocations };
            row.add_to(&mut report);
        }
        eprintln!("{}, {} bytes: {} rounds", group.name(), group.body_bytes(), rounds.len());
    }
    report.print();
    Ok(())
}

/// One entry a round: nanoseconds of one task, contender by contender.
type Rounds = Vec<Vec<f64>>;

fn measure(group: &Group) -> Rounds {
    let contenders = group.contenders();
    let times: Vec<u64> = contenders.iter().map(times_in_a_turn).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut rounds = Rounds::new();
    let start = Instant::now();
    while rounds.len() < FEWEST_ROUNDS || start.elapsed() < GROUP {
        let mut round = vec![0.0; contenders.len()];
        random.shuffle(&mut order);
        for &turn in &order {
            if let (Some(contender), Some(&times), Some(slot)) =
                (contenders.get(turn), times.get(turn), round.get_mut(turn))
            {
                let start = Instant::now();
                contender.repeat(times);
                *slot = start.elapsed().as_secs_f64() * 1e9 / times as f64;
            }
        }
        rounds.push(round);
    }
    rounds
}

fn times_in_a_turn(contender: &Contender) -> u64 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        contender.repeat(times);
        if start.elapsed() >= TURN {
            return times;
        }
        times *= 2;
    }
}

struct Row<'a> {
    group: &'a Group,
    rounds: &'a Rounds,
    contender: &'a Contender,
    allocations: &'a Allocations,
}

impl Row<'_> {
    fn add_to(&self, report: &mut Report) {
        let Self { group, contender, .. } = self;
        let key = (group.name().to_owned(), group.body_bytes(), contender.name().to_owned());
        let allocations = self.allocations.get(&key).copied();
        let first = group.contenders().first().map_or("", Contender::name);
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
            nanos(self.median(|round| self.time_of(round, contender.name()))),
            format!("{:.2}", self.ratio_to(first)),
            allocations.map_or_else(String::new, |count| count.to_string()),
            goal_texts.join(", "),
            ratios.join(", "),
        ];
        report.add(cells, verdicts);
    }

    fn judge(&self, goal: Goal) -> (String, String, bool) {
        let ratio = self.ratio_to(goal.other());
        (goal.to_string(), format!("{ratio:.3}"), goal.is_met_by(ratio))
    }

    fn ratio_to(&self, other: &str) -> f64 {
        self.median(|round| self.time_of(round, self.contender.name()) / self.time_of(round, other))
    }

    fn time_of(&self, round: &[f64], name: &str) -> f64 {
        let position = self.group.contenders().iter().position(|contender| contender.name() == name);
        position.and_then(|position| round.get(position)).copied().unwrap_or(f64::NAN)
    }

    fn median(&self, of_round: impl Fn(&[f64]) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| of_round(round)))
    }
}

/// Counted by a program of its own: counting would slow down whoever allocates.
fn count_allocations() -> Outcome<Allocations> {
    let output = Command::new(env!("CARGO_BIN_EXE_allocations")).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let mut counts = Allocations::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().ok_or("a line of `allocations` has four cells");
        counts.insert((cell()?.to_owned(), cell()?.parse()?, cell()?.to_owned()), cell()?.parse()?);
    }
    Ok(counts)
}

fn bytes(count: usize) -> String {
    match count {
        0 => String::new(),
        1..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}

fn nanos(time: f64) -> String {
    format!("{time:.0}")
}
