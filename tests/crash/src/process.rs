//! A sender, as its driver sees it.

use core::time::Duration;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStdin, Command};

use crate::Failure;
use crate::orders::Orders;

/// A running sender. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kept open until it is to end: a wait for the child would close it.
    input: Option<ChildStdin>,
    pid: u32,
}

/// Nothing here takes so long, unless it hangs.
const LONGEST: Duration = Duration::from_secs(60);

impl Process {
    /// Starts one.
    ///
    /// # Errors
    /// The program is not there.
    pub fn start(program: &Path, orders: &Orders) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg(serde_json::to_string(orders)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        let pid = child.id().ok_or("a process has no id")?;
        let input = child.stdin.take();
        Ok(Self { child, input, pid })
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
    pub async fn kill(mut self) -> Result<(), Failure> {
        self.signal(Signal::KILL)?;
        self.dies().await
    }

    /// Waits until it is dead, killed by itself.
    ///
    /// # Errors
    /// It ends in another way, or not at all.
    pub async fn dies(&mut self) -> Result<(), Failure> {
        let waited = tokio::time::timeout(LONGEST, self.child.wait()).await;
        let status = waited.map_err(|_| "a sender that should die does not")??;
        if status.signal() != Some(Signal::KILL.as_raw()) {
            return Err(format!("a sender that should be killed ended with {status}").into());
        }
        Ok(())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// It ended by itself: nobody asked for that.
    pub fn still_runs(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("a sender ended by itself with {status}").into()),
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
                // After the name, which stands in parentheses and may have spaces.
                let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
                if after_name.starts_with('T') {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(LONGEST, whole).await.map_err(|_| "a sender that should stop does not")?
    }

    /// Lets it end in good order.
    ///
    /// # Errors
    /// It does not, or says that something went wrong.
    pub async fn end(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        let waited = tokio::time::timeout(LONGEST, self.child.wait()).await;
        let status = waited.map_err(|_| "a sender that should end does not")??;
        if !status.success() {
            return Err(format!("a sender ended with {status}").into());
        }
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("a process has no id")?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }
}
