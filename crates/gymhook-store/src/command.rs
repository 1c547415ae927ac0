//! `Command` and `PendingCommand` for the worker of an endpoint, and `Redelivery`, which commands many.

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use time::UtcDateTime;

/// A command for an endpoint's machine. The worker that leases the endpoint executes it.
///
/// Exhaustive on purpose: a worker has to execute each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Cancel this delivery.
    Cancel(DeliveryId),
    /// Send nothing more until it is enabled.
    Disable,
    /// Send again.
    Enable,
    /// Start one more round of this delivery.
    Redeliver(DeliveryId),
    /// The settings have changed: read them again.
    Reload,
}

impl Command {
    /// Its name, as stores write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cancel(_) => "cancel",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Redeliver(_) => "redeliver",
            Self::Reload => "reload",
        }
    }

    /// The delivery that it concerns.
    #[must_use]
    pub const fn delivery(&self) -> Option<DeliveryId> {
        match self {
            Self::Cancel(delivery) | Self::Redeliver(delivery) => Some(*delivery),
            Self::Disable | Self::Enable | Self::Reload => None,
        }
    }

    /// The command with this name and delivery; `None` if there is none.
    #[must_use]
    pub fn from_parts(name: &str, delivery: Option<DeliveryId>) -> Option<Self> {
        match (name, delivery) {
            ("cancel", Some(delivery)) => Some(Self::Cancel(delivery)),
            ("disable", None) => Some(Self::Disable),
            ("enable", None) => Some(Self::Enable),
            ("redeliver", Some(delivery)) => Some(Self::Redeliver(delivery)),
            ("reload", None) => Some(Self::Reload),
            _ => None,
        }
    }
}

/// A waiting command.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingCommand {
    /// Its number; a batch that carried it out names it.
    pub number: i64,
    /// What is wanted.
    pub command: Command,
    /// The delivery that it is about, with its current state, if it is there.
    pub delivery: Option<DeliveryRecord>,
}

/// Which finished deliveries are to be redelivered.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// Of this endpoint.
    pub endpoint: EndpointId,
    /// That ended at this time or later.
    pub from: UtcDateTime,
    /// That ended before this time; `None` for no limit.
    pub until: Option<UtcDateTime>,
    /// Only those given up; otherwise also those delivered or cancelled.
    pub undeliverable_only: bool,
}
