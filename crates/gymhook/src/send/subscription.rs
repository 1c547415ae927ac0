//! Which events go where.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_event::Vendor;

use super::{EndpointUrl, EventFilter, FilterError};

/// An endpoint with the event types it wants, and other URLs for some of them.
///
/// PG Next offers both to its partners: a set of types, and a URL for each type.
///
/// ```
/// use gymhook::{UrlRule, send::{EndpointUrl, Subscription}};
///
/// let url = |path: &str| EndpointUrl::new(&format!("https://receiver.example/{path}"), UrlRule::Https);
/// let subscription = Subscription::to(url("all")?)
///     .only(["CUSTOMER_CHECKIN", "CUSTOMER_CREATED"])
///     .with_url_for("CUSTOMER_CHECKIN", url("doors")?);
/// assert_eq!(subscription.url_for("CUSTOMER_CHECKIN"), Some(&url("doors")?));
/// assert_eq!(subscription.url_for("CUSTOMER_CREATED"), Some(&url("all")?));
/// assert_eq!(subscription.url_for("DEVICE_CREATED"), None);
/// # Ok::<(), gymhook::send::UrlError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    url: EndpointUrl,
    vendor: Option<Vendor>,
    wanted: Option<BTreeSet<EventFilter>>,
    urls: BTreeMap<String, EndpointUrl>,
}

impl Subscription {
    /// Every type, to this URL.
    #[must_use]
    pub fn to(url: EndpointUrl) -> Self {
        Self { url, vendor: None, wanted: None, urls: BTreeMap::new() }
    }

    /// Only what one of these [filters](EventFilter) wants: types in the vendor's spelling, beginnings such as `member.*`, kinds.
    /// Called again, the last set counts. [`Subscription::checked`] tells whether they can match.
    #[must_use]
    pub fn only<T: Into<EventFilter>>(self, filters: impl IntoIterator<Item = T>) -> Self {
        Self { wanted: Some(filters.into_iter().map(Into::into).collect()), ..self }
    }

    /// The same, of this vendor: its filters are judged, and those by kind match from now on.
    ///
    /// # Errors
    /// [`FilterError`]: a filter, or the type of a URL, can never match.
    pub fn checked(self, vendor: Vendor) -> Result<Self, FilterError> {
        EventFilter::check_all(vendor.as_str(), self.wanted.as_ref(), self.urls.keys())?;
        Ok(Self { vendor: Some(vendor), ..self })
    }

    /// Another URL for one type. It does not make the type wanted if [`Subscription::only`] left it out.
    #[must_use]
    pub fn with_url_for(mut self, event_type: impl Into<String>, url: EndpointUrl) -> Self {
        self.urls.insert(event_type.into(), url);
        self
    }

    /// Where an event of this type goes; `None` if it is not wanted.
    #[must_use]
    pub fn url_for(&self, event_type: &str) -> Option<&EndpointUrl> {
        let wants =
            |wanted: &BTreeSet<EventFilter>| wanted.iter().any(|one| one.matches(self.vendor, event_type));
        self.wanted.as_ref().is_none_or(wants).then(|| self.urls.get(event_type).unwrap_or(&self.url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UrlRule;

    fn url(path: &str) -> EndpointUrl {
        EndpointUrl::new(&format!("https://h.example/{path}"), UrlRule::Https).unwrap()
    }

    #[test]
    fn wants_everything_until_told_otherwise() {
        assert_eq!(Subscription::to(url("a")).url_for("any.type"), Some(&url("a")));
        let nothing: [&str; 0] = [];
        assert_eq!(Subscription::to(url("a")).only(nothing).url_for("any.type"), None);
    }

    #[test]
    fn what_is_checked_can_match() {
        use gymhook_event::Kind;
        let check_ins = Subscription::to(url("a")).only([Kind::CheckIn]);
        assert_eq!(check_ins.url_for("GYM_CHECKIN"), None, "nobody said whose type it is");
        assert_eq!(check_ins.checked(Vendor::EGYM).unwrap().url_for("GYM_CHECKIN"), Some(&url("a")));
        let nothing: [&str; 0] = [];
        assert_eq!(
            Subscription::to(url("a")).only(nothing).checked(Vendor::EGYM),
            Err(FilterError::NoFilter)
        );
        for bad in ["*", "GYM_CHECKIN ", "gym_checkin"] {
            assert!(Subscription::to(url("a")).only([bad]).checked(Vendor::EGYM).is_err(), "{bad}");
        }
        for bad in ["GYM_*", "kind:check-in", "GYM_CHEKIN"] {
            assert!(
                Subscription::to(url("a")).with_url_for(bad, url("b")).checked(Vendor::EGYM).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_url_of_its_own_does_not_make_a_type_wanted() {
        let subscription = Subscription::to(url("a")).only(["x"]).with_url_for("y", url("b"));
        assert_eq!(subscription.url_for("y"), None);
        assert_eq!(subscription.only(["y"]).url_for("y"), Some(&url("b")));
    }
}
