//! Prints how many bytes stay allocated for each delivery that waits: `memory CONTENDER WAITING ENDPOINTS`.

use gymhook_benches::Outcome;
use gymhook_benches::waiting::{Floor, Ledger, Load, Machine, Names, TokioQueue};

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("usage: memory floor|ledger|machine|delay-queue WAITING ENDPOINTS");
    let contender = word()?;
    let load = Load { waiting: word()?.parse()?, endpoints: word()?.parse()?, names: Names::Random };
    let kept = match contender.as_str() {
        "floor" => bytes_kept(|| Ok(Floor::new(&load)))?,
        "ledger" => bytes_kept(|| Ledger::new(&load))?,
        "delay-queue" => bytes_kept(|| TokioQueue::new(&load))?,
        "machine" => {
            let mut machine = Machine::empty(&load)?;
            bytes_kept(|| machine.fill(load.waiting))?
        }
        other => return Err(format!("no contender {other}").into()),
    };
    println!("{}", kept as f64 / load.waiting as f64);
    Ok(())
}

/// What is still allocated when `fill` has returned and what it returned is still there.
fn bytes_kept<T>(fill: impl FnOnce() -> Outcome<T>) -> Outcome<i64> {
    let mut filled = None;
    let counted = allocation_counter::measure(|| filled = Some(fill()));
    filled.ok_or("it was not filled")??;
    Ok(counted.bytes_current)
}
