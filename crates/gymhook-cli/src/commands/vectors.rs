//! `gymhook vectors`: runs conformance vectors, here or in the process of another implementation (`--against`), and
//! reports each case.

use core::fmt::Display;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use clap::Args;
use gymhook_vectors::{Case, VectorFile};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Serialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::input;
use crate::output::{Output, Tone, shown};
use crate::progress;
use crate::when;

/// Run conformance vectors, against this implementation or against another one
#[derive(Args, Debug)]
#[command(after_help = "\
With --against the command is started once for each case (or once, with --stream): it gets the case as JSON on standard input, without what is expected, and answers on standard output with {\"verdict\":\"accept\",\"key\":…,\"proves\":[…]} or {\"verdict\":\"reject\",\"reason\":…} (for events and retries with what the case would expect), or with {\"unsupported\":true}.

Example: check a receiver in Python against the vectors
  gymhook vectors --stream --against 'python3 receiver.py --cases' tests/vectors/signature-*.json")]
pub(crate) struct Arguments {
    /// Files of vectors
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A command that answers in place of this implementation; it is run by `sh -c`
    #[arg(long, value_name = "COMMAND")]
    against: Option<String>,
    /// How long the command may take for a case
    #[arg(long, value_name = "LENGTH", value_parser = when::length, default_value = "10s", requires = "against")]
    timeout: Duration,
    /// Start the command once: it gets a case a line, and answers a line for each
    #[arg(long, requires = "against")]
    stream: bool,
    /// Only cases of this kind: signature, event or retry
    #[arg(long)]
    kind: Option<String>,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

#[derive(Serialize)]
struct Record<'c> {
    record: &'static str,
    file: &'c str,
    name: &'c str,
    kind: Option<&'c str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'c str>,
    why: Option<&'c str>,
}

#[derive(Default, Serialize)]
struct Summary {
    record: &'static str,
    passed: usize,
    failed: usize,
    unsupported: usize,
    interrupted: bool,
}

enum Verdict {
    Passed,
    Failed(String),
    Unsupported,
}

/// More output than this is no answer.
const MAX_ANSWER: u64 = 1 << 20;

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &arguments.files {
        files.push(read(path)?);
    }
    let wanted = |case: &&Case| {
        arguments.kind.as_deref().is_none_or(|kind| case.kind() == Some(kind))
            && arguments.name.as_deref().is_none_or(|text| case.name().contains(text))
    };
    let total: usize = files.iter().map(|file| file.cases().iter().filter(wanted).count()).sum();
    if total == 0 {
        return Err(Failure::usage("no case fits --kind and --name: leave one of them out"));
    }
    stop_at_ctrl_c()?;
    let bar = progress::bar(output, total, arguments.against.is_some());
    let mut summary = Summary { record: "summary", ..Summary::default() };
    let mut other = arguments.against.as_deref().map(|command| Other {
        command,
        timeout: arguments.timeout,
        stream: arguments.stream,
        running: None,
    });
    let cases = files.iter().flat_map(|file| file.cases().iter().filter(wanted).map(move |case| (file, case)));
    for (file, case) in cases {
        let verdict = match &mut other {
            _ if is_interrupted() => None,
            None => {
                Some(case.run().map_or_else(|error| Verdict::Failed(error.to_string()), |()| Verdict::Passed))
            }
            Some(other) => other.ask(case)?,
        };
        let Some(verdict) = verdict else {
            summary.interrupted = true;
            break;
        };
        bar.inc(1);
        summary.count(&verdict);
        bar.suspend(|| report(file, case, &verdict, output))?;
    }
    bar.finish_and_clear();
    if let Some(running) = other.and_then(|other| other.running) {
        running.end(summary.interrupted);
    }
    summary.print(output)?;
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    if summary.failed > 0 {
        return Err(Failure::Refused);
    }
    if summary.passed == 0 {
        return Err(Failure::failed("no case was supported: nothing has been checked"));
    }
    Ok(())
}

impl Summary {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Unsupported => self.unsupported += 1,
        }
    }

    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        output.record(self)?;
        let ended = if self.interrupted { "interrupted: " } else { "" };
        let unsupported = match self.unsupported {
            0 => String::new(),
            some => format!(", {some} not supported"),
        };
        output.line(&format!("{ended}{} passed, {} failed{unsupported}", self.passed, self.failed))
    }
}

fn read(path: &Path) -> Result<VectorFile, Failure> {
    let wrong = |problem: &dyn Display| Failure::usage(format!("{problem}; is it a file of vectors?"));
    let (name, bytes) = (path.display().to_string(), input::read(path, input::MAX_VECTORS)?);
    let text = core::str::from_utf8(&bytes).map_err(|error| wrong(&format_args!("{name}: {error}")))?;
    VectorFile::parse(&name, text).map_err(|error| wrong(&error))
}

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

/// The process group of the command that runs. Whoever starts one holds this, so that Ctrl-C finds it or is noticed.
static GROUP: Mutex<Option<Pid>> = Mutex::new(None);

fn group() -> MutexGuard<'static, Option<Pid>> {
    GROUP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on Ctrl-C does not end the process, but the command that is asked, with its children: then whoever writes to it,
