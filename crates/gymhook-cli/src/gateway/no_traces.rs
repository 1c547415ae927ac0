//! `Traces` in a program that was built without the feature `otlp`: it exports nothing.

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

    pub(crate) fn end(self) -> core::future::Ready<()> {
        core::future::ready(())
    }
}
