//! What the benches share: the contenders of the measurements, and how they are timed, compared and reported.
//!
//! Each contender is built once: for the table of ratios, for criterion, and for the count of allocations.
//! A [`Group`] is one task, given to several contenders on the same input; the first one is what the others are compared with,
//! mostly a floor: the least that anybody could do. Groups are built when they are asked for, since some messages carry the time and go stale in five minutes.

mod allocations;
mod criterion_view;
pub mod crowd;
pub mod decode;
mod group;
pub mod outage;
pub mod receive;
mod report;
pub mod request;
pub mod retry;
mod rounds;
pub mod stats;
pub mod verify;
mod virtual_time;
pub mod waiting;
mod wanted;
pub mod wire;

pub use allocations::{Allocations, output};
pub use criterion_view::measure;
pub use group::{Contender, Goal, Group, Outcome};
pub use report::Report;
pub use rounds::Rounds;
pub use wanted::{Options, Wanted};

/// All groups, in the order of the table.
pub fn all() -> impl Iterator<Item = Outcome<Group>> {
    verify::groups().chain(decode::groups()).chain(receive::groups()).chain(retry::groups())
}
