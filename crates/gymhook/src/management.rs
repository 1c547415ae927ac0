//! The platforms' APIs for managing webhooks, as requests to send and responses to read. No I/O.
//!
//! Only EGYM publishes one. GymPoint, PerfectGym and Point have a page in their product; PG Next takes the URL by e-mail, and its
//! events are activated by a call of its Open API, see [`gymhook_event::pg_next`].

pub mod egym;
