//! The table of retrying and delivering: `cargo bench -p gymhook-benches --bench delivery [-- --quick] [WORD...]`.
//!
//! It measures the tasks whose names contain a word, or all; `--quick` leaves out ten million waiting deliveries, which take
//! several gigabytes. Times are medians of rounds in which all contenders take turns in random order; what is measured in
//! virtual time is exact.

use core::num::NonZeroU32;
use core::time::Duration;

use cpu_time::ThreadTime;
use gymhook_benches::waiting::{
    Floor, Ledger, Load, Machine, Names, TRANSITIONS_AN_ATTEMPT, TokioQueue, Waiting,
};
use gymhook_benches::{
    Allocations, Group, Options, Outcome, Report, Rounds, Wanted, crowd, outage, output, retry,
};

const SIZES: [(u64, &str); 4] = [
    (10_000, "10 thousand"),
    (100_000, "100 thousand"),
    (1_000_000, "1 million"),
    (10_000_000, "10 million"),
];
const ENDPOINTS: [u64; 3] = [1, 1_000, 100_000];
const FAIRNESS: &str = "fairness";
const RECOVERY: &str = "recovery";
const FLOOR: &str = "BTreeSet of (due, id)";

/// Attempts in one turn: long enough that a contender works from its own caches, not from those of the one before.
const ATTEMPTS_A_TURN: u64 = 4_000;
const FEWEST_ROUNDS: usize = 31;
const CASE: Duration = Duration::from_millis(1_500);

fn main() -> Outcome<()> {
    let deciding: Vec<Group> = retry::groups().collect::<Outcome<_>>()?;
    let wanted = Wanted::from_args(&["--quick"], |options| {
        let names = deciding.iter().map(|group| group.name().to_owned());
        let waiting = waiting_tasks(options).into_iter().map(|(name, _, _)| name);
        names.chain(waiting).chain([FAIRNESS, RECOVERY].map(str::to_owned)).collect::<Vec<_>>()
    })?;
    let mut report = Report::new(["task", "contender", "result", "bytes each", "ratio", "goal"], [3, 4]);
    for group in deciding.iter().filter(|group| wanted.contains(group.name())) {
        decisions(group, &mut report)?;
    }
    for (task, waiting, endpoints) in waiting_tasks(wanted.options()) {
        if wanted.contains(&task) {
            waiting_deliveries(&task, waiting, endpoints, &mut report)?;
        }
    }
    if wanted.contains(FAIRNESS) {
        fairness(&mut report)?;
    }
    if wanted.contains(RECOVERY) {
        recovery(&mut report)?;
    }
    report.print();
    Ok(())
}

/// Name, number of deliveries and number of endpoints.
fn waiting_tasks(options: &Options) -> Vec<(String, u64, u64)> {
    let most = if options.has("--quick") { 1_000_000 } else { u64::MAX };
    let mut tasks = Vec::new();
    for (waiting, in_words) in SIZES.into_iter().filter(|(waiting, _)| *waiting <= most) {
        for endpoints in ENDPOINTS {
            let plural = if endpoints == 1 { "" } else { "s" };
            tasks.push((format!("{in_words} waiting, {endpoints} endpoint{plural}"), waiting, endpoints));
        }
    }
    tasks
}

/// Each below 100 ns, without allocating.
fn decisions(group: &Group, report: &mut Report) -> Outcome<()> {
    const TURN: Duration = Duration::from_micros(100);
    let contenders = group.contenders();
    let times: Vec<u64> = contenders.iter().map(|contender| contender.times_in(TURN)).collect();
    let rounds = Rounds::play(contenders.len(), 101, Duration::from_millis(500), |index| {
        let (contender, times) = contenders.get(index).zip(times.get(index)).ok_or("no such contender")?;
        let start = ThreadTime::try_now()?;
        contender.repeat(*times);
        nanos_each(start, *times)
    })?;
    let allocations = Allocations::count(env!("CARGO_BIN_EXE_allocations"))?;
    for (index, contender) in contenders.iter().enumerate() {
        let count = allocations.of(group, contender);
        let counted = count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let nanos = rounds.nanos(index);
        Row {
            task: group.name().to_owned(),
            contender: contender.name().to_owned(),
            result: format!("{nanos:.1} ns, {counted} allocations"),
            goal: "< 100 ns, 0 allocations".to_owned(),
            met: Some(nanos < 100.0 && count == Some(0)),
            ..Row::default()
        }
        .add_to(report);
    }
    Ok(())
}

