//! `get`: counts deliveries by their state.

use core::time::Duration;

use gymhook_engine::store::{Stats, StatsQuery};

use crate::Problem;
use crate::access::Caller;

/// Counts what waits, is in flight, was given up and ended within `window`: of a gym, or of all that the caller reaches.
pub(crate) async fn get(caller: &Caller, gym: Option<String>, window: Duration) -> Result<Stats, Problem> {
    if let Some(gym) = &gym {
        caller.reaches_gym(gym)?;
    }
    Ok(caller.view().stats(StatsQuery { gym, window }).await?)
}
