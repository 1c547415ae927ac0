//! A notification of whichever vendor.

use serde::{Serialize, Serializer};

use crate::{
    DecodeError, DedupeKey, Event, Notification, Vendor, decode, egym, gympoint, perfectgym, pg_next, point,
};

/// A notification whose vendor is known only at run time.
///
/// ```
/// use gymhook_event::{AnyNotification, Kind, Notification as _, Vendor};
///
/// let vendor: Vendor = "gympoint".parse().unwrap();
/// let notification = AnyNotification::decode(vendor, br#"{"event":"payment.failed","data":{}}"#)?;
/// assert!(notification.events().all(|event| event.kind == Kind::PaymentFailed));
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyNotification {
    /// From GymPoint.
    GymPoint(gympoint::Notification),
    /// From EGYM.
    Egym(egym::Notification),
    /// From PerfectGym.
    PerfectGym(perfectgym::Notification),
    /// From PG Next.
    PgNext(pg_next::Notification),
    /// From Point.
    Point(point::Notification),
}

impl AnyNotification {
    /// Reads the body of a request from that vendor.
    ///
    /// # Errors
    /// [`DecodeError::UnknownVendor`] if `vendor` is none of [`Vendor::ALL`], and whatever [`decode`] finds.
    pub fn decode(vendor: Vendor, body: &[u8]) -> Result<Self, DecodeError> {
        match vendor {
            Vendor::GYMPOINT => decode(body).map(Self::GymPoint),
            Vendor::EGYM => decode(body).map(Self::Egym),
            Vendor::PERFECTGYM => decode(body).map(Self::PerfectGym),
            Vendor::PG_NEXT => decode(body).map(Self::PgNext),
            Vendor::POINT => decode(body).map(Self::Point),
            _ => Err(DecodeError::UnknownVendor),
        }
    }
}

macro_rules! each {
    ($any:expr, $notification:ident => $answer:expr) => {
        match $any {
            AnyNotification::GymPoint($notification) => $answer,
            AnyNotification::Egym($notification) => $answer,
            AnyNotification::PerfectGym($notification) => $answer,
            AnyNotification::PgNext($notification) => $answer,
            AnyNotification::Point($notification) => $answer,
        }
    };
}

impl Notification for AnyNotification {
    fn vendor(&self) -> Vendor {
        each!(self, notification => notification.vendor())
    }

    fn event_count(&self) -> usize {
        each!(self, notification => notification.event_count())
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        each!(self, notification => notification.event(index))
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        each!(self, notification => notification.dedupe_key())
    }
}

/// Writes the vendor's own form, without a mark of whose it is.
impl Serialize for AnyNotification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        each!(self, notification => notification.serialize(serializer))
    }
}

macro_rules! from {
    ($($variant:ident($module:ident),)+) => {
        $(impl From<$module::Notification> for AnyNotification {
            fn from(notification: $module::Notification) -> Self {
                Self::$variant(notification)
            }
        })+
    };
}

from! {
    GymPoint(gympoint),
    Egym(egym),
    PerfectGym(perfectgym),
    PgNext(pg_next),
    Point(point),
}
