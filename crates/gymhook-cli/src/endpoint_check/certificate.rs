//! `not_after`: reads from the DER of a certificate when it expires, which the TLS library does not tell.

use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

/// `notAfter` of an X.509 certificate (RFC 5280, section 4.1), or nothing if it is none.
pub(super) fn not_after(der: &[u8]) -> Option<UtcDateTime> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if let Some((VERSION, _, rest)) = element(fields) {
        fields = rest;
    }
    // The serial number, the signature's algorithm and the issuer come before the validity.
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, validity, _) = element(fields)?;
    let (_, _, after) = element(validity)?;
    let (tag, text, _) = element(after)?;
    instant(tag, core::str::from_utf8(text).ok()?)
}

/// The tag, the content and what follows: definite lengths only, as DER has them.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `UTCTime` has two digits of the year, which mean 1950 to 2049; `GeneralizedTime` has four.
fn instant(tag: u8, text: &str) -> Option<UtcDateTime> {
    let full = match tag {
        0x17 => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    let rfc = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    UtcDateTime::parse(&rfc, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_in_both_of_its_forms_and_no_bytes_make_it_panic() {
        // SEQUENCE { SEQUENCE { [0] { INTEGER 2 }, INTEGER 1, SEQUENCE {}, SEQUENCE {}, SEQUENCE { a UTCTime, another } } }
        let time = |text: &str| [&[0x17, 13], text.as_bytes()].concat();
        let validity = [time("260101000000Z"), time("491231235959Z")].concat();
        let fields = [&[0xa0, 3, 2, 1, 2, 2, 1, 1, 0x30, 0, 0x30, 0, 0x30, 30][..], &validity].concat();
        let certificate = [&[0x30, 46, 0x30, 44][..], &fields].concat();
        assert_eq!(not_after(&certificate).map(crate::when::text).as_deref(), Some("2049-12-31T23:59:59Z"));
        assert_eq!(
            instant(0x18, "20510102030405Z").map(crate::when::text).as_deref(),
            Some("2051-01-02T03:04:05Z")
        );
        for at in 0..certificate.len() {
            assert_eq!(not_after(&certificate[..at]), None);
            for byte in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = certificate.clone();
                broken[at] = byte;
                let _ = not_after(&broken);
            }
        }
    }
}
