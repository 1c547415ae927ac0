//! `AnyNotification`: a notification of any of the vendors, as one enum that is generated from the table of vendors.

use serde::{Serialize, Serializer};

use crate::vendor_table::for_each_vendor;
use crate::{DecodeError, DedupeKey, Event, Notification, Vendor, decode};

macro_rules! any_notification {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $variant:ident($module:ident);)+) => {
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
            $($(#[$doc])* $variant(crate::$module::Notification),)+
        }

        impl AnyNotification {
            /// Reads the body of a request from that vendor.
            ///
            /// # Errors
            /// [`DecodeError::UnknownVendor`] if `vendor` is none of [`Vendor::ALL`], and whatever [`decode`] finds.
            pub fn decode(vendor: Vendor, body: &[u8]) -> Result<Self, DecodeError> {
                match vendor {
                    $(Vendor::$constant => decode(body).map(Self::$variant),)+
                    _ => Err(DecodeError::UnknownVendor),
                }
            }
        }

        impl Notification for AnyNotification {
            fn vendor(&self) -> Vendor {
                match self {
                    $(Self::$variant(notification) => notification.vendor(),)+
                }
            }

            fn event_count(&self) -> usize {
                match self {
                    $(Self::$variant(notification) => notification.event_count(),)+
                }
            }

            fn event(&self, index: usize) -> Option<Event<'_>> {
                match self {
                    $(Self::$variant(notification) => notification.event(index),)+
                }
            }

            fn dedupe_key(&self) -> Option<DedupeKey> {
                match self {
                    $(Self::$variant(notification) => notification.dedupe_key(),)+
                }
            }
        }

        /// Writes the vendor's own form, without a mark of whose it is.
        impl Serialize for AnyNotification {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(notification) => notification.serialize(serializer),)+
                }
            }
        }

        $(impl From<crate::$module::Notification> for AnyNotification {
            fn from(notification: crate::$module::Notification) -> Self {
                Self::$variant(notification)
            }
        })+
    };
}

for_each_vendor!(any_notification);
