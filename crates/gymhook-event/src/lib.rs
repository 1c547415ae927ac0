//! Placeholder until this package's first lines are written.
