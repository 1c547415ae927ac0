//! The drivers: they play rounds in which something fails, and have what is left judged.

mod campaign;
mod full;
mod full_server;
mod no_files;
mod sample;
mod sessions;
mod stage;
mod walk;

pub use self::campaign::{cut_off, fill_up, fill_up_server, walk_on};
pub use self::full::full;
pub use self::no_files::forbid_files;
pub use self::sample::{Reach, Sample, cut_off_sample, walk_sample};
pub use self::sessions::{Session, session, sessions};
pub use self::stage::{Ended, Stage};
pub use self::walk::{Strikes, Walk, walk, walks};
