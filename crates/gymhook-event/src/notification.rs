//! `Notification`, the trait of what the body of one request says, whoever sent it, and `Events`, the iterator over
//! its events.

use core::fmt::Debug;
use core::iter::FusedIterator;
use core::ops::Range;

use serde::Serialize;

use crate::{DedupeKey, Event, Vendor};

/// The body of one request: a vendor's envelope with one or many events.
///
/// The `Notification` types of this crate's vendors implement it, and so can a type of your own: serde gives it its shape, these
/// few methods its meaning.
///
/// ```
/// use gymhook_event::{DedupeKey, Event, Kind, Notification, Vendor, decode};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Visit { visitor: String }
///
/// impl Notification for Visit {
///     fn vendor(&self) -> Vendor { Vendor::new("acme") }
///     fn event_count(&self) -> usize { 1 }
///     fn event(&self, index: usize) -> Option<Event<'_>> {
///         (index == 0).then(|| Event::new(self.vendor(), "visit", Kind::CheckIn))
///     }
///     fn dedupe_key(&self) -> Option<DedupeKey> { None }
/// }
///
/// let visit: Visit = decode(br#"{"visitor":"Ada"}"#)?;
/// assert_eq!(visit.events().len(), 1);
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
pub trait Notification: Serialize + Debug + Send + Sync + 'static {
    /// Who sends notifications of this form.
    fn vendor(&self) -> Vendor;

    /// How many events the notification holds; it may be none.
    fn event_count(&self) -> usize;

    /// The event at `index`, counted from 0 in the order received; `None` from [`event_count`](Self::event_count) on.
    fn event(&self, index: usize) -> Option<Event<'_>>;

    /// The key by which a repeated delivery is recognised; `None` where two real notifications could share it.
    fn dedupe_key(&self) -> Option<DedupeKey>;

    /// All events in the order received.
    fn events(&self) -> Events<'_, Self>
    where
        Self: Sized,
    {
        Events { notification: self, indexes: 0..self.event_count() }
    }
}

/// The events of a notification, in the order received; see [`Notification::events`].
#[derive(Debug)]
pub struct Events<'a, N> {
    notification: &'a N,
    indexes: Range<usize>,
}

impl<N> Clone for Events<'_, N> {
    fn clone(&self) -> Self {
        Self { notification: self.notification, indexes: self.indexes.clone() }
    }
}

impl<'a, N: Notification> Iterator for Events<'a, N> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.notification.event(self.indexes.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indexes.size_hint()
    }
}

impl<N: Notification> DoubleEndedIterator for Events<'_, N> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.notification.event(self.indexes.next_back()?)
    }
}

impl<N: Notification> ExactSizeIterator for Events<'_, N> {}
impl<N: Notification> FusedIterator for Events<'_, N> {}
