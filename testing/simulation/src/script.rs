//! One seed's world: who is in it, and what happens to it when.

use core::time::Duration;

use crate::at::At;
use crate::character::Character;
use crate::random::Random;
use crate::reference::{Bounds, BudgetRule};
use crate::settings::Settings;
use crate::site::Saves;

/// One seed's world.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) owners: usize,
    pub(crate) saves: Saves,
    pub(crate) bounds: Bounds,
    pub(crate) endpoints: Vec<(Character, Settings)>,
    pub(crate) faults: Faults,
    /// Whether machines are written down and read back all the time, in the midst of what they put out.
    pub(crate) copies: bool,
    pub(crate) steps: Vec<Step>,
}

/// How often, in a thousand, what becomes of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    pub(crate) misdirected: u64,
}

/// Something that happens at a certain time.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: At,
    pub(crate) event: Event,
    /// Whether the machines get to act before the next step at the same time.
    pub(crate) settles: bool,
}

/// Endpoints, owners and deliveries by number.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Enqueue {
        delivery: u64,
        endpoint: usize,
        wait: Option<Duration>,
        test: bool,
    },
    /// The same again, or the same id with another body.
    EnqueueAgain {
        delivery: u64,
        other_body: bool,
    },
    Cancel(u64),
    Redeliver(u64),
    Forget(u64),
    Disable(usize),
    Enable(usize),
    Retune(usize, Box<Settings>),
    Behave(usize, Character),
    /// The owner dies after this many further outputs, commits and requests, and is back `down_for` later.
    Crash {
        owner: usize,
        after: u64,
        down_for: Duration,
    },
    /// The owner's machine is written down and read back after this many further outputs.
    Copy {
        owner: usize,
        after: u64,
    },
    /// The owner's clock steps by this many nanoseconds.
    ClockStep {
        owner: usize,
        by: i64,
    },
    /// The lease on the endpoint expires, and the other owner takes it without the first one knowing.
    LeaseExpires(usize),
    /// Owners notice what they own no longer.
    CheckLeases,
    Drain(usize),
    Resume(usize),
    /// An answer from long ago comes once more.
    Echo(u64),
    /// An answer that is still to come is said to be another one's.
    Forge {
        number: u64,
        kind: Forgery,
    },
}

/// What is false about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Endpoint,
    Lease,
    Send,
    EarlierSend,
}

impl Script {
    /// The world of this seed with about this many deliveries.
    pub(crate) fn new(seed: u64, deliveries: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let saves = match random.below(5) {
            0 if deliveries <= 200 => Saves::Machine,
            1 | 2 => Saves::RowsOneByOne,
            _ => Saves::RowsTogether,
        };
        let owners = if saves == Saves::Machine { 1 } else { 1 + usize::from(random.permille(600)) };
        let most = (deliveries / 20).clamp(4, 400);
        let endpoints = if random.permille(100) { most * 4 } else { random.between(1, most) };
        let mut endpoints: Vec<_> =
            (0..endpoints.min(400)).map(|_| (Character::drawn(random), Settings::drawn(random))).collect();
        // A herd: what fails together and waits alike comes back together.
        if let Some(one) = endpoints.first().filter(|_| random.permille(100)).cloned() {
            endpoints.fill(one);
        }
        let mut script = Self {
            seed,
            owners,
            saves,
            bounds: bounds(endpoints.len() as u64, random),
            endpoints,
            faults: Faults::drawn(random),
            copies: deliveries <= 200 && random.permille(150),
            steps: Vec::new(),
        };
        script.steps = script.draw_steps(deliveries, random);
        script
    }

