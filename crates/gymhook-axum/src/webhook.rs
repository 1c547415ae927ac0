//! The extractor [`Webhook`], which verifies a request before a handler is called.

use core::ops::Deref;

use axum::extract::{FromRef, FromRequest, Request};
use gymhook::Received;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::{AsProved, Verified};
use gymhook_tower::{Strength, WebhookSource};

use crate::WebhookRejection;

/// A verified webhook, extracted from a request: a handler that takes one runs only if the proof holds.
///
/// `N` is the platform's notification, for example `pg_next::Notification`; by default, it is any platform's. `P` is the required
/// strength of proof: by default any; with [`BodySigned`](gymhook::signature::BodySigned), a signed body.
///
/// The [`WebhookSource`] comes from the router's state, by [`FromRef`]. It reads the body itself, up to the receiver's limit and
/// within a deadline: axum's `DefaultBodyLimit` does not apply, but the limit of an outer layer does.
///
/// ```
/// use axum::Router;
/// use axum::routing::post;
/// use gymhook::event::{pg_next, point};
/// use gymhook::signature::BodySigned;
/// use gymhook_axum::{Webhook, WebhookSource};
///
/// async fn check_in(Webhook(hook): Webhook<pg_next::Notification>) {
///     println!("studio {}: {:?}", hook.proof().key(), hook.value().notification());
/// }
///
/// // Requires a signed body: a request without one is answered 401 and never gets here.
/// async fn workout(Webhook(hook): Webhook<point::Notification, BodySigned>) {
///     println!("{:?}", hook.value().notification());
/// }
///
/// fn routes(pg_next: WebhookSource<pg_next::Notification>, point: WebhookSource<point::Notification>) -> Router {
///     Router::new()
///         .route("/pg-next", post(check_in).with_state(pg_next))
///         .route("/point", post(workout).with_state(point))
/// }
/// ```
///
/// Exhaustive on purpose: a handler takes it apart in its parameters.
#[derive(Clone, Debug)]
pub struct Webhook<N = AnyNotification, P = AsProved>(pub Verified<Received<N>, P>);

impl<S, N, P> FromRequest<S> for Webhook<N, P>
where
    S: Send + Sync,
    WebhookSource<N>: FromRef<S>,
    N: Notification,
    P: Strength,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let source = WebhookSource::<N>::from_ref(state);
        let (head, body) = request.into_parts();
        Ok(Self(source.receive_parts(&head.method, &head.headers, body).await?))
    }
}

impl<N, P> Deref for Webhook<N, P> {
    type Target = Verified<Received<N>, P>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
