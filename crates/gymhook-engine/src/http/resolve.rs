//! `Resolve`, which looks up the addresses of a host, and `SystemResolver`.

use core::fmt;
use core::future::Future;
use core::net::IpAddr;
use core::pin::Pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// The answer to come: all the addresses of a name.
pub type Resolving<'r> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'r>>;

/// Finds the addresses of a name.
///
/// Its answer is not trusted: one forbidden address refuses all of them, and the connection is made to one of these addresses
/// and no other. It is not called for IP literals.
///
/// ```
/// use std::net::{IpAddr, Ipv4Addr};
///
/// use gymhook_engine::http::{Resolve, Resolving};
///
/// #[derive(Debug)]
/// struct Always(Ipv4Addr);
///
/// impl Resolve for Always {
///     fn resolve<'r>(&'r self, _host: &'r str) -> Resolving<'r> {
///         Box::pin(async { Ok(vec![IpAddr::V4(self.0)]) })
///     }
/// }
/// ```
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// All addresses of `host`, a name in lower case, the best first.
    ///
    /// # Errors
    /// Why the name was not resolved. Running out of descriptors or memory, or [`io::ErrorKind::ResourceBusy`], is an
    /// internal fault; everything else is the endpoint's. An empty answer counts as a failure of the endpoint.
    fn resolve<'r>(&'r self, host: &'r str) -> Resolving<'r>;
}

/// The operating system's resolver, with a thread for each look-up.
///
/// A look-up cannot be cancelled: a name whose servers do not answer blocks its thread until the system's timeout. So there
/// are at most [`SystemResolver::LOOKUPS`] at a time.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl SystemResolver {
    /// The maximum number of look-ups at a time, including abandoned ones: a fourth of tokio's default number of blocking
    /// threads.
    pub const LOOKUPS: usize = 128;

    /// How long a look-up waits for its turn; then it fails with an internal fault.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// A resolver with all its look-ups free.
    #[must_use]
    pub fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(Self::LOOKUPS)) }
    }
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolve for SystemResolver {
    fn resolve<'r>(&'r self, host: &'r str) -> Resolving<'r> {
        Box::pin(async move {
            let turn = tokio::time::timeout(Self::PATIENCE, Arc::clone(&self.lookups).acquire_owned()).await;
            let Ok(Ok(turn)) = turn else { return Err(io::ErrorKind::ResourceBusy.into()) };
            let host = host.to_owned();
            // Its own task, since the permit is released when the look-up ends, not when the caller gives up.
            let lookup = tokio::spawn(async move {
                let found = tokio::net::lookup_host((host, 0)).await.map(Iterator::collect::<Vec<_>>);
                drop(turn);
                found
            });
            let found = lookup.await.map_err(io::Error::other)??;
            Ok(found.into_iter().map(|address| address.ip()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_that_waits_too_long_for_its_turn_is_this_sides_fault() {
        let resolver = SystemResolver::new();
        let all = u32::try_from(SystemResolver::LOOKUPS).unwrap();
        let taken = resolver.lookups.acquire_many(all).await.unwrap();
        let question = resolver.resolve("localhost");
        let refused = tokio::time::timeout(SystemResolver::PATIENCE * 2, question).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ResourceBusy);

        drop(taken);
        assert!(resolver.resolve("localhost").await.is_ok());
        assert_eq!(resolver.lookups.available_permits(), SystemResolver::LOOKUPS, "the turn is given back");
    }
}
