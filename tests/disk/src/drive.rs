//! The drivers: they play rounds in which something fails, and have what is left judged.

mod campaign;
mod stage;
mod walk;

pub use self::campaign::walk_on;
pub use self::stage::{Ended, Stage};
pub use self::walk::{Strikes, Walk, walk, walks};
