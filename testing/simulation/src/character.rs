//! How endpoints behave.

use gymhook_retry::Fault;

use crate::answer::{Answer, Wish};
use crate::at::At;
use crate::random::{Random, hash_of};
use crate::settings::Settings;

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Character {
    Healthy,
    /// Takes nearly all of the time an attempt has, and sometimes more.
    Slow,
    /// Up and down in turn, each for this many seconds.
    Flapping(u32),
    Dead,
    /// Answers 410.
    Gone,
    /// Refuses every other request and says when to come back.
    RateLimited,
    /// Takes the connection and never answers.
    Hanging,
    /// Says nonsense about when to come back, with any status.
    Lying,
    /// Dislikes some notifications for good.
    Picky,
    /// The sender fails before it can ask.
    Unasked,
    /// The sender dies of some of its deliveries.
    Poisonous,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// After this many milliseconds.
    pub(crate) after_ms: u64,
    pub(crate) answer: Answer,
    /// The sender does not survive sending it.
    pub(crate) kills: bool,
}

const ALL: [Character; 13] = [
    Character::Healthy,
    Character::Healthy,
    Character::Slow,
    Character::Flapping(7),
    Character::Flapping(3_600),
    Character::Dead,
    Character::Gone,
    Character::RateLimited,
    Character::Hanging,
    Character::Lying,
    Character::Picky,
    Character::Unasked,
    Character::Poisonous,
];

impl Character {
    pub(crate) fn drawn(random: &mut Random) -> Self {
        random.pick(&ALL, Self::Healthy)
    }

    /// What becomes of a request that goes out now; `dice` is the same whenever this request is made again.
    pub(crate) fn plan(self, dice: u64, delivery: u64, now: At, settings: &Settings) -> Plan {
        let mut random = Random::new(dice);
        let timeout_ms = u64::try_from(settings.attempt_timeout.as_millis()).unwrap_or(u64::MAX);
        let (quick, soon) = (random.between(0, 300), random.between(1, 50));
        let fails = |answer| (soon, answer);
        let (after_ms, answer) = match self {
            Self::Healthy => (quick, Answer::ACCEPTED),
            Self::Slow => match random.between(timeout_ms / 2, timeout_ms + timeout_ms / 8) {
                late if late >= timeout_ms => (timeout_ms, Answer::Broken(Fault::Timeout)),
                late => (late, Answer::Status(200, None)),
            },
            Self::Flapping(seconds) => {
                let period = now.as_millis() / 1_000 / i64::from(seconds.max(1));
                if period % 2 == 0 { (quick, Answer::ACCEPTED) } else { fails(Answer::Status(502, None)) }
            }
            Self::Dead => fails(Answer::Broken(Fault::Connect)),
            Self::Gone if random.permille(400) => fails(Answer::Status(410, None)),
            Self::Gone => fails(Answer::Status(500, None)),
            Self::RateLimited if random.permille(500) => {
                let status = random.pick(&[429, 503], 429);
                (quick, Answer::Status(status, Some(Wish::Seconds(random.between(0, 900)))))
            }
            Self::RateLimited => (quick, Answer::ACCEPTED),
            Self::Hanging => (timeout_ms, Answer::Broken(Fault::Timeout)),
            Self::Lying => {
                let status = random.pick(&[200, 302, 404, 429, 429, 500, 503, 503], 503);
                (quick, Answer::Status(status, Some(a_lie(&mut random, now))))
            }
            Self::Picky if hash_of(&[delivery]).is_multiple_of(2) => fails(Answer::Status(422, None)),
            Self::Picky => (quick, Answer::ACCEPTED),
            Self::Unasked if random.permille(500) => (0, Answer::OwnFault),
            Self::Unasked if random.permille(300) => fails(Answer::Status(500, None)),
            Self::Unasked | Self::Poisonous => (quick, Answer::ACCEPTED),
        };
        let kills = self == Self::Poisonous && hash_of(&[delivery, 1]).is_multiple_of(4);
        Plan { after_ms, answer, kills }
    }
}

fn a_lie(random: &mut Random, now: At) -> Wish {
    let seconds = now.as_millis() / 1_000;
    let within = i64::try_from(random.below(7_200)).unwrap_or(0);
    match random.below(6) {
        0 => Wish::Endless,
        1 => Wish::Nonsense(u8::try_from(random.below(8)).unwrap_or(0)),
        2 => Wish::Seconds(random.pick(&[0, 1, 86_401, 4_000_000_000], 0)),
        3 => Wish::Until(At::millis((seconds - within) * 1_000)),
        _ => Wish::Until(At::millis((seconds + within) * 1_000)),
    }
}
