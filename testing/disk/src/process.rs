//! The process under test: a runtime of its own with an engine on a store, which can be killed.

use core::time::Duration;

use tokio::runtime::Runtime;

use crate::Failure;

/// Nothing here takes this long, unless it hangs: a busy machine makes a second a minute.
pub(crate) const LONGEST: Duration = Duration::from_secs(180);

/// The process under test. It dies when this is dropped, as by `SIGKILL`: nothing that it does goes on.
#[derive(Debug)]
pub struct Process(Option<Runtime>);

impl Process {
    /// Begins.
    ///
    /// # Errors
    /// There are no threads left.
    pub fn begin() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does something in it, for as long as it lives.
    ///
    /// # Errors
    /// What it says, that it panicked, or that it hangs.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let runtime = self.0.as_ref().ok_or("it is dead")?;
        let work = runtime.spawn(tokio::time::timeout(LONGEST, work));
        work.await?.map_err(|_| "it hangs: nothing has come of it for three minutes")?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
