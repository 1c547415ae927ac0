//! Lists, creates, changes, tests and deletes destinations. Only keys of all gyms may do this.

use core::time::Duration;

use gymhook_engine::DeliveryId;
use gymhook_engine::store::{ApiKeyRights, EndpointStats};
use time::UtcDateTime;
use zeroize::Zeroizing;

use super::audit;
use super::tests_of_endpoints::Tested;
use crate::Problem;
use crate::access::Caller;
use crate::destinations::{Changes, Found, NewDestination, WHAT, Written};

/// All of them, by name.
pub(crate) async fn list(caller: &Caller) -> Result<Vec<Found>, Problem> {
    caller.operator(WHAT)?;
    Ok(caller.app().destinations.list().await?)
}

/// One with how much there is for it.
pub(crate) async fn describe(caller: &Caller, name: &str) -> Result<(Found, EndpointStats), Problem> {
    caller.operator(WHAT)?;
    caller.app().destinations.stats(name).await
}

/// Creates a destination.
pub(crate) async fn create(caller: &Caller, new: NewDestination) -> Result<Written, Problem> {
    check(caller, ApiKeyRights::Write)?;
    let written = caller.app().destinations.create(new).await?;
    audit::record(caller, "create destination", None, &written.found.route.name).await;
    Ok(written)
}

/// Changes a destination that is not declared in the settings.
pub(crate) async fn update(caller: &Caller, name: &str, changes: Changes) -> Result<Found, Problem> {
    check(caller, ApiKeyRights::Write)?;
    let found = caller.app().destinations.update(name, changes).await?;
    audit::record(caller, "update destination", None, name).await;
    Ok(found)
}

/// Deletes a destination that is not declared in the settings.
pub(crate) async fn delete(caller: &Caller, name: &str) -> Result<(), Problem> {
    check(caller, ApiKeyRights::Write)?;
    caller.app().destinations.delete(name).await?;
    audit::record(caller, "delete destination", None, name).await;
    Ok(())
}

/// Signs with a new secret from now on, and with the old one, too, for `overlap`.
pub(crate) async fn rotate(
    caller: &Caller,
    name: &str,
    given: Option<Zeroizing<String>>,
    overlap: Duration,
) -> Result<Written, Problem> {
    check(caller, ApiKeyRights::Write)?;
    let written = caller.app().destinations.rotate(name, given, overlap).await?;
    audit::record(caller, "rotate destination's secret", None, name).await;
    Ok(written)
}

/// Sends nothing to it until it is enabled.
pub(crate) async fn disable(caller: &Caller, name: &str) -> Result<(), Problem> {
    check(caller, ApiKeyRights::Write)?;
    caller.app().destinations.disable(name).await?;
    audit::record(caller, "disable destination", None, name).await;
    Ok(())
}

/// Sends to it again, whatever it was disabled for.
pub(crate) async fn enable(caller: &Caller, name: &str) -> Result<(), Problem> {
    check(caller, ApiKeyRights::Write)?;
    caller.app().destinations.enable(name).await?;
    audit::record(caller, "enable destination", None, name).await;
    Ok(())
}

/// Sends nothing to it until then.
pub(crate) async fn pause(caller: &Caller, name: &str, until: UtcDateTime) -> Result<(), Problem> {
    check(caller, ApiKeyRights::Write)?;
    caller.app().destinations.pause(name, until).await?;
    audit::record(caller, "pause destination", None, name).await;
    Ok(())
}

/// Sends a CloudEvent of the type `gymhook.test`, and waits for the outcome for up to `patience`.
pub(crate) async fn test(caller: &Caller, name: &str, patience: Duration) -> Result<Tested, Problem> {
    check(caller, ApiKeyRights::Retry)?;
    let (delivery, outcome) = caller.app().destinations.test(name, patience).await?;
    audit::record(caller, "test destination", None, name).await;
    Ok(Tested { delivery, outcome })
}

/// A test of one of all destinations.
#[derive(Clone, Debug)]
pub(crate) struct TestSent {
    pub(crate) name: String,
    /// Its delivery, or why none was sent.
    pub(crate) test: Result<DeliveryId, Problem>,
}

/// Sends a CloudEvent of the type `gymhook.test` to each of them that gets anything new, and waits for no outcome.
pub(crate) async fn test_all(caller: &Caller) -> Result<Vec<TestSent>, Problem> {
    check(caller, ApiKeyRights::Retry)?;
    let destinations = &caller.app().destinations;
    let mut sent = Vec::new();
    for found in destinations.list().await?.into_iter().filter(|found| !found.route.retired) {
        let test = destinations.send_test(found.route.id).await;
        sent.push(TestSent { name: found.route.name, test });
    }
    // What sent nothing is not recorded: it would push out what did something.
    if sent.iter().any(|sent| sent.test.is_ok()) {
        audit::record(caller, "test all destinations", None, "all destinations").await;
    }
    Ok(sent)
}

fn check(caller: &Caller, needs: ApiKeyRights) -> Result<(), Problem> {
    caller.operator(WHAT)?;
    caller.may(needs)
}
