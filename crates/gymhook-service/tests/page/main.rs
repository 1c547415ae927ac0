//! The page, asked as a browser asks.

mod hostile;
mod mounted;
mod protection;
mod rights;
mod screens;
mod session;
mod stage;
