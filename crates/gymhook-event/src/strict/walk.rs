//! `Walk`, the thorough check, which finds what is wrong and where. It has a stack of its own, so it does not recurse.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::StrictError;
use crate::json_path::{Step, joined};

/// How deep objects and arrays may be nested.
const MAX_DEPTH: usize = 128;

/// A walk over text that is known to be JSON in form.
pub(super) struct Walk<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open<'a>>,
    repeated_keys: RepeatedKeys,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RepeatedKeys {
    Allowed,
    Refused,
}

enum Open<'a> {
    Array { index: usize },
    Object { keys: BTreeSet<Cow<'a, str>>, last: Option<Cow<'a, str>>, awaits_key: bool },
}

impl<'a> Walk<'a> {
    /// Refuses text that is nested too deeply, has half of a surrogate pair, or repeats a key where that is refused.
    pub(super) fn over(text: &'a str, repeated_keys: RepeatedKeys) -> Result<(), StrictError> {
        let mut walk = Self { text, at: 0, open: Vec::new(), repeated_keys };
        while walk.step()? {}
        Ok(())
    }

    fn step(&mut self) -> Result<bool, StrictError> {
        let Some(byte) = self.text.as_bytes().get(self.at) else { return Ok(false) };
        match byte {
            b'{' => self.enter(Open::Object { keys: BTreeSet::new(), last: None, awaits_key: true })?,
            b'[' => self.enter(Open::Array { index: 0 })?,
            b'}' | b']' => {
                self.open.pop();
            }
            b',' => self.separate(),
            b'"' => return self.string().map(|()| true),
            _ => {}
        }
        self.at += 1;
        Ok(true)
    }

    fn enter(&mut self, open: Open<'a>) -> Result<(), StrictError> {
        if self.open.len() == MAX_DEPTH {
            return Err(StrictError::TooDeep { limit: MAX_DEPTH, offset: self.at });
        }
        self.open.push(open);
        Ok(())
    }

    fn separate(&mut self) {
        match self.open.last_mut() {
            Some(Open::Array { index }) => *index += 1,
            Some(Open::Object { awaits_key, .. }) => *awaits_key = true,
            None => {}
        }
    }

    fn string(&mut self) -> Result<(), StrictError> {
        let literal = self.literal();
        let Some(string) = unescape(literal) else { return Err(self.not_json()) };
        self.at += literal.len();
        let Some(Open::Object { keys, last, awaits_key }) = self.open.last_mut() else { return Ok(()) };
        if !core::mem::replace(awaits_key, false) {
            return Ok(());
        }
        let repeated = self.repeated_keys == RepeatedKeys::Refused && !keys.insert(string.clone());
        *last = Some(string);
        if repeated { Err(StrictError::RepeatedKey { path: self.path() }) } else { Ok(()) }
    }

    fn path(&self) -> String {
        joined(self.open.iter().map(|open| match open {
            Open::Array { index } => Step::Index(*index),
            Open::Object { last, .. } => Step::Key(last.as_deref().unwrap_or_default()),
        }))
    }

    /// The string that starts here, with its quotes.
    fn literal(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| match byte {
            _ if escaped => {
                escaped = false;
                false
            }
            b'\\' => {
                escaped = true;
                false
            }
            byte => byte == b'"',
        });
        end.and_then(|end| rest.get(..end + 2)).unwrap_or(rest)
    }

    fn not_json(&self) -> StrictError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        StrictError::NotJson {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: self.at - line_start + 1,
        }
    }
}

fn unescape(literal: &str) -> Option<Cow<'_, str>> {
    if literal.contains('\\') {
        return serde_json::from_str(literal).ok().map(Cow::Owned);
    }
    literal.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}
