//! Who sent a notification.

use core::fmt;
use core::str::FromStr;

use crate::{Kind, egym, gympoint, perfectgym, pg_next, point};

/// The name of a platform that sends webhooks, in kebab case.
///
/// Five are known to this crate. A sixth is one [`Vendor::new`] away: nothing here matches on the list.
///
/// ```
/// use gymhook_event::Vendor;
///
/// assert_eq!("pg-next".parse(), Ok(Vendor::PG_NEXT));
/// assert_eq!(Vendor::new("my-studio-software").to_string(), "my-studio-software");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vendor(&'static str);

impl Vendor {
    /// EGYM, `developer.egym.com`.
    pub const EGYM: Self = Self("egym");
    /// GymPoint, `gympoint.ai`.
    pub const GYMPOINT: Self = Self("gympoint");
    /// PerfectGym (the classic PGM), `kb.perfectgym.com`.
    pub const PERFECTGYM: Self = Self("perfectgym");
    /// PerfectGym Next, the same Open API as Magicline, `developer.sportalliance.com`.
    pub const PG_NEXT: Self = Self("pg-next");
    /// Point by Key Point Technologies, `areyouonpoint.co`.
    pub const POINT: Self = Self("point");

    /// The five vendors this crate has a module for.
    pub const ALL: [Self; 5] = [Self::GYMPOINT, Self::EGYM, Self::PERFECTGYM, Self::PG_NEXT, Self::POINT];

    /// Names a vendor; use kebab case so that it reads like the others in logs and keys.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The types of event that the vendor is known to send, in its spelling; none of a vendor without a module here.
    ///
    /// ```
    /// use gymhook_event::{Kind, Vendor};
    ///
    /// assert!(Vendor::GYMPOINT.event_types().contains(&"checkin.created"));
    /// assert_eq!(Vendor::GYMPOINT.kind_of("checkin.created"), Some(Kind::CheckIn));
    /// assert_eq!(Vendor::new("acme").kind_of("checkin.created"), None);
    /// ```
    #[must_use]
    pub fn event_types(self) -> Vec<&'static str> {
        match self {
            Self::EGYM => egym::EventType::ALL.iter().map(egym::EventType::as_str).collect(),
            Self::GYMPOINT => gympoint::EventType::ALL.iter().map(gympoint::EventType::as_str).collect(),
            Self::PERFECTGYM => {
                perfectgym::EventType::ALL.iter().map(perfectgym::EventType::as_str).collect()
            }
            Self::PG_NEXT => pg_next::EventType::ALL.iter().map(pg_next::EventType::as_str).collect(),
            Self::POINT => point::EventType::ALL.iter().map(point::EventType::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// What a type of the vendor's means, [`Kind::Other`] if it is not known; `None` for a vendor without a module here.
    #[must_use]
    pub fn kind_of(self, event_type: &str) -> Option<Kind> {
        match self {
            Self::EGYM => Some(egym::EventType::from(event_type).kind()),
            Self::GYMPOINT => Some(gympoint::EventType::from(event_type).kind()),
            Self::PERFECTGYM => Some(perfectgym::EventType::from(event_type).kind()),
            Self::PG_NEXT => Some(pg_next::EventType::from(event_type).kind()),
            Self::POINT => Some(point::EventType::from(event_type).kind()),
            _ => None,
        }
    }

    /// The name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// Finds one of [`Vendor::ALL`] by its exact name.
impl FromStr for Vendor {
    type Err = ParseVendorError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|vendor| vendor.0 == name).ok_or(ParseVendorError { _private: () })
    }
}

/// A name that is none of the five vendors'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such vendor; choose one of gympoint, egym, perfectgym, pg-next, point")]
pub struct ParseVendorError {
    _private: (),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_samples_type_is_one_of_its_vendors_and_of_the_kind_that_its_event_is() {
        for sample in crate::samples() {
            let (vendor, name) = (sample.vendor, sample.event_type);
            assert!(vendor.event_types().contains(&name), "{vendor} {name}");
            assert!(vendor.kind_of(name).is_some_and(|kind| kind != Kind::Other), "{vendor} {name}");
        }
        assert!(Vendor::ALL.iter().all(|vendor| vendor.kind_of("?") == Some(Kind::Other)));
    }

    #[test]
    fn every_vendor_parses_from_its_own_name_and_the_error_names_them_all() {
        let refusal = "PG-NEXT".parse::<Vendor>().unwrap_err().to_string();
        for vendor in Vendor::ALL {
            assert_eq!(vendor.as_str().parse(), Ok(vendor));
            assert!(refusal.contains(vendor.as_str()), "{refusal}");
        }
    }
}
