//! `gymhook listen`: its options, the judges of the platforms, the task that writes the recording, and the screen.
//! `local_endpoint.rs` receives.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::local_endpoint::{Form, Forward, Judge, Listener, RehearsalArgs, Settings, Viewer};
use crate::output::Output;
use crate::port_holder::port_holder;
use crate::platform::Platform;
use crate::recording::{Recording, Unwritten};
use crate::schemes::SchemeArgs;
use crate::secrets::SecretArgs;
use crate::target::TargetArgs;
#[cfg(feature = "tui")]
use crate::{local_endpoint::Viewing, tui};

/// Listen as your server would: verify and show what arrives, keep it, pass it on
#[derive(Args, Debug)]
#[command(after_help = "\
Without a platform, the end of the path names it (POST /hooks/perfectgym), and the secret in GYMHOOK_SECRET_PERFECTGYM (PG_NEXT, …) is that platform's.

Every request is kept in a file with its headers and its body, which hold keys and personal data: \"gymhook requests\" lists them, verify and replay read them.

Example: see what PerfectGym sends, and pass on what is verified
  GYMHOOK_SECRET=… gymhook listen perfectgym --forward http://127.0.0.1:3000/hooks
Example: rehearse a sender's retries
  GYMHOOK_SECRET=… gymhook listen pg-next --fail-first 2")]
pub(crate) struct Arguments {
    /// Whose requests; all of them, by their path, without
    platform: Option<Platform>,
    /// On which port; 0 takes any that is free
    #[arg(long, short, default_value_t = 8080)]
    port: u16,
    /// On which address of this machine
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Show what arrives full-screen: a list, details, a filter, sending again
    #[arg(long, hide = !cfg!(feature = "tui"))]
    tui: bool,
    /// Keep requests in this file [default: gymhook/requests.db in the user's folder for state]
    #[arg(long, value_name = "FILE", conflicts_with = "no_record", help_heading = "Recording")]
    record: Option<PathBuf>,
    /// Keep no requests
    #[arg(long, help_heading = "Recording")]
    no_record: bool,
    /// Number of requests to keep; the oldest are forgotten
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "no_record", help_heading = "Recording")]
    keep: u32,
    /// Pass on what was verified to this URL, and answer as it does
    #[arg(long, value_name = "URL", help_heading = "Passing on")]
    forward: Option<String>,
    /// In which form it is passed on
    #[arg(
        long = "as",
        value_name = "FORM",
        default_value = "original",
        requires = "forward",
        help_heading = "Passing on"
    )]
    form: Form,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Those who judge, by the last segment of the path; the empty name is for every path.
type Judges = BTreeMap<&'static str, Arc<Judge>>;

#[derive(Serialize)]
struct Ready {
    record: &'static str,
    url: String,
    platforms: Vec<&'static str>,
    recording: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, mut output: Output) -> Result<(), Failure> {
    arguments.refuse_what_does_not_apply(&output)?;
    let judges = arguments.judges(&output)?;
    let recording = arguments.recording()?;
    let first_id = recording.as_ref().map(Recording::last_id).transpose()?.unwrap_or(0).saturating_add(1);
    let (record, writer) = match recording {
        Some(recording) => {
            let (record, writer) = start_writer(recording, usize::try_from(arguments.keep).unwrap_or(usize::MAX));
            (Some(record), Some(writer))
        }
        None => (None, None),
    };
    let served = super::block_on(async {
        let listener = arguments.listen().await?;
        let forward = match &arguments.forward {
            None => None,
            Some(url) => {
                let target = arguments.target.resolve(url).await?;
                Some(Forward::new(arguments.target.client(&target)?, target, arguments.form)?)
            }
        };
        let address = listener.address().map_err(Failure::failed)?;
        let url = format!("http://{address}");
        ready(arguments, &url, &judges, &mut output)?;
        let (viewer, viewing) = match arguments.tui {
            #[cfg(feature = "tui")]
            true => arguments.screen(output, url, judges.clone(), forward.clone()),
            _ => Viewer::lines(output),
        };
        let rehearsal = arguments.rehearsal.clone();
        let settings = Settings { judges, rehearsal, forward, record, viewer, first_id };
        tokio::select! {
            () = listener.serve(settings) => {}
            ended = until_asked_to_end() => ended?,
            () = until_gone(&viewing) => {}
            () = until_writer_ends(writer.as_ref()) => {}
        }
        Ok(viewing)
    });
    // The server is gone, and with it everything that fed the view and the writer. The view first: it has the terminal.
    let viewed = served?.join();
    if let Some(writer) = writer {
        writer.join().map_err(|_| Failure::failed("the requests could not be recorded"))??;
    }
    let (mut output, viewed) = viewed.map_err(|_| Failure::failed("the requests could not be shown"))?;
    let viewed = viewed?;
    viewed.summary.print(&mut output)?;
    if viewed.is_over { Ok(()) } else { Err(Failure::Interrupted) }
}

