//! When a gateway dies.

use core::time::Duration;

use gymhook_crash_tests::random::Random;

/// When a gateway dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This long after it was started, while it opens its database and its sources.
    AfterStart(Duration),
    /// This long after it began to listen: before, during and after its first request.
    Listening(Duration),
    /// This long after it acknowledged its first request: between any two.
    AtWork(Duration),
}

impl Moment {
    /// Any of them.
    pub fn draw(random: &mut Random) -> Self {
        match random.below(6) {
            0 => Self::AfterStart(Duration::from_millis(random.below(300))),
            1 => Self::Listening(Duration::from_micros(random.below(30_000))),
            _ => Self::AtWork(Duration::from_micros(random.below(400_000))),
        }
    }
}
