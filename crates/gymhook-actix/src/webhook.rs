//! The extractor [`Webhook`], which verifies a request before a handler is called.

use core::ops::Deref;
use core::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use gymhook::Received;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::{AsProved, Verified};
use gymhook_tower::{Strength, WebhookSource};

use crate::WebhookRejection;
use crate::request::{Incoming, head_of};

/// A verified webhook, extracted from a request: a handler that takes one runs only if the proof holds.
///
/// `N` is the platform's notification, for example `pg_next::Notification`; by default, it is any platform's. `P` is the required
/// strength of proof: by default any; with [`BodySigned`](gymhook::signature::BodySigned), a signed body.
///
/// The [`WebhookSource`] comes from the `app_data` of the application, scope or resource, with or without `web::Data` around it.
/// It reads the body itself, up to the receiver's limit and within a deadline: actix's `PayloadConfig` does not apply.
///
/// ```
/// use actix_web::{App, web};
/// use gymhook::event::{pg_next, point};
/// use gymhook::signature::BodySigned;
/// use gymhook_actix::{Webhook, WebhookSource};
///
/// async fn check_in(Webhook(hook): Webhook<pg_next::Notification>) -> &'static str {
///     println!("studio {}: {:?}", hook.proof().key(), hook.value().notification());
///     ""
/// }
///
/// // Requires a signed body: a request without one is answered 401 and never gets here.
/// async fn workout(Webhook(hook): Webhook<point::Notification, BodySigned>) -> &'static str {
///     println!("{:?}", hook.value().notification());
///     ""
/// }
///
/// fn routes(
///     services: &mut web::ServiceConfig,
///     pg_next: WebhookSource<pg_next::Notification>,
///     point: WebhookSource<point::Notification>,
/// ) {
///     services
///         .service(web::resource("/pg-next").app_data(pg_next).to(check_in))
///         .service(web::resource("/point").app_data(point).to(workout));
/// }
/// ```
///
/// Exhaustive on purpose: a handler takes it apart in its parameters.
#[derive(Clone, Debug)]
pub struct Webhook<N = AnyNotification, P = AsProved>(pub Verified<Received<N>, P>);

impl<N: Notification, P: Strength> FromRequest for Webhook<N, P> {
    type Error = WebhookRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let source = source_of::<N>(request);
        let head = head_of(request);
        let body = Incoming(payload.take());
        Box::pin(async move {
            let source = source.ok_or(WebhookRejection::NoSource)?;
            let (method, headers) = head.inspect_err(|refusal| source.note(refusal))?;
            Ok(Self(source.receive_parts(&method, &headers, body).await?))
        })
    }
}

fn source_of<N: Notification>(request: &HttpRequest) -> Option<WebhookSource<N>> {
    let bare = request.app_data::<WebhookSource<N>>();
    bare.or_else(|| request.app_data::<web::Data<WebhookSource<N>>>().map(|data| &***data)).cloned()
}

impl<N, P> Deref for Webhook<N, P> {
    type Target = Verified<Received<N>, P>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