/// Waits for Ctrl-C, or for what ends a service.
async fn until_asked_to_end() -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::failed),
        _ = terminated.recv() => Ok(()),
    }
}

/// Waits until the writer has ended, as it does on a full disk; for ever without one.
async fn until_writer_ends<T>(writer: Option<&thread::JoinHandle<T>>) {
    match writer {
        Some(writer) => until_gone(writer).await,
        None => core::future::pending().await,
    }
}

/// Waits until the thread has ended.
async fn until_gone<T>(thread: &thread::JoinHandle<T>) {
    while !thread.is_finished() {
        tokio::time::sleep(core::time::Duration::from_millis(200)).await;
    }
}

impl Arguments {
    #[cfg(feature = "tui")]
    fn screen(
        &self,
        output: Output,
        url: String,
        judges: Judges,
        forward: Option<Forward>,
    ) -> (Viewer, Viewing) {
        let state = tui::State::new(url, names(&judges), forward.is_some());
        tui::start(output, state, tui::Resender { target: self.target.clone(), forward, judges })
    }

    fn refuse_what_does_not_apply(&self, output: &Output) -> Result<(), Failure> {
        if let (None, Some(option)) = (self.platform, self.scheme.given()) {
            return Err(Failure::usage(format!(
                "{option} is for the requests of one platform: name it, as in \"gymhook listen point\""
            )));
        }
        if let (None, false, Some(option)) = (&self.forward, self.tui, self.target.given()) {
            return Err(Failure::usage(format!(
                "{option} is for passing on: give --forward URL, or leave it out"
            )));
        }
        if self.tui {
            refuse_screen(output)?;
        }
        if self.form == Form::StandardWebhooks && self.platform == Some(Platform::StandardWebhooks) {
            return Err(Failure::usage(
                "standard-webhooks signs any payload, of which no reading can be passed on: leave --as out, or name one of the five",
            ));
        }
        Ok(())
    }

    fn judges(&self, output: &Output) -> Result<Judges, Failure> {
        if let Some(platform) = self.platform {
            let keys = Arc::new(self.secret.load(platform, output)?);
            return Ok(BTreeMap::from([("", Arc::new(Judge::new(platform, &self.scheme, keys)?))]));
        }
        let all = self.secret.load_all(output)?;
        let five: Vec<Platform> =
            Platform::ALL.into_iter().filter(|platform| platform.vendor().is_some()).collect();
        let mut judges = BTreeMap::new();
        for platform in five {
            let Some(keys) = all.of(platform)? else {
                output.note(&format!("no secret for {}: its requests are not taken", platform.name()));
                continue;
            };
            judges.insert(
                platform.name(),
                Arc::new(Judge::new(platform, &SchemeArgs::default(), Arc::new(keys))?),
            );
        }
        if judges.is_empty() {
            return Err(Failure::usage(
                "none of the five platforms has a secret: set GYMHOOK_SECRET_PERFECTGYM (PG_NEXT, …), or GYMHOOK_SECRET for all of them",
            ));
        }
        Ok(judges)
    }

