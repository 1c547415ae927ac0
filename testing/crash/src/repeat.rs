//! Calls that are repeated until a store answers.

use core::time::Duration;

use gymhook_engine::SubscriptionError;
use gymhook_engine::store::StoreError;

/// Asks again, `pause` later, while the store's error is a transient one. `refused` is told of each error of the store, also of one
/// that is not transient.
///
/// # Errors
/// The first error that is not a transient one of the store.
pub async fn until_answered<T, E, F>(
    pause: Duration,
    mut refused: impl FnMut(&StoreError),
    mut ask: impl FnMut() -> F,
) -> Result<T, SubscriptionError>
where
    E: Into<SubscriptionError>,
    F: Future<Output = Result<T, E>>,
{
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error.into(),
        };
        let SubscriptionError::Store(error) = error else { return Err(error) };
        refused(&error);
        if !error.is_transient() {
            return Err(error.into());
        }
        tokio::time::sleep(pause).await;
    }
}
