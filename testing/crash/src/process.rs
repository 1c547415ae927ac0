//! A process under test, as its driver sees it: a sender, or another program that ends when its input does.

use core::time::Duration;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::process::{Child, ChildStdin, Command};

use crate::Failure;
use crate::orders::Orders;

/// What the processes of a folder complain of.
#[must_use]
pub fn complaints(folder: &Path) -> PathBuf {
    folder.join("complaints.log")
}

/// A running process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kept open until it is to end: a wait for the child would close it.
    input: Option<ChildStdin>,
    pid: u32,
    /// What it has complained of.
    complaints: PathBuf,
}

/// Nothing here takes this long, unless it hangs.
const LONGEST: Duration = Duration::from_secs(60);

impl Process {
    /// Starts one. What it complains of goes to [a file](complaints).
    ///
    /// # Errors
    /// The program is not there.
    pub fn start(program: &Path, orders: &Orders) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.arg(serde_json::to_string(orders)?);
        Self::run(command, &orders.folder)
    }

    /// Starts one that may write files up to a length only, in units of 512 bytes. If it wants more, it is either killed by
    /// a signal in the middle of the write, or told that there was an error.
    ///
    /// # Errors
    /// The program or the shell is not there.
    pub fn start_limited(
        program: &Path,
        orders: &Orders,
        blocks: u32,
        is_killed: bool,
    ) -> Result<Self, Failure> {
        let trap = if is_killed { "" } else { "trap '' XFSZ; " };
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("{trap}ulimit -S -f {blocks} && exec \"$0\" \"$1\"")).arg(program);
        shell.arg(serde_json::to_string(orders)?);
        Self::run(shell, &orders.folder)
    }

    /// Starts a program of any kind that ends when its input does. What it complains of goes to [a file](complaints) of this
    /// folder.
    ///
    /// # Errors
    /// The program is not there.
    pub fn run(mut command: Command, folder: &Path) -> Result<Self, Failure> {
        let complaints = complaints(folder);
        let log = std::fs::File::options().create(true).append(true).open(&complaints)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the process does not start: {error}"))?;
        let pid = child.id().ok_or("a process has no id")?;
        let input = child.stdin.take();
        Ok(Self { child, input, pid, complaints })
    }

    /// Its id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it, and waits until it is dead.
    ///
    /// # Errors
    /// It ended before, by itself.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        self.signal(Signal::KILL)?;
        self.dies().await
    }

    /// Waits until it is dead, killed by itself.
    ///
    /// # Errors
    /// It ends in another way, or not at all.
    pub async fn dies(&mut self) -> Result<(), Failure> {
        let status = self.ends().await?;
        if status.signal() != Some(Signal::KILL.as_raw()) {
            return Err(format!("the process should have been killed, and ended with {status}").into());
        }
        Ok(())
    }

    /// Waits until it ends, in whatever way.
    ///
    /// # Errors
    /// It does not.
    pub async fn ends(&mut self) -> Result<ExitStatus, Failure> {
        let waited = tokio::time::timeout(LONGEST, self.child.wait()).await;
        Ok(waited.map_err(|_| "the process should end, and does not")??)
    }

    /// Waits until it, or another of its folder, complains of this.
    ///
    /// # Errors
    /// It ends by itself, or never does.
    pub async fn until_it_complains(&mut self, folder: &Path, of: &str) -> Result<(), Failure> {
        let whole = async {
            while !std::fs::read_to_string(complaints(folder))?.contains(of) {
                self.still_runs()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok::<(), Failure>(())
        };
        tokio::time::timeout(LONGEST, whole).await.map_err(|_| format!("nobody complains of: {of}"))?
    }

    /// Lets it write files of any length.
    ///
    /// # Errors
    /// It is gone.
    pub fn lift_limit(&self) -> Result<(), Failure> {
        let unlimited = Rlimit { current: None, maximum: None };
        rustix::process::prlimit(Some(self.id()?), Resource::Fsize, unlimited)?;
        Ok(())
    }

    fn id(&self) -> Result<Pid, Failure> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or_else(|| "a process has no id".into())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// It ended by itself: nobody asked for that.
    pub fn still_runs(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the process ended by itself with {status}").into()),
        }
    }

    /// Waits until it is stopped by a `SIGSTOP`.
    ///
    /// # Errors
    /// It is gone, or goes on and on.
    pub async fn until_stopped(&self) -> Result<(), Failure> {
        let whole = async {
            loop {
                let stat = tokio::fs::read_to_string(format!("/proc/{}/stat", self.pid)).await?;
                // After the name, which is in parentheses and may have spaces.
                let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
                if after_name.starts_with('T') {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(LONGEST, whole).await.map_err(|_| "the process should stop, and does not")?
    }

    /// Lets it end in good order.
    ///
    /// # Errors
    /// It does not, or says that something went wrong.
    pub async fn end(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        let status = self.ends().await?;
        if !status.success() {
            let complained = std::fs::read_to_string(&self.complaints).unwrap_or_default();
            let last = complained.lines().next_back().unwrap_or_default();
            return Err(format!("the process ended with {status}: {last}").into());
        }
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(rustix::process::kill_process(self.id()?, signal)?)
    }
}
