//! `InboxHandler`, the trait of a handler of one type of notification.

use gymhook::Received;
use gymhook::event::AnyNotification;
use gymhook::signature::{AsProved, Verified};

use crate::{HandlerError, InboxItem};

/// Handles what an [inbox](crate::Inbox) has accepted, read and with its proof: what [`InboxHandlers::on`] takes.
///
/// `N` is the platform's notification, for example `pg_next::Notification`, or [`AnyNotification`] for every platform. `P` is how
/// strong a proof is asked for: left out, whatever the platform proves; with [`BodySigned`], a signed body, and anything less is
/// rejected before the handler is called.
///
/// Every function implements it that takes these two and returns a future:
///
/// ```
/// use gymhook::event::pg_next;
/// use gymhook::signature::Verified;
/// use gymhook::Received;
/// use gymhook_engine::{HandlerError, InboxItem};
///
/// async fn check_in(hook: Verified<Received<pg_next::Notification>>, item: InboxItem) -> Result<(), HandlerError> {
///     println!("{}: studio {}, {:?}", item.delivery(), hook.proof().key(), hook.value().notification());
///     Ok(())
/// }
/// ```
///
/// It runs at least once for each item, and again after a crash: let its effects and [`InboxItem::delivery`] become durable
/// together. A panic is a failure: the attempt counts, and the schedule says when the next one is.
///
/// [`InboxHandlers::on`]: crate::InboxHandlers::on
/// [`BodySigned`]: gymhook::signature::BodySigned
pub trait InboxHandler<N = AnyNotification, P = AsProved>: Send + Sync + 'static {
    /// Handles one.
    ///
    /// # Errors
    /// [`HandlerError`], which says whether it is tried again.
    fn handle(
        &self,
        hook: Verified<Received<N>, P>,
        item: InboxItem,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<N, P, F, R> InboxHandler<N, P> for F
where
    F: Fn(Verified<Received<N>, P>, InboxItem) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), HandlerError>> + Send,
{
    fn handle(
        &self,
        hook: Verified<Received<N>, P>,
        item: InboxItem,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        self(hook, item)
    }
}
