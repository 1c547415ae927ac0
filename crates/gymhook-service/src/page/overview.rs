//! The overview: tiles that count, the endpoints that fail (`Ailing`), what was given up, and the last hour.

use askama::Template;
use axum::response::Html;
use gymhook_engine::store::{DeliveryQuery, State, StatsQuery};

use super::badges::{Badge, of_health};
use super::deliveries::{self, Row};
use super::failure::Failure;
use super::names::{Endpoint, name_of, path_of};
use super::plot::{self, Line, Plot};
use super::visitor::{Frame, Section, Visitor};
use super::words::{Moment, count};
use super::{render, sources};
use crate::actions::health;

/// A number with what it counts.
struct Tile {
    name: &'static str,
    value: String,
    note: &'static str,
    tone: &'static str,
    /// Paths of the page, with their words.
    links: Vec<(&'static str, &'static str)>,
}

/// A subscription or destination that is not well.
struct Ailing {
    badge: Badge,
    name: String,
    path: Option<String>,
    gym: String,
    note: Option<String>,
    failing_since: Option<Moment>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    tiles: Vec<Tile>,
    oldest_due: Option<Moment>,
    ailing: Vec<Ailing>,
    /// How many there are besides.
    others: usize,
    /// Whether there are more subscriptions than were looked at.
    is_cut: bool,
    given_up: Vec<Row>,
    hour: Option<Hour>,
    sources: Vec<sources::Row>,
}

/// What this process saw in the last hour.
struct Hour {
    plots: Vec<(&'static str, &'static str, Plot)>,
    lines: Vec<Line>,
}

/// How many that are not well are shown.
const AILING: usize = 10;
/// How many of the deliveries that were given up are shown.
const GIVEN_UP: u32 = 5;

pub(super) async fn overview(visitor: Visitor) -> Result<Html<String>, Failure> {
    let view = visitor.caller.view();
    let stats = view.stats(StatsQuery::new()).await?;
    let query = DeliveryQuery { state: Some(State::Undeliverable), ..DeliveryQuery::new(GIVEN_UP) };
    let given_up = view.deliveries(query).await?.items;
    let given_up = deliveries::rows(&visitor, given_up).await?;
    let tile = |name, value: u64, note, tone, links: &[_]| Tile {
        name,
        value: count(value),
        note,
        tone: if value == 0 { "quiet" } else { tone },
        links: links.to_vec(),
    };
    let tiles = vec![
        tile(
            "Waiting",
            stats.waiting,
            "for their next attempt",
            "waiting",
            &[("All that wait", "/deliveries?state=waiting")],
        ),
        tile(
            "In flight",
            stats.in_flight,
            "being sent now",
            "moving",
            &[("All in flight", "/deliveries?state=in-flight")],
        ),
        tile(
            "Delivered",
            stats.delivered,
            "in the last 24 h",
            "good",
            &[("All delivered so far", "/deliveries?state=delivered")],
        ),
        tile(
            "Given up",
            stats.given_up,
            "in the last 24 h",
            "bad",
            &[("All given up so far", "/deliveries?state=undeliverable")],
        ),
        tile(
            "Disabled",
            stats.disabled,
            "subscriptions and destinations",
            "bad",
            &[("Which", "/overview#ailing")],
        ),
        tile(
            "Kept apart",
            stats.quarantined + stats.unreadable,
            "damaged or unreadable",
            "warn",
            &[
                ("Quarantined", "/deliveries?state=quarantined"),
                ("Unreadable", "/deliveries?state=unreadable"),
            ],
        ),
    ];
    let health::Ailing { worst, others, is_cut } =
        health::ailing(&visitor.caller, visitor.now, AILING).await?;
    let mut ailing = Vec::with_capacity(worst.len());
    for row in worst {
        let endpoint = Endpoint::find(&visitor.caller, row.id).await?;
        let subscription = endpoint.subscription();
        ailing.push(Ailing {
            badge: Badge::of_endpoint(&row.record, visitor.now),
            name: subscription.map_or_else(|| row.id.to_string(), name_of),
            path: subscription.and_then(path_of),
            note: of_health(&row.record, visitor.now),
            failing_since: row.record.failing_since.map(|since| Moment::new(since, visitor.now)),
            gym: row.gym,
        });
    }
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
        ailing,
        others,
        is_cut,
        given_up,
        sources: if visitor.is_operator() { sources::rows(&visitor).await? } else { Vec::new() },
        hour,
    })
}
