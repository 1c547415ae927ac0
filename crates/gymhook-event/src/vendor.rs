//! `Vendor`: the platform that sent a notification, by its name.

use core::fmt;
use core::str::FromStr;

use crate::Kind;
use crate::vendor_table::for_each_vendor;

/// The name of a platform that sends webhooks, in kebab case.
///
/// [`Vendor::ALL`] are known to this crate. Another one is a [`Vendor::new`] away: nothing here matches on the list.
///
/// ```
/// use gymhook_event::Vendor;
///
/// assert_eq!("pg-next".parse(), Ok(Vendor::PG_NEXT));
/// assert_eq!(Vendor::new("my-studio-software").to_string(), "my-studio-software");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vendor(&'static str);

macro_rules! vendors {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $variant:ident($module:ident);)+) => {
        impl Vendor {
            $($(#[$doc])* pub const $constant: Self = Self($name);)+

            /// The vendors that this crate has a module for. New ones are added at the end.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)+];

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
                    $(Self::$constant => {
                        crate::$module::EventType::ALL.iter().map(crate::$module::EventType::as_str).collect()
                    })+
                    _ => Vec::new(),
                }
            }

            /// What a type of the vendor's means, [`Kind::Other`] if it is not known; `None` for a vendor without a module here.
            #[must_use]
            pub fn kind_of(self, event_type: &str) -> Option<Kind> {
                match self {
                    $(Self::$constant => Some(crate::$module::EventType::from(event_type).kind()),)+
                    _ => None,
                }
            }
        }
    };
}

for_each_vendor!(vendors);

impl Vendor {
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
        Self::ALL.iter().copied().find(|vendor| vendor.0 == name).ok_or(ParseVendorError { _private: () })
    }
}

/// A name that is not one of [`Vendor::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown vendor; choose one of {Choices}")]
pub struct ParseVendorError {
    _private: (),
}

/// The names of [`Vendor::ALL`], for messages that offer a choice.
pub(crate) struct Choices;

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        Vendor::ALL.iter().try_for_each(|vendor| {
            write!(f, "{separator}{vendor}")?;
            separator = ", ";
            Ok(())
        })
    }
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
            assert_eq!(vendor.as_str().parse(), Ok(*vendor));
            assert!(refusal.contains(vendor.as_str()), "{refusal}");
        }
    }

    #[test]
    fn every_module_of_a_vendor_has_its_row_in_the_table() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut modules: Vec<_> = std::fs::read_dir(source)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("event_type.rs").is_file())
            .map(|path| path.file_name().unwrap().to_str().unwrap().replace('_', "-"))
            .collect();
        let mut rows: Vec<_> = Vendor::ALL.iter().map(|vendor| vendor.as_str()).collect();
        modules.sort_unstable();
        rows.sort_unstable();
        assert_eq!(modules, rows);
    }
}
