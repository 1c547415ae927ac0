//! `Memo`: a value that is read from raw JSON when it is first requested.

use std::sync::OnceLock;

/// A value computed once from its owner's other fields; not part of the owner's value, so any two are equal.
#[derive(Clone, Debug)]
pub(crate) struct Memo<T>(OnceLock<T>);

impl<T> Memo<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&self, read: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(read)
    }
}

impl<T> PartialEq for Memo<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
