//! What a gateway's process is told: JSON in its only argument.

use core::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gymhook::event::{Kind, Vendor};
use gymhook::signature::{Keyring, Secret};
use gymhook_crash_tests::orders::Place;
use gymhook_service::{Destination, Settings, Source};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::studios::{EventType, PLATFORMS, PUBLISHED, receiver};

/// What a gateway is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// Where its database is.
    pub place: Place,
    /// Where what it complains of is written down.
    pub folder: PathBuf,
    /// The port of 127.0.0.1 that it listens on.
    pub port: u16,
    /// The port of 127.0.0.1 that the application listens on.
    pub application: u16,
}

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// Gets everything.
    Everything,
    /// Gets the check-ins of one studio.
    BerlinsCheckIns,
    /// Subscribes to what is published through the API, and gets nothing else.
    Subscriber,
}

impl Recipient {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Everything, Self::BerlinsCheckIns, Self::Subscriber];
    /// The destinations of what platforms send.
    pub const DESTINATIONS: [Self; 2] = [Self::Everything, Self::BerlinsCheckIns];

    /// Its name, which is also its path at the application.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::BerlinsCheckIns => "berlin-check-ins",
            Self::Subscriber => "subscriber",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|destination| destination.name() == name)
    }

    /// Whether it gets this event of this studio.
    #[must_use]
    pub fn wants(self, studio: &str, event: EventType) -> bool {
        match self {
            Self::Everything => studio != PUBLISHED,
            Self::Subscriber => studio == PUBLISHED,
            Self::BerlinsCheckIns => studio == "berlin" && event.is_check_in,
        }
    }

    /// The keys of its requests.
    ///
    /// # Errors
    /// The secret is not one.
    pub fn keys(self) -> Result<Keyring, Failure> {
        Ok(Keyring::single("main", Secret::new(self.secret())?)?)
    }

    /// The Standard Webhooks secret of its requests, as bytes.
    #[must_use]
    pub fn secret(self) -> String {
        format!("{}-7c1a95b84e62a7f0c3d8e1b649250d3f", self.name())
    }
}

/// The path of a platform's source.
#[must_use]
pub fn path(platform: Vendor) -> String {
    format!("/in/{platform}")
}

/// Where the gateway leaves an API key for whoever publishes.
#[must_use]
pub fn api_key(folder: &Path) -> PathBuf {
    folder.join("api-key")
}

impl Orders {
    /// Where this listens at the application.
    #[must_use]
    pub fn url(&self, destination: Recipient) -> String {
        format!("http://127.0.0.1:{}/{}", self.application, destination.name())
    }

    /// What the service is started with.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for platform in PLATFORMS {
            settings.sources.push(Source::new(platform.as_str(), receiver(platform)?));
        }
        settings.requests_per_minute = NonZeroU32::MAX;
        // Subscribers are strangers by default, and may not be on this machine.
        settings.subscriber_networks = settings.destination_networks.clone();
        for destination in Recipient::DESTINATIONS {
            let keys = Arc::new(destination.keys()?);
            let mut to = Destination::new(destination.name(), self.url(destination), keys);
            if destination == Recipient::BerlinsCheckIns {
                to.studios = vec!["berlin".to_owned()];
                to.kinds = vec![Kind::CheckIn];
            }
            settings.destinations.push(to);
        }
        Ok(settings)
    }
}
