//! Which events go where.

use std::collections::{BTreeMap, BTreeSet};

use super::EndpointUrl;

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
    wanted: Option<BTreeSet<String>>,
    urls: BTreeMap<String, EndpointUrl>,
}

impl Subscription {
    /// Every type, to this URL.
    #[must_use]
    pub fn to(url: EndpointUrl) -> Self {
        Self { url, wanted: None, urls: BTreeMap::new() }
    }

    /// Only these types, in the vendor's spelling; called again, the last set counts.
    #[must_use]
    pub fn only<T: Into<String>>(self, event_types: impl IntoIterator<Item = T>) -> Self {
        Self { wanted: Some(event_types.into_iter().map(Into::into).collect()), ..self }
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
        let wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.contains(event_type));
        wanted.then(|| self.urls.get(event_type).unwrap_or(&self.url))
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
    fn a_url_of_its_own_does_not_make_a_type_wanted() {
        let subscription = Subscription::to(url("a")).only(["x"]).with_url_for("y", url("b"));
        assert_eq!(subscription.url_for("y"), None);
        assert_eq!(subscription.only(["y"]).url_for("y"), Some(&url("b")));
    }
}
