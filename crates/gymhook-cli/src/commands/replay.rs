//! `gymhook replay`: sends recorded requests again.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use clap::Args;
use gymhook::retry::AttemptNumber;
use gymhook::signature::Signer;
use http::{HeaderName, HeaderValue, Method, Request, header};
use time::UtcDateTime;

use super::requests::FilterArgs;
use crate::capture;
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::input;
use crate::listen::OF_THE_CONNECTION;
use crate::output::Output;
use crate::platform::Platform;
use crate::progress;
use crate::schemes::SchemeArgs;
use crate::secrets::SecretArgs;
use crate::send::{self, Attempted, Delivery, Edit, Next, Reporter};
use crate::target::{HttpClient, Target, TargetArgs};

/// Send recorded requests again: as they were, edited, or signed anew
#[derive(Args, Debug)]
#[command(after_help = "\
Says how many requests it would send and asks, unless --yes is given. A request that is sent as it was has its old signature: Point's and Standard Webhooks' are too old after some minutes, so --sign signs anew.

Exit status: 0 every answer was 2xx, 1 not, 2 wrong usage, 130 ended by Ctrl-C.

Example: the check-ins of the last hour once more, to the new server
  GYMHOOK_SECRET=… gymhook replay --since 1h --type CUSTOMER_CHECKIN --to http://127.0.0.1:3000/hooks --sign pg-next")]
pub(crate) struct Arguments {
    /// Recorded requests by their number, or files as verify reads them
    #[arg(value_name = "ID|FILE")]
    items: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Where they are sent
    #[arg(long, value_name = "URL")]
    to: String,
    /// Change a field of the body, which is then written anew: payload.0.type=CUSTOMER_CREATED
    #[arg(long, value_name = "PATH=VALUE", value_parser = send::edit)]
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

/// A request to be sent again.
struct Again {
    name: String,
    label: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// As long as the most patient of the platforms waits.
const TIMEOUT: core::time::Duration = core::time::Duration::from_secs(30);

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut requests = arguments.chosen()?;
    for request in &mut requests {
        request.body = send::edited(request.body.clone(), &arguments.set)
            .map_err(|problem| Failure::usage(format!("request {}: {problem}", request.name)))?;
    }
    if requests.is_empty() {
        return Err(Failure::failed(
            "no recorded request fits: \"gymhook requests\" lists those that are there",
        ));
    }
    let question = format!("{} requests would be sent to {}", requests.len(), arguments.shown_url());
    if arguments.dry_run {
        for request in &requests {
            output.line(&format!("{:>5}  {}  {} bytes", request.name, request.label, request.body.len()))?;
            output.record(&serde_json::json!({
                "record": "would-send", "request": request.name, "type": request.label, "body_bytes": request.body.len()
            }))?;
        }
        return output.line(&question);
    }
    if !arguments.yes {
        ask(&question)?;
    }
    let signer = arguments.signer(output)?;
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
    requests: &[Again],
    signer: Option<&Signer>,
    target: &Target,
    client: &HttpClient,
    reporter: &mut Reporter<'_>,
) -> Result<(), Failure> {
    for request in requests {
        let label = Arc::from(request.label.as_str());
        let delivery = Delivery { id: request.name.clone(), label, body: request.body.clone() };
        let attempted = match request.http(signer, target) {
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
    fn chosen(&self) -> Result<Vec<Again>, Failure> {
        let mut wanted = self.filter.wanted();
        let mut chosen = Vec::new();
        for item in &self.items {
            match item.parse() {
                Ok(id) => wanted.ids.push(id),
                Err(_) => chosen.push(from_file(item)?),
            }
        }
        if wanted.ids.is_empty() && !self.items.is_empty() {
            return Ok(chosen);
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
            chosen.push(Again {
                name: request.id.to_string(),
                label: request.types.lines().next().unwrap_or(&request.platform).to_owned(),
                headers: request.headers.iter().filter_map(header).collect(),
                body: request.body.into(),
            });
        }
        Ok(chosen)
    }

    fn signer(&self, output: &Output) -> Result<Option<Signer>, Failure> {
        let Some(platform) = self.sign else { return Ok(None) };
        let keys = self.secret.load(platform, output)?;
        Signer::with_shared(self.scheme.scheme(platform)?, keys.keyring()?).map(Some).map_err(Failure::usage)
    }

    /// Without the query, which may hold a token.
    fn shown_url(&self) -> &str {
        self.to.split('?').next().unwrap_or_default()
    }
}

fn from_file(path: &str) -> Result<Again, Failure> {
    let captured = capture::read(&input::read(Path::new(path), input::MAX_CAPTURE)?, None)?;
    let body = captured.body.ok_or_else(|| {
        Failure::usage(format!("{path} has no body, as curl -v prints none: replay a whole request"))
    })?;
    let headers = captured.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Again { name: path.to_owned(), label: "captured".to_owned(), headers, body: body.into() })
}

impl Again {
    fn http(&self, signer: Option<&Signer>, target: &Target) -> Result<Request<Bytes>, String> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.url.to_uri();
        let signed = signer.map(Signer::header_names).unwrap_or_default();
        for (name, value) in &self.headers {
            if !OF_THE_CONNECTION.contains(&name.as_str()) && !signed.contains(name) {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        if let Some(signer) = signer {
            // A request that had an id keeps it: it is the same event.
            let had = self.headers.iter().find(|(name, _)| signed.len() > 1 && Some(name) == signed.first());
            let had = had.and_then(|(_, value)| value.to_str().ok()).map(str::to_owned);
            let id = had.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let headers =
                signer.sign(&id, &self.body, UtcDateTime::now()).map_err(|error| error.to_string())?;
            request.headers_mut().extend(headers);
        }
        Ok(request)
    }
}

fn ask(question: &str) -> Result<(), Failure> {
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
