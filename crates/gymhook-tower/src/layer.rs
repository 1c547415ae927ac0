//! `WebhookLayer` and `WebhookService`: verify requests before a service gets them.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::{AsProved, BodySigned};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use crate::read_body::BoxError;
use crate::{Strength, WebhookSource};

/// Verifies requests in front of a service: refused requests are answered here, and never reach it.
///
/// The service finds a [`Verified<Received<N>>`](gymhook::signature::Verified) in the request's extensions, and the body as it
/// arrived. `P` is the required strength of proof.
pub struct WebhookLayer<N = AnyNotification, P = AsProved> {
    source: WebhookSource<N>,
    strength: PhantomData<P>,
}

impl<N: Notification> WebhookLayer<N> {
    /// A layer for this source, which accepts any proof.
    pub fn new(source: impl Into<WebhookSource<N>>) -> Self {
        Self { source: source.into(), strength: PhantomData }
    }

    /// Requires a signed body: the service finds a `Verified<Received<N>, BodySigned>`, and a request without one is answered
    /// 401.
    #[must_use]
    pub fn requiring_signed_body(self) -> WebhookLayer<N, BodySigned> {
        WebhookLayer { source: self.source, strength: PhantomData }
    }
}

impl<N, P, S> Layer<S> for WebhookLayer<N, P> {
    type Service = WebhookService<S, N, P>;

    fn layer(&self, inner: S) -> Self::Service {
        WebhookService { inner, source: self.source.clone(), strength: PhantomData }
    }
}

/// A service behind a [`WebhookLayer`].
pub struct WebhookService<S, N = AnyNotification, P = AsProved> {
    inner: S,
    source: WebhookSource<N>,
    strength: PhantomData<P>,
}

impl<S, N, P, B, R> Service<Request<B>> for WebhookService<S, N, P>
where
    P: Strength + Clone,
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    N: Notification + Clone,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    R: Default + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Call the one that is ready; its clone becomes ready for the next request.
        let next = self.inner.clone();
        let mut inner = core::mem::replace(&mut self.inner, next);
        let source = self.source.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            match source.receive_parts::<P, B>(&head.method, &head.headers, body).await {
                Ok(verified) => {
                    let body = Full::new(verified.value().body().clone());
                    head.extensions.insert(verified);
                    inner.call(Request::from_parts(head, body)).await
                }
                Err(refusal) => Ok(refusal.answer().into_response()),
            }
        })
    }
}

impl<N, P> Clone for WebhookLayer<N, P> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), strength: PhantomData }
    }
}

impl<S: Clone, N, P> Clone for WebhookService<S, N, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), source: self.source.clone(), strength: PhantomData }
    }
}

impl<N, P> fmt::Debug for WebhookLayer<N, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookLayer").field("source", &self.source).finish()
    }
}

impl<S, N, P> fmt::Debug for WebhookService<S, N, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookService").field("source", &self.source).finish_non_exhaustive()
    }
}
