//! `gymhook send`: its options, the bodies and deliveries that it makes of them, and the policy of the retries.
//! `sender.rs` sends.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use gymhook::UrlRule;
use gymhook::event::samples;
use gymhook::retry::RetrySchedule;
use gymhook::send::{EndpointUrl, EventFilter};
use gymhook::signature::Signer;

use super::sample;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::platform::Platform;
use crate::progress;
use crate::schemes::SchemeArgs;
use crate::secrets::SecretArgs;
use crate::sender::{self, Delivery, Edit, Id, Plan, Reporter, Tamper, Tampering};
use crate::target::{Target, TargetArgs};
use crate::when;

/// Play a platform: sign, send, wait as long as it waits, and retry on its schedule
#[derive(Args, Debug)]
#[command(after_help = "\
Without a type, the platform's test event is sent, or its first type. Redirects are not followed and no proxy is used.

Exit status: 0 everything was delivered (with --tamper: everything was refused), 1 not, 2 wrong usage, 130 ended by Ctrl-C.

Example: every type of PerfectGym, to a server on this machine
  GYMHOOK_SECRET=… gymhook send perfectgym --to http://127.0.0.1:8080/hooks --all
Example: watch the retries of PG Next, sixty times as fast
  GYMHOOK_SECRET=… gymhook send pg-next CUSTOMER_CHECKIN --to http://127.0.0.1:8080/hooks --speed 60x")]
pub(crate) struct Arguments {
    /// Which platform is played
    platform: Platform,
    /// Which events: a type, a beginning such as `member.*`, or `kind:check-in`
    #[arg(value_name = "TYPE", conflicts_with_all = ["all", "file"])]
    event_type: Option<String>,
    /// The receiver's URL; http and any port are fine here
    #[arg(long, value_name = "URL")]
    to: String,
    /// Send an event of every type
    #[arg(long, help_heading = "What is sent", conflicts_with = "file")]
    all: bool,
    /// Send this body; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "What is sent")]
    file: Vec<PathBuf>,
    /// Change a field of the body, which is then written anew: payload.0.type=CUSTOMER_CREATED
    #[arg(long, value_name = "PATH=VALUE", value_parser = sender::edit, help_heading = "What is sent")]
    set: Vec<Edit>,
    /// Number of deliveries to send, taking the bodies in turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "What is sent")]
    count: Option<u32>,
    /// The maximum number of deliveries a second
    #[arg(long, value_name = "N", value_parser = rate, help_heading = "How it is sent")]
    rate: Option<f64>,
    /// Number of requests at a time, in place of the platform's limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "How it is sent")]
    concurrency: Option<u16>,
    /// Shorten the waits between attempts by this factor: 60x
    #[arg(long, value_name = "FACTOR", value_parser = speed, default_value = "1x", conflicts_with_all = ["no_retries", "tamper"], help_heading = "How it is sent")]
    speed: f64,
    /// How long an attempt may take, in place of the platform's limit
    #[arg(long, value_name = "LENGTH", value_parser = when::length, help_heading = "How it is sent")]
    timeout: Option<Duration>,
    /// Attempt every delivery once only
    #[arg(long, help_heading = "How it is sent")]
    no_retries: bool,
    /// Spoil every request after it was signed; a receiver has to refuse it
    #[arg(long, value_name = "WHAT", help_heading = "What receivers get wrong")]
    tamper: Option<Tamper>,
    /// Number of times to send everything, as new deliveries with equal bodies
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "What receivers get wrong")]
    repeat: u32,
    /// Send every delivery twice, under the same id: it has to be handled once
    #[arg(long, help_heading = "What receivers get wrong")]
    duplicate: bool,
    /// Send the last event first
    #[arg(long, help_heading = "What receivers get wrong")]
    out_of_order: bool,
    /// Send everything at once, up to 512 at a time, whatever the platform's limit
    #[arg(long, conflicts_with_all = ["rate", "concurrency"], help_heading = "What receivers get wrong")]
    burst: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

/// More connections at a time than this would try the machine's limits, not the receiver's.
const MAX_BURST: usize = 512;

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let platform = arguments.platform;
    let bodies = arguments.bodies()?;
    let scheme = arguments.scheme.signing(platform)?;
    let tampering =
        arguments.tamper.map(|what| Tampering::new(what, platform, scheme.assurance())).transpose()?;
    let keys = arguments.secret.load(platform, output)?;
    let signer = Signer::with_shared(scheme, keys.keyring()?).map_err(Failure::usage)?;
    if tampering.is_some_and(|tampering| !tampering.is_noticed) {
        output.warn(&format!(
            "{} does not sign the body: no receiver can notice by the signature",
            platform.name()
        ));
    }
    let count = arguments.count.map_or(bodies.len(), |count| usize::try_from(count).unwrap_or(usize::MAX));
    let total = count.saturating_mul(usize::try_from(arguments.repeat).unwrap_or(usize::MAX));
    let total = if arguments.duplicate { total.saturating_mul(2) } else { total };
    super::block_on(async {
        let target = arguments.target.resolve(&arguments.to).await?;
        note_rule(platform, &target, output);
        let plan = Plan {
            signer,
            client: arguments.target.client(&target)?,
            target,
            policy: arguments.policy(),
            speed: arguments.speed,
            concurrency: arguments.concurrency(total),
            rate: arguments.rate,
            tampering,
        };
        let bar = progress::bar(output, total, total > 1);
        let mut reporter = Reporter::new(output, bar, arguments.speed);
        sender::run(plan, arguments.deliveries(&bodies, count), &mut reporter).await?;
        arguments.verdict(tampering, &reporter)
    })
}