/// or waits for it, goes on and sees that Ctrl-C came. The second one ends the process.
fn stop_at_ctrl_c() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let mut interrupts = {
        let _entered = runtime.enter();
        signal(SignalKind::interrupt()).map_err(Failure::failed)?
    };
    thread::spawn(move || {
        if runtime.block_on(interrupts.recv()).is_some() {
            IS_INTERRUPTED.store(true, Ordering::Relaxed);
            if let Some(running) = *group() {
                kill(running);
            }
        }
        // What has left the group was not killed, and may keep a pipe open for ever.
        if runtime.block_on(interrupts.recv()).is_some() {
            std::process::exit(Failure::Interrupted.status().into());
        }
    });
    Ok(())
}

/// Ends all of a process group: a shell's child that sleeps on would keep standard error open.
fn kill(group: Pid) {
    // It may have ended.
    let _ = kill_process_group(group, Signal::KILL);
}

fn report(file: &VectorFile, case: &Case, verdict: &Verdict, output: &mut Output) -> Result<(), Failure> {
    let (word, problem) = match verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Failed(problem) => ("failed", Some(problem.as_str())),
        Verdict::Unsupported => ("unsupported", None),
    };
    output.record(&Record {
        record: "case",
        file: file.name(),
        name: case.name(),
        kind: case.kind(),
        verdict: word,
        problem,
        why: case.why(),
    })?;
    if let Some(problem) = problem {
        let why = case.why().map(|why| format!("; why: {}", shown(why))).unwrap_or_default();
        output.line(&format!(
            "{} {}: {}{why}",
            Tone::Bad.paint("failed"),
            shown(case.name()),
            shown(problem)
        ))?;
    } else if output.is_verbose() {
        output.line(&format!("{word} {}", shown(case.name())))?;
    }
    Ok(())
}

/// Another implementation, as a command that is started.
struct Other<'a> {
    command: &'a str,
    timeout: Duration,
    /// Whether one process answers all cases, a line each.
    stream: bool,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Other<'_> {
    /// What the command says to one case, unless Ctrl-C comes before. A command that cannot be started is the caller's mistake;
    /// all else fails the case.
    fn ask(&mut self, case: &Case) -> Result<Option<Verdict>, Failure> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let answer = running.answer(case.question(), self.stream, self.timeout);
        if self.stream && answer.is_ok() {
            self.running = Some(running);
        } else {
            running.end(answer.is_err());
        }
        if is_interrupted() {
            // It was killed, perhaps amid its answer.
            return Ok(None);
        }
        Ok(Some(match answer {
            Err(problem) => Verdict::Failed(problem),
            Ok(answer) if is_unsupported(&answer) => Verdict::Unsupported,
            Ok(answer) => case
                .judge(&answer)
                .map_or_else(|error| Verdict::Failed(error.to_string()), |()| Verdict::Passed),
        }))
    }

    fn start(&self) -> Result<Running, Failure> {
        let unstartable = |problem: &str| {
            Failure::usage(format!("the command cannot be started ({problem}): is there a shell?"))
        };
        let mut command = Command::new("sh");
        // Every secret: those with a key id behind the name, and the one for passing on.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GYMHOOK_"))
        {
            command.env_remove(name);
        }
        let mut group = group();
        let mut child = command
            .args(["-c", self.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()
            .map_err(|error| unstartable(&error.to_string()))?;
        let pid = Pid::from_child(&child);
        *group = Some(pid);
        if is_interrupted() {
            kill(pid);
        }
        drop(group);
        let (Some(input), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unstartable("it has no standard input and output"));
        };
        // A command that does not answer would block whoever reads.
        let (tell, answers) = mpsc::channel();
        let stream = self.stream;
        thread::spawn(move || read_answers(out, stream, &tell));
        Ok(Running { child, input: Some(input), answers })
    }
}

/// Sends a line for each answer, or the whole output as one.
fn read_answers(out: ChildStdout, stream: bool, tell: &Sender<String>) {
    let mut out = BufReader::new(out);
    if !stream {
        let mut whole = Vec::new();
        if out.take(MAX_ANSWER).read_to_end(&mut whole).is_ok() {
            let _ = tell.send(String::from_utf8_lossy(&whole).into_owned());
        }
        return;
    }
    loop {
        let mut line = Vec::new();
        let read = (&mut out).take(MAX_ANSWER).read_until(b'\n', &mut line);
        let over = !matches!(read, Ok(1..));
        if over || tell.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
    }
}

impl Running {
    fn answer(&mut self, question: &Value, stream: bool, timeout: Duration) -> Result<String, String> {
        let question = question.to_string() + "\n";
        // A command that answers without reading its input to the end has answered.
        if let Some(input) = &mut self.input {
            let _ = input.write_all(question.as_bytes()).and_then(|()| input.flush());
        }
        if !stream {
            self.input = None;
        }
        match self.answers.recv_timeout(timeout) {
            Ok(answer) if !answer.trim().is_empty() => Ok(answer),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => Err("the command answered nothing".to_owned()),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("the command did not answer within {}", when::span(timeout)))
            }
        }
    }

    fn end(mut self, by_force: bool) {
        self.input = None;
        let pid = Pid::from_child(&self.child);
        if by_force {
            kill(pid);
        }
        // Ctrl-C may still have to kill it, but not whoever gets its number after it has been reaped.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), ended) {}
        *group() = None;
        let _ = self.child.wait();
    }
}

fn is_unsupported(answer: &str) -> bool {
    serde_json::from_str::<Value>(answer)
        .is_ok_and(|answer| answer.get("unsupported") == Some(&Value::Bool(true)))
}
