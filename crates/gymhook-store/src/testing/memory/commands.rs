//! Stores commands for the workers of endpoints (`command`, `redeliver`), and reads those that are due.

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use time::UtcDateTime;

use super::tables::{Tables, WaitingCommand};
use crate::{Command, PendingCommand, Redelivery, State, StoreTime};

impl Tables {
    pub(super) fn command(&mut self, commands: &[(EndpointId, Command)], due: UtcDateTime) {
        let due = StoreTime::ceil(due).micros();
        for (endpoint, command) in commands {
            if self.living_mut(*endpoint).is_some() {
                self.last_command += 1;
                let waiting = WaitingCommand { endpoint: *endpoint, command: *command, due };
                self.commands.insert(self.last_command, waiting);
            }
        }
    }

    pub(super) fn redeliver(&mut self, which: &Redelivery, now: UtcDateTime) -> u64 {
        if self.living_mut(which.endpoint).is_none() {
            return 0;
        }
        let states: &[State] = if which.undeliverable_only {
            &[State::Undeliverable]
        } else {
            &[State::Delivered, State::Undeliverable, State::Cancelled]
        };
        let from = StoreTime::ceil(which.from).micros();
        let until = which.until.map_or(i64::MAX, |at| StoreTime::ceil(at).micros());
        let ended = states.iter().flat_map(|state| self.in_state(which.endpoint, *state));
        let mut sequences: Vec<u64> =
            ended.filter(|row| row.at >= from && row.at < until).map(|row| row.sequence).collect();
        sequences.sort_unstable();
        let again = sequences.iter().filter_map(|sequence| self.deliveries.get(sequence));
        let again = again.map(|row| (which.endpoint, Command::Redeliver(row.columns.id.into())));
        let again: Vec<_> = again.collect();
        self.command(&again, now);
        again.len() as u64
    }

    pub(super) fn due_commands(&self, endpoint: EndpointId, now: i64) -> Vec<PendingCommand> {
        let waiting = self.commands.iter();
        let due = waiting.filter(|(_, command)| command.endpoint == endpoint && command.due <= now);
        due.map(|(number, command)| PendingCommand {
            number: *number,
            command: command.command,
            delivery: command.command.delivery().and_then(|id| self.record(id)),
        })
        .collect()
    }

    fn record(&self, id: DeliveryId) -> Option<DeliveryRecord> {
        let row = self.sequences.get(&id).and_then(|sequence| self.deliveries.get(sequence))?;
        row.columns.to_record().ok()
    }
}
