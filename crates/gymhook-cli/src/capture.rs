//! `Captured`, a request that a person has saved: raw HTTP, what `curl -v` printed, an entry of a browser's HAR, or
//! its parts.

mod curl_transcript;
mod har;
mod raw;

use http::{HeaderMap, HeaderName, HeaderValue};
use time::UtcDateTime;

use crate::failure::Failure;

/// What was captured of a request.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) headers: HeaderMap,
    /// `None` where the form of the capture has no body.
    pub(crate) body: Option<Vec<u8>>,
    /// When the capture says that the request was sent.
    pub(crate) at: Option<UtcDateTime>,
    /// What was found odd, and what was done about it.
    pub(crate) remarks: Vec<String>,
}

/// Reads a capture in whichever form it has; `entry` counts a HAR's entries from 1.
pub(crate) fn read(bytes: &[u8], entry: Option<usize>) -> Result<Captured, Failure> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::usage("the capture is empty: was the request saved?"));
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        return har::read(bytes, entry);
    }
    if entry.is_some() {
        return Err(Failure::usage("--entry is for HAR files, and this is none: leave it out"));
    }
    if curl_transcript::is_transcript(bytes) { curl_transcript::read(bytes) } else { raw::read(bytes) }
}

/// Reads `Name: value` lines.
pub(crate) fn header_lines<'l>(
    lines: impl IntoIterator<Item = &'l [u8]>,
    headers: &mut HeaderMap,
) -> Result<(), Failure> {
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // HTTP/2's pseudo headers are no header fields.
        if line.is_empty() || line.starts_with(b":") {
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| {
            Failure::usage(format!(
                "{:?} is no header: write it as Name: value",
                String::from_utf8_lossy(line)
            ))
        })?;
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, b":"));
        append(headers, name, value.get(1..).unwrap_or_default())?;
    }
    Ok(())
}

pub(crate) fn append(headers: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), Failure> {
    let shown = String::from_utf8_lossy(name).into_owned();
    let name = HeaderName::from_bytes(name).map_err(|_| {
        Failure::usage(format!("{shown:?} is no header's name: remove spaces and other characters from it"))
    })?;
    let value = HeaderValue::from_bytes(value.trim_ascii()).map_err(|_| {
        Failure::usage(format!("the value of header {shown} has a control character: was it cut or folded?"))
    })?;
    headers
        .try_append(name, value)
        .map_err(|_| Failure::usage("there are too many headers: is it one request?"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_it_panic() {
        let seeds: [&[u8]; 5] = [
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
            b"> POST / HTTP/1.1\n> A: b\n>\n",
            b"{\"log\":{\"entries\":[]}}",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"\xff\xfe\x00",
        ];
        for seed in seeds {
            for at in 0..seed.len() {
                for byte in [0, b'\n', b'\r', b':', b' ', 0xff] {
                    let mut bytes = seed.to_vec();
                    bytes[at] = byte;
                    let _ = read(&bytes, None);
                    let _ = read(&bytes[..at], Some(at));
                }
            }
        }
    }
}
