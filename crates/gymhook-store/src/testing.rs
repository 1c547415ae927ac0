//! For those who write a store, or test against one: the suite that every store has to pass, a store in memory, and one
//! that fails on request.

mod clock;
pub mod faulty;
pub mod memory;
pub mod suite;
