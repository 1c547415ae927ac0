//! Reads what `curl -v` printed: the lines that begin with `> ` are the request's head.

use super::{Captured, header_lines};
use crate::failure::Failure;

pub(super) fn is_transcript(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"> ") && sent(line).windows(6).any(|six| six == b" HTTP/"))
}

pub(super) fn read(bytes: &[u8]) -> Result<Captured, Failure> {
    let sent_lines = || bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b">")).map(sent);
    let starts = sent_lines().filter(|line| line.windows(6).any(|six| six == b" HTTP/")).count();
    if starts > 1 {
        return Err(Failure::usage(format!(
            "the transcript holds {starts} requests (was a redirect followed?): keep one of them in the file"
        )));
    }
    let mut captured = Captured::default();
    header_lines(sent_lines().skip(1), &mut captured.headers)?;
    Ok(captured)
}

/// The line without curl's mark and the carriage return that it prints, too.
fn sent(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"> ").or_else(|| line.strip_prefix(b">")).unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
