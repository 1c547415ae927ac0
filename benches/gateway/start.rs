//! From starting the gateway to its first answer, with a million deliveries in the log; and its memory when it does nothing.

use core::time::Duration;

use gymhook_benches::stats::{median, percentile};
use gymhook_benches::{Outcome, Report};

use crate::add;
use crate::child::{Gateway, api_key};
use crate::client::{Connection, asking};
use crate::filled::Filled;

pub(crate) const TASK: &str = "start";

const GOAL_MS: f64 = 300.0;
const GOAL_MEBIBYTES: f64 = 40.0;

pub(crate) async fn measure(is_quick: bool, report: &mut Report) -> Outcome<()> {
    let filled = Filled::find(is_quick).await?;
    let key = api_key(&filled.file).await?;
    let request = asking("GET", "/v1/deliveries", &key, "");
    let (mut took, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..if is_quick { 2 } else { 7 } {
        let gateway = Gateway::start(&filled.file).await?;
        let mut connection = Connection::open(gateway.address).await.map_err(|error| error.to_string())?;
        let answer = connection.exchange(&request).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(answer.head.into());
        }
        took.push(gateway.began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_secs(3)).await;
        memory.push(gateway.resident_mebibytes()?);
        gateway.end().await?;
    }
    let task = format!("{TASK}, SQLite, {} in the log", filled.deliveries);
    let (middle, worst) = (median(took.iter().copied()), percentile(took.iter().copied(), 100));
    add(
        report,
        [
            &task,
            "from its start to the answer to a list",
            &format!("{middle:.0} ms"),
            &format!("{worst:.0} ms at worst"),
            "≤ 300 ms",
        ],
        Some(middle <= GOAL_MS),
    );
    let mebibytes = median(memory);
    add(
        report,
        [&task, "resident memory 3 s later, idle", &format!("{mebibytes:.0} MiB"), "", "≤ 40 MiB"],
        Some(mebibytes <= GOAL_MEBIBYTES),
    );
    Ok(())
}
