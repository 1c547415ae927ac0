//! `open_names!`: enums of names that grow, a closed list of what is documented, and room for what is not
//! (`OpenName`).

use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::open_object::WhenAbsent;

/// An enum made by [`open_names!`].
pub(crate) trait OpenName: Sized {
    /// The value of a name, and the name itself where it is an accepted spelling that is not the one to write.
    fn from_wire(name: &str) -> (Self, Option<&'static str>);

    fn name(&self) -> &str;
}

/// A name together with the spelling in which it was received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spelled<T> {
    value: T,
    alias: Option<&'static str>,
}

impl<T: OpenName> Spelled<T> {
    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    pub(crate) fn into_value(self) -> T {
        self.value
    }

    pub(crate) fn as_str(&self) -> &str {
        self.alias.unwrap_or_else(|| self.value.name())
    }
}

impl<T> From<T> for Spelled<T> {
    fn from(value: T) -> Self {
        Self { value, alias: None }
    }
}

impl<T> WhenAbsent for Spelled<T> {}

impl<T: OpenName> Serialize for Spelled<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, T: OpenName> Deserialize<'de> for Spelled<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor(PhantomData))
    }
}

struct NameVisitor<T>(PhantomData<T>);

impl<T: OpenName> Visitor<'_> for NameVisitor<T> {
    type Value = Spelled<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name as a string")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let (value, alias) = T::from_wire(name);
        Ok(Spelled { value, alias })
    }
}

/// Declares an enum of documented names with `Other` for the rest, and everything that follows from the list.
macro_rules! open_names {
    (
        $(#[$enum_doc:meta])*
        pub enum $enum:ident {
            $($(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)?,)+
        }
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $($(#[$doc])* #[doc = ""] #[doc = concat!("`", $name, "`")] $variant,)+
            /// A name that is not in the list, as received.
            Other(String),
        }

        impl $enum {
            /// Every name in the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling that is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }
        }

        impl $crate::open_names::OpenName for $enum {
            fn from_wire(name: &str) -> (Self, Option<&'static str>) {
                match name {
                    $($name => (Self::$variant, None),
                      $($alias => (Self::$variant, Some($alias)),)?)+
                    other => (Self::Other(other.to_owned()), None),
                }
            }

            fn name(&self) -> &str {
                self.as_str()
            }
        }

        impl serde::Serialize for $enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::open_names::Spelled::deserialize(deserializer).map($crate::open_names::Spelled::into_value)
            }
        }

        impl From<&str> for $enum {
            fn from(name: &str) -> Self {
                $crate::open_names::OpenName::from_wire(name).0
            }
        }

        impl core::str::FromStr for $enum {
            type Err = core::convert::Infallible;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(name))
            }
        }

        impl core::fmt::Display for $enum {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use open_names;
