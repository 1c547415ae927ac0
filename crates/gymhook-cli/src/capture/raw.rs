//! Reads raw HTTP/1.1, as a proxy or a log shows it, with chunked bodies.

use http::{HeaderMap, header};

use super::{Captured, header_lines};
use crate::failure::Failure;

pub(super) fn read(bytes: &[u8]) -> Result<Captured, Failure> {
    let (head, rest) = split_head(bytes);
    let mut lines = head.split(|byte| *byte == b'\n');
    let start = lines.next().unwrap_or_default();
    if !is_start_line(start) {
        return Err(Failure::usage(format!(
            "the capture begins with {:?}: raw HTTP begins with a line such as \"POST /hooks HTTP/1.1\"; give headers and body apart with --headers and --body",
            String::from_utf8_lossy(start).chars().take(40).collect::<String>()
        )));
    }
    let mut captured = Captured::default();
    header_lines(lines, &mut captured.headers)?;
    let body = body(&captured.headers, rest, &mut captured.remarks)?;
    captured.body = Some(body);
    Ok(captured)
}

/// The head, and what follows its empty line.
fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        let line = bytes.get(at..at + length).unwrap_or_default();
        if line.is_empty() || line == b"\r" {
            let (head, rest) = bytes.split_at_checked(at).unwrap_or((bytes, b""));
            return (head, rest.get(length + 1..).unwrap_or_default());
        }
        at += length + 1;
    }
    (bytes, b"")
}

fn is_start_line(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split_whitespace();
    let method = words.next().is_some_and(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    method && words.next().is_some() && words.next().is_some_and(|version| version.starts_with("HTTP/"))
}

fn body(headers: &HeaderMap, rest: &[u8], remarks: &mut Vec<String>) -> Result<Vec<u8>, Failure> {
    let coded = headers
        .get(header::TRANSFER_ENCODING)
        .is_some_and(|coding| coding.as_bytes().to_ascii_lowercase().ends_with(b"chunked"));
    if coded {
        if let Some(decoded) = unchunked(rest) {
            remarks.push("the body was chunked, and was put together again".to_owned());
            return Ok(decoded);
        }
        remarks.push("the headers say that the body is chunked, and it is not: taken as it is".to_owned());
        return Ok(rest.to_vec());
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(length), None) = (lengths.next(), lengths.next()) else {
        return Ok(rest.to_vec());
    };
    let length: usize = length.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(rest.len());
    match rest.split_at_checked(length) {
        None => {
            remarks.push(format!(
                "the body has {} bytes and Content-Length says {length}: was the capture cut, or were its line ends changed?",
                rest.len()
            ));
            Ok(rest.to_vec())
        }
        Some((_, after)) if after.split(|byte| *byte == b'\n').any(is_start_line) => {
            Err(Failure::usage("the capture holds more than one request: keep one of them in the file"))
        }
        Some((body, after)) => {
            if !after.is_empty() {
                remarks.push(format!("{} bytes behind the Content-Length were left out", after.len()));
            }
            Ok(body.to_vec())
        }
    }
}

/// What the chunks hold, if they are chunks (RFC 9112, section 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?.trim_ascii();
        let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(core::str::from_utf8(size).ok()?, 16).ok()?;
        rest = rest.get(end + 1..)?;
        if size == 0 {
            return Some(whole);
        }
        let (chunk, behind) = rest.split_at_checked(size)?;
        whole.extend_from_slice(chunk);
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(request: &[u8]) -> (Vec<u8>, usize) {
        let captured = read(request).unwrap();
        (captured.body.unwrap(), captured.remarks.len())
    }

    #[test]
    fn the_body_is_what_the_length_says() {
        assert_eq!(body_of(b"POST / HTTP/1.1\r\nA: b\r\n\r\n{}"), (b"{}".to_vec(), 0));
        assert_eq!(body_of(b"POST / HTTP/2\nContent-Length: 2\n\n{}\n"), (b"{}".to_vec(), 1));
        assert_eq!(body_of(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}"), (b"{}".to_vec(), 1));
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{\"a\r\n3\r\n\":1\r\n1\r\n}\r\n0\r\n\r\n";
        assert_eq!(body_of(chunked), (b"{\"a\":1}".to_vec(), 1));
    }

    #[test]
    fn two_requests_are_refused() {
        let two = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\nPOST / HTTP/1.1\r\n\r\n";
        assert!(read(two).unwrap_err().to_string().contains("more than one request"));
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
