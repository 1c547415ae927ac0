#![doc = include_str!("../README.md")]

mod attempt;
mod budget;
mod classify;
mod decision;
mod draw;
mod jitter;
mod outcome;
mod policy;
mod preview;
mod retry_after;
mod schedule;
pub mod time_math;
mod vendor;

pub use attempt::AttemptNumber;
pub use budget::{BudgetError, BudgetExhausted, RetryBudget};
pub use classify::{Classify, Verdict};
pub use decision::{Decision, GiveUp};
pub use draw::draw;
pub use jitter::{Jitter, Spread};
pub use outcome::{Fault, Outcome, OwnFault, UnknownFault};
pub use policy::{Anchor, RetryPolicy};
pub use preview::{Preview, PreviewedAttempt};
pub use retry_after::RetryAfter;
pub use schedule::{RetrySchedule, ScheduleError};
