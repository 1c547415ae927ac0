//! The trace context of whoever publishes (W3C Trace Context): it goes along with the request of each attempt.

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
    if !is_valid(parent) {
        return DeliveryHeaders::default();
    }
    context.insert(TRACEPARENT, parent.clone());
    let mut states = headers.get_all(TRACESTATE).iter();
    if let (Some(state), None) = (states.next(), states.next())
        && state.len() <= LONGEST_STATE
    {
        let mut both = context.clone();
        both.insert(TRACESTATE, state.clone());
        if let Ok(both) = DeliveryHeaders::new(both) {
            return both;
        }
    }
    DeliveryHeaders::new(context).unwrap_or_default()
}

/// Version 00: `00-` and 32, 16 and 2 digits of lower-case hexadecimal; neither id is zero.
fn is_valid(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, digits: usize| is_hex(part, digits) && part.bytes().any(|byte| byte != b'0');
    *version == "00" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
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
        let long = "a".repeat(LONGEST_STATE + 1);
        assert_eq!(of(&[("traceparent", PARENT), ("tracestate", &long)]).len(), 1);
    }

    #[test]
    fn what_is_no_context_is_left_out() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
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
