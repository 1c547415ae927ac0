//! Traces, in a program that was built without them.

use gymhook_service::Settings;
use http::Uri;

use super::logs::BoxedLayer;
use crate::failure::Failure;

/// None.
#[derive(Debug)]
pub(crate) struct Traces;

impl Traces {
    pub(crate) fn start(
        _collector: Option<&Uri>,
        _settings: &mut Settings,
    ) -> Result<(Self, Option<BoxedLayer>), Failure> {
        Ok((Self, None))
    }

    #[allow(clippy::unused_async, reason = "as with the feature")]
    pub(crate) async fn end(self) {}
}
