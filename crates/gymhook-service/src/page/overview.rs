//! The first screen: what waits, what fails, and the last hour.

use askama::Template;
use axum::response::Html;
use gymhook_engine::store::{DeliveryQuery, State, StatsQuery};

use super::deliveries::{self, Row};
use super::failure::Failure;
use super::plot::{self, Line, Plot};
use super::visitor::{Frame, Section, Visitor};
use super::words::{Moment, count};
use super::{render, sources};

/// A number with what it counts.
struct Tile {
    name: &'static str,
    value: String,
    note: &'static str,
    tone: &'static str,
    /// A path of the page with what was counted.
    link: &'static str,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    tiles: Vec<Tile>,
    oldest_due: Option<Moment>,
    given_up: Vec<Row>,
    hour: Option<Hour>,
    sources: Vec<sources::Row>,
}

/// What this process saw in the last hour.
struct Hour {
    plots: Vec<(&'static str, &'static str, Plot)>,
    lines: Vec<Line>,
}

/// How many of the deliveries that were given up are shown.
const GIVEN_UP: u32 = 5;

pub(super) async fn overview(visitor: Visitor) -> Result<Html<String>, Failure> {
    let view = visitor.caller.view();
    let stats = view.stats(StatsQuery::new()).await?;
    let query = DeliveryQuery { state: Some(State::Undeliverable), ..DeliveryQuery::new(GIVEN_UP) };
    let given_up = view.deliveries(query).await?.items;
    let given_up = deliveries::rows(&visitor, given_up).await?;
    let tile = |name, value: u64, note, tone, link| Tile {
        name,
        value: count(value),
        note,
        tone: if value == 0 { "quiet" } else { tone },
        link,
    };
    let tiles = vec![
        tile("Waiting", stats.waiting, "for their next attempt", "waiting", "/deliveries?state=waiting"),
        tile("In flight", stats.in_flight, "being sent now", "moving", "/deliveries?state=in-flight"),
        tile("Delivered", stats.delivered, "in the last 24 h", "good", "/deliveries?state=delivered"),
        tile("Given up", stats.given_up, "in the last 24 h", "bad", "/deliveries?state=undeliverable"),
        tile("Disabled", stats.disabled, "subscriptions and destinations", "bad", "/subscriptions"),
        tile(
            "Kept apart",
            stats.quarantined + stats.unreadable,
            "quarantined or unreadable",
            "warn",
            "/deliveries?state=unreadable",
        ),
    ];
    let hour = visitor.is_operator().then(|| {
        let hour = visitor.caller.app().activity.last_hour(visitor.now);
        Hour {
            plots: vec![
                ("received", "Received", plot::received(&hour)),
                ("sent", "Sent", plot::throughput(&hour)),
                ("took", "Time of attempts", plot::latency(&hour)),
            ],
            lines: plot::lines(&hour, visitor.now),
        }
    });
    render(&Page {
        frame: visitor.frame(Section::Overview, "Overview"),
        tiles,
        oldest_due: stats.oldest_due.map(|due| Moment::new(due, visitor.now)),
        given_up,
        sources: if visitor.is_operator() { sources::rows(&visitor).await? } else { Vec::new() },
        hour,
    })
}
