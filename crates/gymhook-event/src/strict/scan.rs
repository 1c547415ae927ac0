//! `is_beyond_doubt`, the quick check, for what platforms usually send: short objects, keys without escapes, little
//! nesting. One pass, no allocation.

/// The deepest nesting that is looked at here.
const MAX_DEPTH: usize = 16;
/// The most keys of all objects that are open at a time.
const MAX_KEYS: usize = 128;

/// Whether text that is known to be JSON in form certainly repeats no key in an object, is nested no deeper than the walk
/// allows, and has no half of a surrogate pair. `false` means doubt, not refusal.
pub(super) fn is_beyond_doubt(json: &[u8]) -> bool {
    Scan { bytes: json, keys: [(0, 0); MAX_KEYS], count: 0, open: [None; MAX_DEPTH], depth: 0 }
        .run()
        .is_some()
}

struct Scan<'a> {
    bytes: &'a [u8],
    /// Where the keys of all open objects begin and end, those of the innermost one last.
    keys: [(u32, u32); MAX_KEYS],
    count: usize,
    /// For each open object, the place of its first key; `None` for an array.
    open: [Option<usize>; MAX_DEPTH],
    depth: usize,
}

impl<'a> Scan<'a> {
    /// `None` as soon as there is a doubt.
    fn run(mut self) -> Option<()> {
        let mut at = 0;
        let mut awaits_key = false;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'{' => {
                    self.enter(Some(self.count))?;
                    awaits_key = true;
                }
                b'[' => {
                    self.enter(None)?;
                    awaits_key = false;
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.count = (*self.open.get(self.depth)?).unwrap_or(self.count);
                    awaits_key = false;
                }
                b',' => awaits_key = self.first_key().is_some(),
                b'"' => {
                    let is_key = core::mem::take(&mut awaits_key);
                    let length = if is_key { self.key(at + 1)? } else { value(self.bytes.get(at + 1..)?)? };
                    // Its other quote is stepped over below.
                    at += length + 1;
                }
                _ => {}
            }
            at += 1;
        }
        Some(())
    }

    fn enter(&mut self, open: Option<usize>) -> Option<()> {
        *self.open.get_mut(self.depth)? = open;
        self.depth += 1;
        Some(())
    }

    fn first_key(&self) -> Option<usize> {
        *self.open.get(self.depth.checked_sub(1)?)?
    }

    /// The length of the key that begins here, if it has no escape and is not among those of its object.
    fn key(&mut self, start: usize) -> Option<usize> {
        let string = self.bytes.get(start..)?;
        let length = quote_or_escape(string)?;
        let key = string.get(..length).filter(|_| string.get(length) == Some(&b'"'))?;
        let is_same = |(start, end): &(u32, u32)| self.bytes.get(*start as usize..*end as usize) == Some(key);
        if self.keys.get(self.first_key()?..self.count)?.iter().any(is_same) {
            return None;
        }
        *self.keys.get_mut(self.count)? = (u32::try_from(start).ok()?, u32::try_from(start + length).ok()?);
        self.count += 1;
        Some(length)
    }
}

/// The length of a string that is not a key, if every escape in it encodes a character.
fn value(string: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        length += quote_or_escape(string.get(length..)?)?;
        if string.get(length) == Some(&b'"') {
            return Some(length);
        }
        length += escape(string.get(length..)?)?;
    }
}

/// Where the first quote or backslash is: eight bytes at a time.
fn quote_or_escape(string: &[u8]) -> Option<usize> {
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const ESCAPES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    // The highest bit of each zero byte; bytes above the lowest one may be false positives.
    let zeros = |bytes: u64| bytes.wrapping_sub(0x0101_0101_0101_0101) & !bytes & 0x8080_8080_8080_8080;
    let (chunks, rest) = string.as_chunks::<8>();
    for (number, chunk) in chunks.iter().enumerate() {
        let bytes = u64::from_le_bytes(*chunk);
        let found = zeros(bytes ^ QUOTES) | zeros(bytes ^ ESCAPES);
        if found != 0 {
            return Some(8 * number + found.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(8 * chunks.len() + found)
}

/// The length of an escape, if it encodes a character.
fn escape(escape: &[u8]) -> Option<usize> {
    let Some(unit) = utf16_unit(escape) else {
        // In JSON, any other escape is one character long.
        return (escape.get(1) != Some(&b'u')).then_some(2);
    };
    match unit {
        0xD800..=0xDBFF => {
            let second = utf16_unit(escape.get(6..)?)?;
            matches!(second, 0xDC00..=0xDFFF).then_some(12)
        }
        0xDC00..=0xDFFF => None,
        _ => Some(6),
    }
}

/// The code unit of an escape like `\u00fc`. That its digits are digits has been checked with the form.
fn utf16_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}
