//! The full-screen view of `gymhook listen`: a list of what came, its details, a filter, and sending again.
//!
//! [`State`] is what is shown, `keys` changes it, `view` draws it; only `terminal` touches the terminal, and only `resender` the
//! network.

mod curl_command;
mod details;
mod keys;
mod resender;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

use std::sync::mpsc;

use tokio::sync::mpsc as async_mpsc;

pub(crate) use self::resender::Resender;
pub(crate) use self::state::State;
use crate::local_endpoint::{Viewer, Viewing};
use crate::output::Output;

/// Requests that wait to be sent again: a person presses a key for each.
const WISHES: usize = 64;

/// Opens the screen in a thread of its own; the task that sends again ends with it.
pub(crate) fn start(output: Output, state: State, resender: Resender) -> (Viewer, Viewing) {
    let (wishes, wished) = async_mpsc::channel(WISHES);
    let (tell, told) = mpsc::channel();
    tokio::spawn(resender.run(wished, tell));
    Viewer::start(output, true, move |waiting, output| {
        terminal::show(&waiting, state, &wishes, &told, output)
    })
}