    fn draw_steps(&self, deliveries: u64, random: &mut Random) -> Vec<Step> {
        let mut steps = Vec::new();
        let (mut at, mut enqueued) = (At::START, 0);
        let disturbed = random.pick(&[0, 300, 600, 800], 300);
        let longest_ms = random.pick(&[100, 10_000, 600_000, 14_400_000], 600_000);
        while enqueued < deliveries {
            if random.permille(700) {
                at = at.shifted(i64::try_from(random.below(longest_ms * 1_000_000)).unwrap_or(0));
            }
            if random.permille(disturbed) {
                let event = self.draw_disturbance(enqueued, random);
                steps.push(Step { at, event, settles: random.permille(800) });
                continue;
            }
            let endpoint = self.some_endpoint(random);
            for _ in 0..random.pick(&[1, 1, 1, 1, 2, 3, 8], 1).min(deliveries - enqueued) {
                let endpoint = if random.permille(700) { endpoint } else { self.some_endpoint(random) };
                let wait = random
                    .permille(100)
                    .then(|| Duration::from_nanos(random.below(2 * longest_ms * 1_000_000)));
                let event = Event::Enqueue { delivery: enqueued, endpoint, wait, test: random.permille(40) };
                steps.push(Step { at, event, settles: random.permille(300) });
                enqueued += 1;
            }
        }
        steps
    }

    fn draw_disturbance(&self, enqueued: u64, random: &mut Random) -> Event {
        let endpoint = self.some_endpoint(random);
        let owner = usize::from(random.permille(500)) % self.owners;
        let delivery = enqueued.saturating_sub(1 + random.below(20));
        let after = random.below(12);
        match random.below(24) {
            0 => Event::EnqueueAgain { delivery, other_body: random.permille(500) },
            1 => Event::Cancel(delivery),
            2 | 3 => Event::Redeliver(delivery),
            4 => Event::Forget(delivery),
            5 => Event::Disable(endpoint),
            6 | 7 => Event::Enable(endpoint),
            8 => Event::Retune(endpoint, Box::new(Settings::drawn(random))),
            9 => Event::Behave(endpoint, Character::drawn(random)),
            10..=12 => {
                let longest = 1 << random.below(24);
                Event::Crash { owner, after, down_for: Duration::from_millis(random.below(longest)) }
            }
            13 | 14 => Event::Copy { owner, after },
            15 | 16 => Event::ClockStep { owner, by: clock_step(random) },
            17 | 18 if self.owners > 1 => Event::LeaseExpires(endpoint),
            19 => Event::CheckLeases,
            20 if random.permille(300) => Event::Drain(owner),
            20 => Event::Resume(owner),
            21 => Event::Echo(random.next()),
            _ => Event::Forge {
                number: random.next(),
                kind: random.pick(
                    &[Forgery::Endpoint, Forgery::Lease, Forgery::Send, Forgery::EarlierSend],
                    Forgery::Lease,
                ),
            },
        }
    }

    fn some_endpoint(&self, random: &mut Random) -> usize {
        usize::try_from(random.below(self.endpoints.len() as u64)).unwrap_or(0)
    }
}

fn clock_step(random: &mut Random) -> i64 {
    let longest = 1 << random.between(10, 44);
    let by = i64::try_from(random.below(longest)).unwrap_or(0);
    if random.permille(500) { by } else { -by }
}

fn bounds(endpoints: u64, random: &mut Random) -> Bounds {
    let budget = random.permille(350).then(|| BudgetRule {
        percent: random.pick(&[0, 0, 20, 100], 20),
        reserve_per_minute: random.pick(&[1, 1, 7, 60], 1),
        burst: random.pick(&[1, 1, 3, 100], 3),
    });
    let slots = if random.permille(400) { random.between(1, 4) } else { random.between(1, 20 + endpoints) };
    Bounds {
        slots: u32::try_from(slots).unwrap_or(1),
        share_percent: random.pick(&[0, 10, 50, 100], 100),
        grace: Duration::from_millis(random.pick(&[0, 1_000, 30_000], 1_000)),
        budget,
    }
}

impl Faults {
    fn drawn(random: &mut Random) -> Self {
        if random.permille(400) {
            return Self::default();
        }
        Self {
            lost: random.below(100),
            doubled: random.below(200),
            late: random.below(100),
            misdirected: random.below(100),
        }
    }
}