/// Per transition at most twice the floor, and at most 200 bytes each.
fn waiting_deliveries(task: &str, waiting: u64, endpoints: u64, report: &mut Report) -> Outcome<()> {
    let load = |names| Load { waiting, endpoints, names };
    let bytes = |contender: &str| -> Outcome<Option<f64>> {
        if contender != "machine" && endpoints != 1 {
            return Ok(None); // knows of no endpoint: the same as with one
        }
        let args = [contender.to_owned(), waiting.to_string(), endpoints.to_string()];
        Ok(Some(output(env!("CARGO_BIN_EXE_memory"), &args)?.trim().parse()?))
    };
    let names = [FLOOR, "std: ids, order, deadlines", "DelayQueue", "Dispatcher", "Dispatcher, rising ids"];
    let bytes = [bytes("floor")?, bytes("ledger")?, bytes("delay-queue")?, bytes("machine")?, None];
    let mut contenders: Vec<Box<dyn Waiting>> = vec![
        Box::new(Floor::new(&load(Names::Random))),
        Box::new(Ledger::new(&load(Names::Random))?),
        Box::new(TokioQueue::new(&load(Names::Random))?),
        Box::new(Machine::new(&load(Names::Random))?),
        Box::new(Machine::new(&load(Names::Rising))?),
    ];
    let rounds = Rounds::play(contenders.len(), FEWEST_ROUNDS, CASE, |index| {
        let contender = contenders.get_mut(index).ok_or("no such contender")?;
        let start = ThreadTime::try_now()?;
        let attempts = contender.attempt(ATTEMPTS_A_TURN)?;
        let nanos = nanos_each(start, attempts)? / TRANSITIONS_AN_ATTEMPT;
        contender.forget();
        Ok(nanos)
    })?;
    for (index, (contender, bytes)) in names.into_iter().zip(bytes).enumerate() {
        let (nanos, ratio) = (rounds.nanos(index), rounds.ratio(index, 0));
        let is_ours = contender.starts_with("Dispatcher");
        Row {
            task: task.to_owned(),
            contender: contender.to_owned(),
            result: format!("{nanos:.0} ns a transition"),
            bytes: bytes.map(|bytes| format!("{bytes:.0}")).unwrap_or_default(),
            ratio: format!("{ratio:.2}"),
            goal: if is_ours { "≤ 2 × floor, ≤ 200 B".to_owned() } else { String::new() },
            met: is_ours.then(|| ratio <= 2.0 && bytes.is_none_or(|bytes| bytes <= 200.0)),
        }
        .add_to(report);
    }
    eprintln!("{task}: measured");
    Ok(())
}

/// With the hanging endpoints the others wait at most 1.1 times as long as without.
fn fairness(report: &mut Report) -> Outcome<()> {
    for slots in [300, 400].into_iter().filter_map(NonZeroU32::new) {
        let task = format!("{FAIRNESS}, {slots} slots, 100 of 1,000 endpoints hang");
        let contenders = [("Dispatcher", crowd::dispatched(slots)?), ("one queue", crowd::pooled(slots)?)];
        for (contender, waits) in contenders {
            let ratio = waits.with.as_secs_f64() / waits.without.as_secs_f64();
            let is_ours = contender == "Dispatcher";
            Row {
                task: task.clone(),
                contender: contender.to_owned(),
                result: format!("99 % wait ≤ {:.1?}, without them {:.1?}", waits.with, waits.without),
                ratio: if ratio.is_finite() { format!("{ratio:.3}") } else { String::new() },
                goal: if is_ours { "≤ 1.1 × without".to_owned() } else { String::new() },
                met: is_ours.then_some(ratio <= 1.1),
                ..Row::default()
            }
            .add_to(report);
        }
    }
    Ok(())
}

/// The rate limit holds, and it is used.
fn recovery(report: &mut Report) -> Outcome<()> {
    let seen = outage::recovery()?;
    let ratio = seen.drained_after.as_secs_f64() / seen.ideal.as_secs_f64();
    let row = |result: String, goal: String, met| Row {
        task: format!("{RECOVERY}, {} waiting after an hour", outage::BACKLOG),
        contender: "Dispatcher".to_owned(),
        result,
        goal,
        met: Some(met),
        ..Row::default()
    };
    row(
        format!("peak {} in any second, {} failed attempts", seen.peak, seen.failed),
        format!("≤ {} a second", outage::RATE),
        seen.peak <= usize::try_from(outage::RATE.get())?,
    )
    .add_to(report);
    let drained = format!("drained after {:.1?}, ideal {:.1?}", seen.drained_after, seen.ideal);
    Row { ratio: format!("{ratio:.3}"), ..row(drained, "≤ 1.2 × ideal".to_owned(), ratio <= 1.2) }
        .add_to(report);
    Ok(())
}

/// Of the processor's time: turns last milliseconds, and on a busy machine the longer ones are interrupted more often.
fn nanos_each(start: ThreadTime, times: u64) -> Outcome<f64> {
    Ok(start.try_elapsed()?.as_secs_f64() * 1e9 / times as f64)
}

#[derive(Default)]
struct Row {
    task: String,
    contender: String,
    result: String,
    bytes: String,
    ratio: String,
    goal: String,
    met: Option<bool>,
}

impl Row {
    fn add_to(self, report: &mut Report) {
        let Self { task, contender, result, bytes, ratio, goal, met } = self;
        report.add([task, contender, result, bytes, ratio, goal], met);
    }
}
