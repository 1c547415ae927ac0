//! `Beginning`: how text that is no JSON begins: the two beginnings that a line and a column would not explain.

/// What a text begins with.
pub(crate) enum Beginning {
    /// It ends before anything but white space.
    Nothing,
    ByteOrderMark,
    Other,
}

impl Beginning {
    pub(crate) fn of(text: &str) -> Self {
        if text.trim_ascii().is_empty() {
            return Self::Nothing;
        }
        if text.starts_with('\u{feff}') { Self::ByteOrderMark } else { Self::Other }
    }
}
