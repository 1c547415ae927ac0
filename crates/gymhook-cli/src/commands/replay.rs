//! `gymhook replay`: chooses recorded requests, and sends them again, unchanged or signed again.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use gymhook::retry::AttemptNumber;
use gymhook::signature::Signer;
use http::{HeaderName, HeaderValue};

use super::requests::FilterArgs;
use crate::resend::{Resend, TIMEOUT};
use crate::capture;
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, shown};
use crate::platform::Platform;
use crate::progress;
use crate::schemes::SchemeArgs;
use crate::secrets::SecretArgs;
use crate::http_client::HttpClient;
use crate::sender::{self, Attempted, Delivery, Edit, Next, Reporter};
use crate::target::{Target, TargetArgs};

/// Send recorded requests again: as they were, edited, or signed anew
#[derive(Args, Debug)]
#[command(after_help = "\
Says how many requests it would send and asks, unless --yes is given. A request that is sent as it was has its old signature: Point's and Standard Webhooks' are too old after some minutes, so --sign signs anew.

Exit status: 0 every answer was 2xx, 1 not, 2 wrong usage, 130 ended by Ctrl-C.

Example: the check-ins of the last hour once more, to the new server
  GYMHOOK_SECRET=… gymhook replay --since 1h --type CUSTOMER_CHECKIN --to http://127.0.0.1:3000/hooks --sign pg-next")]
pub(crate) struct Arguments {
    /// Recorded requests by their number, or files as verify reads them
    #[arg(value_name = "ID|FILE", conflicts_with_all = ["since", "until", "event_type", "platform", "verdict"])]
    items: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Where they are sent
    #[arg(long, value_name = "URL")]
    to: String,
    /// Change a field of the body, which is then written anew: payload.0.type=CUSTOMER_CREATED
    #[arg(long, value_name = "PATH=VALUE", value_parser = sender::edit)]
    set: Vec<Edit>,
    /// Sign anew, as this platform does
    #[arg(long, value_name = "PLATFORM")]
    sign: Option<Platform>,
    /// Say what would be sent, and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

/// A request, and what it is called.
struct Chosen {
    name: String,
    label: String,
    again: Resend,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    // A dry run refuses what the real one would.
    let url = arguments.target.url(&arguments.to)?;
    let signer = arguments.signer(output)?;
    let mut requests = arguments.chosen()?;
    for request in &mut requests {
        let body = &mut request.again.body;
        *body = sender::edited(body.clone(), &arguments.set)
            .map_err(|problem| Failure::usage(format!("request {}: {problem}", request.name)))?;
    }
    if requests.is_empty() {
        return Err(Failure::failed(
            "no recorded request fits: \"gymhook requests\" lists those that are there",
        ));
    }
    let question = format!("{} requests would be sent to {url}", requests.len());
    if arguments.dry_run {
        for request in &requests {
            let bytes = request.again.body.len();
            output.line(&format!("{:>5}  {}  {bytes} bytes", request.name, shown(&request.label)))?;
            output.record(&serde_json::json!({
                "record": "would-send", "request": request.name, "type": request.label, "body_bytes": bytes
            }))?;
        }
        return output.line(&question);
    }
    if !arguments.yes {
        ask(&question)?;
    }
    super::block_on(async {
        let target = arguments.target.resolve(&arguments.to).await?;
        let client = arguments.target.client(&target)?;
        let bar = progress::bar(output, requests.len(), requests.len() > 1);
        let mut reporter = Reporter::new(output, bar, 1.0);
        let started = Instant::now();
        tokio::select! {
            sent = send_all(&requests, signer.as_ref(), &target, &client, &mut reporter) => sent?,
            _ = tokio::signal::ctrl_c() => {
                reporter.finish(started.elapsed(), true)?;
                return Err(Failure::Interrupted);
            }
        }
        reporter.finish(started.elapsed(), false)?;
        if reporter.summary.undeliverable > 0 { Err(Failure::Refused) } else { Ok(()) }
    })
}

async fn send_all(
    requests: &[Chosen],
    signer: Option<&Signer>,
    target: &Target,
    client: &HttpClient,
    reporter: &mut Reporter<'_>,
) -> Result<(), Failure> {
    for request in requests {
        let label = Arc::from(request.label.as_str());
        let delivery = Delivery { id: request.name.clone().into(), label, body: request.again.body.clone() };
        let attempted = match request.again.http(signer, target) {
            Err(problem) => Attempted::not_sent(&delivery, AttemptNumber::FIRST, problem),
            Ok(http) => {
                let seen = exchange(client, http, TIMEOUT).await;
                let is_success = seen.status().is_some_and(|status| status.is_success());
                let next = if is_success { Next::Delivered } else { Next::Undeliverable };
                Attempted::of(&delivery, AttemptNumber::FIRST, seen, next)
            }
        };
        reporter.report(attempted)?;
    }
    Ok(())
}

impl Arguments {
    fn chosen(&self) -> Result<Vec<Chosen>, Failure> {
        let mut wanted = self.filter.wanted();
        let mut chosen = Vec::new();
        for item in &self.items {
            match item.parse() {
                Ok(id) => wanted.ids.push(id),
                Err(_) => chosen.push(from_file(item)?),
            }
        }
        if wanted.ids.is_empty() && !self.items.is_empty() {
            return match &self.filter.record {
                None => Ok(chosen),
                Some(_) => Err(Failure::usage(
                    "--record is for recorded requests, and only files are named: leave it out",
                )),
            };
        }
        if wanted.ids.is_empty() && !self.filter.says_something() {
            return Err(Failure::usage(
                "say which requests: by number, by file, or with --since, --type, --platform or --verdict",
            ));
        }
        let recording = self.filter.recording()?;
        for id in &wanted.ids {
            recording.get(*id)?;
        }
        for request in recording.find(&wanted)? {
            let header = |(name, value): &(String, Vec<u8>)| {
                Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(value).ok()?))
            };
            chosen.push(Chosen {
                name: request.id.to_string(),
                label: request.types.lines().next().unwrap_or(&request.platform).to_owned(),
                again: Resend {
                    headers: request.headers.iter().filter_map(header).collect(),
                    body: request.body.into(),
                },
            });
        }
        Ok(chosen)
    }

    fn signer(&self, output: &Output) -> Result<Option<Signer>, Failure> {
        self.secret.refuse_argument()?;
        let Some(platform) = self.sign else {
            return match self.scheme.given().or_else(|| self.secret.given()) {
                None => Ok(None),
                Some(option) => Err(Failure::usage(format!(
                    "{option} is for signing anew: name whose signature with --sign PLATFORM, or leave it out"
                ))),
            };
        };
        let scheme = self.scheme.signing(platform)?;
        let keys = self.secret.load(platform, output)?;
        Signer::with_shared(scheme, keys.keyring()?).map(Some).map_err(Failure::usage)
    }
}

fn from_file(path: &str) -> Result<Chosen, Failure> {
    let captured = capture::read(&input::read(Path::new(path), input::MAX_CAPTURE)?, None)?;
    let body = captured.body.ok_or_else(|| {
        Failure::usage(format!("{path} has no body, as curl -v prints none: replay a whole request"))
    })?;
    let headers = captured.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let again = Resend { headers, body: body.into() };
    Ok(Chosen { name: path.to_owned(), label: "captured".to_owned(), again })
}

/// Asks before something is sent; without a terminal there is nobody to ask.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{question}: add --yes, or look first with --dry-run")));
    }
    let mut terminal = io::stderr();
    write!(terminal, "{question}. Send them? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::failed("nothing was sent")) }
}
