#![doc = include_str!("../README.md")]

mod any;
mod decimal;
mod decode;
mod dedupe;
mod encode;
mod event;
mod extra;
mod id;
mod iso_time;
mod json_kind;
mod json_path;
mod kind;
mod lenient;
mod memo;
mod notification;
mod one_or_many;
mod open_names;
mod open_object;
mod raw;
mod sample;
#[cfg(feature = "schema")]
pub mod schema;
mod strict;
mod subject;
mod unix_millis;
mod vendor;
mod vendor_table;

pub mod egym;
pub mod gympoint;
pub mod perfectgym;
pub mod pg_next;
pub mod point;

pub use any::AnyNotification;
pub use decimal::{Decimal, ParseDecimalError};
pub use decode::{DecodeError, decode};
pub use dedupe::DedupeKey;
pub use encode::{EncodeError, encode};
pub use event::Event;
pub use extra::Extra;
pub use id::Id;
pub use iso_time::{IsoTime, YearOutOfRange};
pub use json_kind::JsonKind;
pub use kind::Kind;
pub use notification::{Events, Notification};
pub use sample::{Provenance, Sample, samples};
pub use strict::{StrictError, check_decoded, check_nesting, check_strict};
pub use subject::{Subject, SubjectId, SubjectKind};
pub use unix_millis::{BeforeUnixEpoch, UnixMillis};
pub use vendor::{ParseVendorError, Vendor};
