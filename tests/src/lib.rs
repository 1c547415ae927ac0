//! Tests across crates; this library holds the snippets of the project's own pages.

/// The snippets of the project's own pages, compiled and run as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../DESIGN.md")]
    mod design {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
}
