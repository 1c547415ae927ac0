//! The APIs by which one manages webhooks at a platform, as requests to send and responses to read. No I/O.
//!
//! Of the five, EGYM alone publishes one. GymPoint, PerfectGym and Point have a page in their product; PG Next takes the URL by
//! e-mail, and its events are switched on by a call of its Open API, see [`gymhook_event::pg_next`].

pub mod egym;
