//! Reading an answer's body, as far as it is worth it.

use bytes::Bytes;
use gymhook::ResponseCapture;
use gymhook::send;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// The most that is read of a body; a longer one costs the connection, which is closed without reading on.
pub(super) const MOST_READ: usize = 16 * 1024;

/// Reads the body to its end or to [`MOST_READ`], and gives what the rule keeps of it; `None` for an empty body.
///
/// # Errors
/// The connection broke, or the body broke the rules of HTTP.
pub(super) async fn read(mut body: Incoming, rule: ResponseCapture) -> Result<Option<String>, hyper::Error> {
    let wanted = rule.max_characters.saturating_mul(4).min(MOST_READ);
    let mut kept = Vec::new();
    let mut read = 0_usize;
    // One that announces more than is read will not be reused either way.
    let announced = body.size_hint().lower();
    let most = if announced > MOST_READ as u64 { wanted } else { MOST_READ };
    while read < most {
        let Some(frame) = body.frame().await else { break };
        let data = frame?.into_data().unwrap_or_default();
        read = read.saturating_add(data.len());
        keep(&mut kept, &data, wanted);
    }
    // Dropping what is left of the body closes its connection.
    if kept.len() == wanted {
        drop_torn_character(&mut kept);
    }
    Ok((!kept.is_empty()).then(|| send::capture(rule, &kept)))
}

fn keep(kept: &mut Vec<u8>, data: &Bytes, wanted: usize) {
    let room = wanted.saturating_sub(kept.len());
    kept.extend_from_slice(data.get(..room).unwrap_or(data));
}

/// The cut may lie within a character; what is left of it is not the endpoint's doing.
fn drop_torn_character(kept: &mut Vec<u8>) {
    if let Err(error) = core::str::from_utf8(kept)
        && error.error_len().is_none()
    {
        kept.truncate(error.valid_up_to());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_wanted_of_any_number_of_frames() {
        let mut kept = Vec::new();
        for frame in ["abc", "", "defg", "h"] {
            keep(&mut kept, &Bytes::from(frame), 5);
        }
        assert_eq!(kept, b"abcde");
    }

    #[test]
    fn drops_half_a_character_and_nothing_else() {
        let cut = |bytes: &[u8]| {
            let mut kept = bytes.to_vec();
            drop_torn_character(&mut kept);
            kept
        };
        assert_eq!(cut("aé".as_bytes()), "aé".as_bytes());
        assert_eq!(cut(&"a€".as_bytes()[..3]), b"a");
        assert_eq!(cut(b"a\xFFb"), b"a\xFFb", "what the endpoint got wrong stays to be seen");
    }
}
