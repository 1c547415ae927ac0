//! `DeliveryHeaders`: additional headers of one delivery, which each of its attempts sends, and their text in the
//! store.

use core::fmt;

use gymhook_delivery::{DeliveryId, EndpointId};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::header_rules::{self, CheckHeadersError, HeaderLimits};
use crate::operations::ONLY_200;
use crate::store::NewNotification;

/// Headers of one outgoing delivery, beside those of its subscription: the publisher's trace context, or the proof of what is
/// passed on. Each attempt has them, also after a restart.
///
/// At most 8 headers, and 1 KiB of names and values (our limits); values of printable ASCII; none that the transport sets.
/// Whether one is the signature's depends on the platform: the attempt is refused, as for a subscription's header. A header
/// of the subscription with the same name is left out.
///
/// They are stored as they are, and not encrypted: no place for a secret.
///
/// ```
/// use bytes::Bytes;
/// use gymhook_engine::store::NewNotification;
/// use gymhook_engine::{DeliveryHeaders, DeliveryId, EndpointId};
/// use http::{HeaderMap, HeaderValue, header};
///
/// let traced = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// let headers = DeliveryHeaders::new(HeaderMap::from_iter([("traceparent".parse()?, traced)]))?;
/// let (delivery, endpoint) = (DeliveryId::from_u128(7), EndpointId::from_u128(1));
/// let new = NewNotification::new(delivery, endpoint, "workout.created", Bytes::from_static(b"{}"));
/// let _to_be_enqueued = headers.attach(new);
///
/// let length = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static("0"))]);
/// assert!(DeliveryHeaders::new(length).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DeliveryHeaders(HeaderMap);

/// Why a text is not read as the headers of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadHeadersError {
    /// It is not what [`DeliveryHeaders::to_text`] writes: it is damaged, or something else.
    #[error("the text is not that of a delivery's headers")]
    OtherText,
    /// Its headers are refused.
    #[error(transparent)]
    Refused(#[from] CheckHeadersError),
}

/// How they are written down. No other text of the column begins with this name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadersText {
    headers: Vec<(String, String)>,
}

/// Our limits: of the 8 KiB for all headers that widespread servers take, the subscription's have up to 6, and the last one is
/// left for those of the transport and of the signature.
const LIMITS: HeaderLimits = HeaderLimits { headers: 8, bytes: 1024 };

impl DeliveryHeaders {
    /// Checks these headers. Their values count as sensitive from here on, so that nothing logs them.
    ///
    /// # Errors
    /// [`CheckHeadersError`], with the first thing that is wrong.
    pub fn new(mut headers: HeaderMap) -> Result<Self, CheckHeadersError> {
        header_rules::check(&headers, &[], LIMITS)?;
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        Ok(Self(headers))
    }

    /// The headers.
    #[must_use]
    pub const fn as_map(&self) -> &HeaderMap {
        &self.0
    }

    /// Gives a notification these headers, in the place of its [`origin`](NewNotification::origin): for those that go out. No
    /// headers change nothing.
    ///
    /// A delivery that is enqueued again keeps the headers that it was first enqueued with: they do not tell deliveries apart.
    #[must_use]
    pub fn attach(self, new: NewNotification) -> NewNotification {
        if self.0.is_empty() {
            return new;
        }
        NewNotification { origin: Some(self.to_text()), ..new }
    }

