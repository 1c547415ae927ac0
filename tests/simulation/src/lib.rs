//! A world in which `gymhook-delivery` has to keep its promises.
mod answer;
mod at;
mod campaign;
mod character;
mod command;
mod exhaustive;
mod names;
mod owner;
pub mod planted;
mod random;
mod reference;
mod run;
mod script;
mod settings;
mod site;
mod store;
mod trace;
mod violation;
mod wire;
mod words;
mod world;

pub use campaign::Campaign;
pub use exhaustive::{Exhaustive, Seen};
pub use run::{Failure, Run};
pub use trace::Totals;