    fn recording(&self) -> Result<Option<Recording>, Failure> {
        match &self.record {
            _ if self.no_record => Ok(None),
            Some(path) => Recording::create(path).map(Some),
            None => Recording::create(&Recording::default_path()?).map(Some),
        }
    }

    async fn listen(&self) -> Result<Listener, Failure> {
        let address = SocketAddr::new(self.bind, self.port);
        Listener::bind(address).await.map_err(|error| {
            let problem = if error.kind() == io::ErrorKind::AddrInUse {
                let holder = port_holder(self.port);
                format!("another program listens there{holder}: choose another with --port, or 0 for any")
            } else if error.kind() == io::ErrorKind::PermissionDenied {
                "ports below 1024 are root's: choose another with --port".to_owned()
            } else if error.kind() == io::ErrorKind::AddrNotAvailable {
                "this machine has no such address: leave --bind out".to_owned()
            } else {
                error.to_string()
            };
            Failure::usage(format!("cannot listen on {address}: {problem}"))
        })
    }
}

/// Says why there can be no screen.
fn refuse_screen(output: &Output) -> Result<(), Failure> {
    if !cfg!(feature = "tui") {
        return Err(Failure::usage(
            "this gymhook was built without the full-screen view: install it with the feature tui, or leave --tui out",
        ));
    }
    if output.is_json() || output.is_quiet() || output.is_verbose() {
        return Err(Failure::usage(
            "--json, --quiet and --verbose mean nothing on a screen: leave them or --tui out",
        ));
    }
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(Failure::usage(
            "--tui needs a terminal: leave it out, and a line is printed for each request",
        ));
    }
    Ok(())
}

/// The platforms that are listened for.
fn names(judges: &Judges) -> String {
    judges.values().map(|judge| judge.platform().name()).collect::<Vec<_>>().join(", ")
}

fn ready(arguments: &Arguments, url: &str, judges: &Judges, output: &mut Output) -> Result<(), Failure> {
    let platforms: Vec<&str> = judges.values().map(|judge| judge.platform().name()).collect();
    let recording = match &arguments.record {
        _ if arguments.no_record => None,
        Some(path) => Some(path.clone()),
        None => Some(Recording::default_path()?),
    };
    let recording = recording.map(|path| path.display().to_string());
    let paths = if arguments.platform.is_some() { String::new() } else { "/PLATFORM".to_owned() };
    output.line(&format!("listening on {url}{paths} for {}; Ctrl-C ends it", names(judges)))?;
    if let Some(path) = &recording {
        output.note(&format!("requests are kept in {path}"));
    }
    output.record(&Ready { record: "ready", url: url.to_owned(), platforms, recording })
}

/// What the writer may be behind.
const UNWRITTEN: usize = 1_024;

/// How many requests one transaction holds at most.
const BATCH: usize = 256;

/// A thread that writes what is sent to it, in groups that grow with the slowness of the disk, and tells each when it is written.
fn start_writer(
    mut recording: Recording,
    keep: usize,
) -> (mpsc::Sender<Unwritten>, thread::JoinHandle<Result<(), Failure>>) {
    let (record, mut requests) = mpsc::channel(UNWRITTEN);
    let writer = thread::spawn(move || {
        let mut batch: Vec<Unwritten> = Vec::new();
        while requests.blocking_recv_many(&mut batch, BATCH) > 0 {
            recording.add(batch.iter().map(|unwritten| &unwritten.request), keep)?;
            for unwritten in batch.drain(..) {
                // Whoever waited for it may be gone.
                let _ = unwritten.written.send(());
            }
        }
        recording.forget(keep)
    });
    (record, writer)
}
