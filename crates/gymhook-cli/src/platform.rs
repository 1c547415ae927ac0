//! `Platform`: the platforms by the names that the command line accepts, and Standard Webhooks.

use std::sync::Arc;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use gymhook::event::Vendor;
use gymhook::retry::RetryPolicy;
use gymhook::signature::{SignatureScheme, StandardWebhooks};
use gymhook::{Profile, Provider};

/// One of the five, or Standard Webhooks, which has a signature and retries and no payload of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Platform {
    Of(Vendor),
    StandardWebhooks,
}

const STANDARD_WEBHOOKS: &str = "standard-webhooks";

impl Platform {
    /// The five in alphabetical order, and Standard Webhooks.
    pub(crate) const ALL: [Self; 6] = [
        Self::Of(Vendor::EGYM),
        Self::Of(Vendor::GYMPOINT),
        Self::Of(Vendor::PERFECTGYM),
        Self::Of(Vendor::PG_NEXT),
        Self::Of(Vendor::POINT),
        Self::StandardWebhooks,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Of(vendor) => vendor.as_str(),
            Self::StandardWebhooks => STANDARD_WEBHOOKS,
        }
    }

    pub(crate) const fn vendor(self) -> Option<Vendor> {
        match self {
            Self::Of(vendor) => Some(vendor),
            Self::StandardWebhooks => None,
        }
    }

    pub(crate) fn provider(self) -> Option<Provider> {
        self.vendor().and_then(Provider::of)
    }

    pub(crate) fn scheme(self) -> Arc<dyn SignatureScheme> {
        match self.provider() {
            Some(provider) => Arc::clone(provider.scheme()),
            None => Arc::new(StandardWebhooks::new()),
        }
    }

    pub(crate) fn profile(self) -> Option<Profile> {
        self.provider().map(|provider| provider.profile().clone())
    }

    pub(crate) fn retry(self) -> RetryPolicy {
        self.profile().map_or_else(RetryPolicy::standard_webhooks, |profile| profile.retry.value)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.name() == name)
    }
}

/// Reads a platform's name; clap suggests the nearest one.
#[derive(Clone, Debug)]
pub(crate) struct PlatformParser;

impl TypedValueParser for PlatformParser {
    type Value = Platform;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Platform, clap::Error> {
        let names = clap::builder::PossibleValuesParser::new(Platform::ALL.map(Platform::name));
        let name = names.parse_ref(command, argument, value)?;
        Platform::from_name(&name).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Platform::ALL.into_iter().map(|platform| PossibleValue::new(platform.name()))))
    }
}

impl ValueParserFactory for Platform {
    type Parser = PlatformParser;

    fn value_parser() -> Self::Parser {
        PlatformParser
    }
}
