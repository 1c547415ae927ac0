//! A world in which `gymhook-delivery` has to keep its promises.
//!
//! A seed makes a [`Run`]: endpoints that are healthy, slow, flapping, dead, gone, rate-limited, hanging or lying; bursts
//! of deliveries; processes that die after any output, commit or request; answers that are lost, doubled, late, forged
//! or brought to the wrong owner; leases that expire under their holder; clocks that step; policies that change on the
//! way. A reference, written from the documents, is told the same as the machine and judges every output: what has to be
//! recorded, whether an attempt may begin and whose turn it is, and whether the machine may rest. In the end everything
//! becomes well, and then every delivery has to come to its end.
//!
//! ```text
//!   script ──▶ world ──▶ site ──▶ owners ──▶ machine (and its twin, once it was written down and read back)
//!  (a seed)   (time,    (store,     │            │ outputs
//!              wire)     leases)    └──▶ reference ◀┘
//! ```
//!
//! [`Exhaustive`] visits every state of the smallest configuration instead, and [`planted_bugs`] shows that bugs are found.

mod answer;
mod at;
mod campaign;
mod character;
mod command;
mod exhaustive;
mod names;
mod owner;
pub mod planted_bugs;
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
