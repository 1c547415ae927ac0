//! `of_request`: the trace context of a publisher (W3C Trace Context), which each attempt sends as the headers
//! `traceparent` and `tracestate`.

use gymhook_engine::DeliveryHeaders;
use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The longest `tracestate` that the specification asks everybody to pass on, in bytes.
const LONGEST_STATE: usize = 512;

/// The context of a request, as headers of the deliveries that it leads to. As the specification asks, one that is not valid is
/// left out, and is no reason to refuse anything.
pub(crate) fn of_request(headers: &HeaderMap) -> DeliveryHeaders {
    let mut context = HeaderMap::new();
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else { return DeliveryHeaders::default() };
    let Some(parent) = known(parent) else { return DeliveryHeaders::default() };
    context.insert(TRACEPARENT, parent);
    if let Some(state) = state(headers) {
        let mut both = context.clone();
        both.insert(TRACESTATE, state);
        if let Ok(both) = DeliveryHeaders::new(both) {
            return both;
        }
    }
    DeliveryHeaders::new(context).unwrap_or_default()
}

/// All fields of the name in their order, as one list (RFC 9110, section 5.3); `None` if there is none, or more than has to be passed on.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let fields: Vec<&[u8]> = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
    let joined = fields.join(&b',');
    if joined.is_empty() || joined.len() > LONGEST_STATE {
        None
    } else {
        HeaderValue::from_bytes(&joined).ok()
    }
}

/// Version 00: `00-` and 32, 16 and 2 digits of lower-case hexadecimal; neither id is zero.
///
/// Of a higher version these four parts are read, after which there may be `-` and more, and passed on as version 00, with the
/// sampled bit of the flags alone (section 4.3); `ff` is no version.
fn known(value: &HeaderValue) -> Option<HeaderValue> {
    let mut parts = value.to_str().ok()?.splitn(5, '-');
    let [Some(version), Some(trace), Some(parent), Some(flags)] =
        [parts.next(), parts.next(), parts.next(), parts.next()]
    else {
        return None;
    };
    let has_more = parts.next().is_some();
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, digits: usize| is_hex(part, digits) && part.bytes().any(|byte| byte != b'0');
    if !is_hex(version, 2) || !is_id(trace, 32) || !is_id(parent, 16) || !is_hex(flags, 2) {
        return None;
    }
    match version {
        "00" if !has_more => Some(value.clone()),
        "00" | "ff" => None,
        _ => {
            let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
            HeaderValue::from_str(&format!("00-{trace}-{parent}-{sampled:02x}")).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example.
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        of_request(&headers).as_map().clone()
    }

    #[test]
    fn a_valid_context_goes_along() {
        let both = of(&[("traceparent", PARENT), ("tracestate", "congo=t61rcWkgMzE"), ("cookie", "a=b")]);
        assert_eq!(both.len(), 2);
        assert_eq!(both.get("traceparent").unwrap(), PARENT);
        assert_eq!(both.get("tracestate").unwrap(), "congo=t61rcWkgMzE");
        // Several fields are one list, in their order.
        let split =
            of(&[("traceparent", PARENT), ("tracestate", "rojo=1,congo=2"), ("tracestate", "vendor=3")]);
        assert_eq!(split.get("tracestate").unwrap(), "rojo=1,congo=2,vendor=3");
        assert!(of(&[("traceparent", PARENT), ("tracestate", "")]).get("tracestate").is_none());
        let long = "a".repeat(LONGEST_STATE + 1);
        assert_eq!(of(&[("traceparent", PARENT), ("tracestate", &long)]).len(), 1);
    }

    /// Section 4.3: what is longer than version 00 is read by its first 55 characters, if they end there or a `-` follows.
    #[test]
    fn a_higher_version_is_read_by_its_first_four_parts() {
        for higher in [
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        ] {
            assert_eq!(of(&[("traceparent", higher)]).get("traceparent").unwrap(), PARENT);
        }
        // The other flags mean what this version does not know.
        let flags = of(&[("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe")]);
        assert_eq!(
            flags.get("traceparent").unwrap(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        );
    }

    #[test]
    fn what_is_no_context_is_left_out() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-will-be-like",
            "cc-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(of(&[("traceparent", wrong)]).is_empty(), "{wrong}");
        }
        assert!(of(&[("traceparent", PARENT), ("traceparent", PARENT)]).is_empty(), "which of the two?");
        assert!(of(&[("tracestate", "a=b")]).is_empty());
    }
}