    /// As text for the column [`NewNotification::origin`].
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = self.0.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        // Printable ASCII: there is nothing in it that JSON cannot say.
        serde_json::to_string(&HeadersText { headers }).unwrap_or_default()
    }

    /// From such a text.
    ///
    /// # Errors
    /// [`ReadHeadersError`]; no value is repeated in it.
    pub fn from_text(text: &str) -> Result<Self, ReadHeadersError> {
        let other = |_| ReadHeadersError::OtherText;
        let HeadersText { headers: written } = serde_json::from_str(text).map_err(other)?;
        if written.len() > LIMITS.headers {
            return Err(CheckHeadersError::TooMany { headers: written.len(), max: LIMITS.headers }.into());
        }
        let mut headers = HeaderMap::new();
        for (name, value) in written {
            let name: HeaderName = name.parse().map_err(|_| ReadHeadersError::OtherText)?;
            let value = HeaderValue::from_str(&value).map_err(|_| ReadHeadersError::OtherText)?;
            headers.append(name, value);
        }
        Ok(Self::new(headers)?)
    }

    /// Of the column of what goes out. A text that cannot be read is logged, and the request goes without.
    pub(crate) fn of_delivery(delivery: DeliveryId, endpoint: EndpointId, origin: Option<&str>) -> Self {
        let Some(text) = origin.filter(|text| *text != ONLY_200) else { return Self::default() };
        Self::from_text(text).unwrap_or_else(|problem| {
            tracing::warn!(%delivery, %endpoint, %problem, "a delivery's headers cannot be read: it is sent without them");
            Self::default()
        })
    }
}

/// `Debug` shows only the names.
impl fmt::Debug for DeliveryHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn map<const N: usize>(headers: [(&str, &str); N]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn what_is_written_down_is_read_again_with_repeated_names() {
        let plain = map([("baggage", "a=\"1\\\""), ("traceparent", "00-1-2-01"), ("baggage", "b=2")]);
        let headers = DeliveryHeaders::new(plain.clone()).unwrap();
        let read = DeliveryHeaders::from_text(&headers.to_text()).unwrap();
        assert_eq!(read.as_map(), &plain);
        assert!(read.as_map().values().all(HeaderValue::is_sensitive));
        assert!(!format!("{read:?}").contains("00-1-2-01"));
    }

    #[test]
    fn each_limit_is_reached_exactly() {
        let many = |count: usize| {
            let name = |number| format!("x-{number}").parse::<HeaderName>().unwrap();
            let all = (0..count).map(|number| (name(number), HeaderValue::from_static("1")));
            DeliveryHeaders::new(all.collect())
        };
        assert!(many(8).is_ok());
        assert_eq!(many(9), Err(CheckHeadersError::TooMany { headers: 9, max: 8 }));
        let long = |bytes: usize| DeliveryHeaders::new(map([("x-1", &"v".repeat(bytes - 3))]));
        assert!(long(1_024).is_ok());
        assert_eq!(long(1_025), Err(CheckHeadersError::TooLarge { bytes: 1_025, max: 1_024 }));
        let host = CheckHeadersError::Reserved { name: header::HOST };
        assert_eq!(DeliveryHeaders::new(map([("host", "internal")])), Err(host));
        let value = HeaderValue::from_bytes(b"\xf6").unwrap();
        let name = HeaderName::from_static("x-1");
        let refused = DeliveryHeaders::new(HeaderMap::from_iter([(name.clone(), value)]));
        assert_eq!(refused, Err(CheckHeadersError::NotPrintable { name }));
    }

    #[test]
    fn a_damaged_text_is_refused() {
        for text in [
            "",
            "{}",
            "null",
            r#"{"headers":[["traceparent","00"]"#,
            r#"{"headers":[["trace parent","00"]]}"#,
            r#"{"headers":[["traceparent","a\r\nhost: internal"]]}"#,
            r#"{"headers":[],"key":"main"}"#,
            r#"{"key":"main","sender":"hmac","body":true,"time":false,"id":true}"#,
        ] {
            assert_eq!(DeliveryHeaders::from_text(text), Err(ReadHeadersError::OtherText), "{text}");
        }
        let reserved = DeliveryHeaders::from_text(r#"{"headers":[["host","internal"]]}"#);
        let host = CheckHeadersError::Reserved { name: header::HOST };
        assert_eq!(reserved, Err(ReadHeadersError::Refused(host)));
        let nine = serde_json::json!({ "headers": vec![["x", "1"]; 9] }).to_string();
        let many = CheckHeadersError::TooMany { headers: 9, max: 8 };
        assert_eq!(DeliveryHeaders::from_text(&nine), Err(ReadHeadersError::Refused(many)));
    }
}
