//! `open_object!`: objects that keep the fields they do not know.
//!
//! serde's `flatten` would do it too, but it buffers the whole object, which is slow and breaks on numbers once any
//! crate in the build turns on serde_json's `arbitrary_precision`. [`open_object!`] writes the visitor that serde's
//! derive would write, with one more arm.

use crate::{Id, UnixMillis};
use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::SerializeMap;

/// A field that may be absent or `null`, and is written back as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Field<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<T> Field<T> {
    pub(crate) const fn as_option(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<T: Serialize> Field<T> {
    pub(crate) fn serialize_into<M: SerializeMap>(
        &self,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match self {
            Self::Absent => Ok(()),
            Self::Null => map.serialize_entry(name, &()),
            Self::Value(value) => map.serialize_entry(name, value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// What an open object does when a field is absent: by default it refuses.
pub(crate) trait WhenAbsent: Sized {
    fn when_absent<E: de::Error>(name: &'static str) -> Result<Self, E> {
        Err(E::missing_field(name))
    }
}

impl<T> WhenAbsent for Field<T> {
    fn when_absent<E: de::Error>(_: &'static str) -> Result<Self, E> {
        Ok(Self::Absent)
    }
}

impl WhenAbsent for String {}
impl WhenAbsent for Id {}
impl WhenAbsent for UnixMillis {}
impl<T> WhenAbsent for Vec<T> {}

/// Implements `Deserialize` for `$target` by reading `$wire`, a struct of the listed fields plus `extra: Extra`, and
/// handing it to `$build`.
macro_rules! open_object {
    ($target:ident from $wire:ident via $build:path, expecting $expecting:literal: { $($name:literal => $field:ident,)+ }) => {
        impl<'de> serde::Deserialize<'de> for $target {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, reason = "variants are named after the fields")]
                enum Key {
                    $($field,)+
                    Unknown(String),
                }

                impl<'de> serde::Deserialize<'de> for Key {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        deserializer.deserialize_identifier(KeyVisitor)
                    }
                }

                struct KeyVisitor;

                impl serde::de::Visitor<'_> for KeyVisitor {
                    type Value = Key;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str("a field name")
                    }

                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                        Ok(match name {
                            $($name => Key::$field,)+
                            unknown => Key::Unknown(unknown.to_owned()),
                        })
                    }
                }

                struct ObjectVisitor;

                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $target;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$target, A::Error> {
                        $(let mut $field = None;)+
                        let mut extra = $crate::Extra::new();
                        while let Some(key) = map.next_key()? {
                            match key {
                                $(Key::$field => {
                                    if $field.is_some() {
                                        return Err(serde::de::Error::duplicate_field($name));
                                    }
                                    $field = Some(map.next_value()?);
                                })+
                                Key::Unknown(name) => extra.push(name, map.next_value()?),
                            }
                        }
                        $(let $field = match $field {
                            Some(value) => value,
                            None => $crate::open_object::WhenAbsent::when_absent($name)?,
                        };)+
                        $build($wire { $($field,)+ extra })
                    }
                }

                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

pub(crate) use open_object;