/// A body and what it is called.
type Named = (Arc<str>, Bytes);

impl Arguments {
    fn bodies(&self) -> Result<Vec<Named>, Failure> {
        let mut bodies: Vec<Named> = Vec::new();
        if self.file.is_empty() {
            bodies.extend(self.samples()?);
        }
        for path in &self.file {
            let body = input::read(path, input::MAX_BODY)?;
            bodies.push((path.display().to_string().into(), body.into()));
        }
        for (_, body) in &mut bodies {
            *body = sender::edited(body.clone(), &self.set).map_err(Failure::usage)?;
        }
        if self.out_of_order {
            bodies.reverse();
        }
        Ok(bodies)
    }

    fn samples(&self) -> Result<Vec<Named>, Failure> {
        let vendor = sample::vendor_of(self.platform)?;
        let own: Vec<_> = samples().filter(|sample| sample.vendor == vendor).collect();
        let chosen: Vec<_> = match &self.event_type {
            _ if self.all => own,
            Some(wanted) => {
                let filter = EventFilter::from(wanted.as_str());
                filter.check(vendor.as_str()).map_err(Failure::usage)?;
                own.into_iter().filter(|sample| filter.matches(Some(vendor), sample.event_type)).collect()
            }
            None => {
                let test = self.platform.profile().and_then(|profile| profile.test_event.value);
                let is_test = |sample: &&&gymhook::event::Sample| Some(sample.event_type) == test;
                own.iter().find(is_test).or_else(|| own.first()).copied().into_iter().collect()
            }
        };
        if chosen.is_empty() {
            return Err(Failure::usage("there is no sample of that type: give its body with --file"));
        }
        Ok(chosen
            .into_iter()
            .map(|sample| (sample.event_type.into(), Bytes::from_static(sample.body.as_bytes())))
            .collect())
    }

    fn policy(&self) -> gymhook::retry::RetryPolicy {
        let mut policy = self.platform.retry();
        if let Some(timeout) = self.timeout {
            policy = policy.with_attempt_timeout(timeout);
        }
        if self.no_retries { policy.with_schedule(RetrySchedule::never()) } else { policy }
    }

    fn concurrency(&self, total: usize) -> usize {
        const OURS: usize = 8;
        let platform = || {
            let limit = self.platform.profile().map(|profile| profile.max_in_flight.value.get());
            limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(OURS)
        };
        match self.concurrency {
            _ if self.burst => total.clamp(1, MAX_BURST),
            Some(concurrency) => usize::from(concurrency),
            None => platform(),
        }
    }

    /// Every delivery with an id of its own; with `--duplicate` each is followed by itself.
    fn deliveries(&self, bodies: &[Named], count: usize) -> impl Iterator<Item = Delivery> + Send + use<> {
        let (repeat, copies) = (self.repeat, if self.duplicate { 2 } else { 1 });
        let bodies: Vec<Named> = bodies.to_vec();
        let round = move || bodies.clone().into_iter().cycle().take(count);
        (0..repeat).flat_map(move |_| round()).flat_map(move |(label, body)| {
            core::iter::repeat_n(Delivery { id: Id::default(), label, body }, copies)
        })
    }

    fn verdict(&self, tampering: Option<Tampering>, reporter: &Reporter<'_>) -> Result<(), Failure> {
        let summary = &reporter.summary;
        match tampering {
            Some(tampering) if tampering.is_noticed && summary.delivered > 0 => {
                Err(Failure::failed(format!(
                    "{} of {} requests were accepted though they were tampered with: does the receiver verify the raw body with every part of its scheme?",
                    summary.delivered, summary.deliveries
                )))
            }
            Some(_) => Ok(()),
            None if summary.undeliverable > 0 => Err(Failure::Refused),
            None => Ok(()),
        }
    }
}

/// Says where the platform itself would not send to.
fn note_rule(platform: Platform, target: &Target, output: &Output) {
    let rule = platform.profile().map_or(UrlRule::Https, |profile| profile.url_rule.value);
    if let Err(problem) = EndpointUrl::new(&target.url.to_uri().to_string(), rule) {
        output.note(&format!("{} itself would not send to this URL ({problem})", platform.name()));
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate =
        text.trim_end_matches("/s").parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate >= 0.001);
    rate.ok_or_else(|| "write how many a second, such as 50 or 0.5".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.trim_end_matches('x').parse::<f64>().ok();
    let speed = speed.filter(|speed| (0.001..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "write a factor, such as 60x".to_owned())
}
