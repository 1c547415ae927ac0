//! Who sent a notification.

use core::fmt;
use core::str::FromStr;

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
    fn every_vendor_parses_from_its_own_name_and_the_error_names_them_all() {
        let refusal = "PG-NEXT".parse::<Vendor>().unwrap_err().to_string();
        for vendor in Vendor::ALL {
            assert_eq!(vendor.as_str().parse(), Ok(vendor));
            assert!(refusal.contains(vendor.as_str()), "{refusal}");
        }
    }
}
