//! Requests a second: the same server with and without verification.

use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use gymhook_benches::wire::{CONNECTIONS, Requests, Sent, rate, request};
use gymhook_benches::{Outcome, Report, Rounds};
use http::HeaderMap;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::{actix, axum, contender, inbox};

pub(crate) const TASK: &str = "rates";

/// Requests a second, when it has run for so long.
type Running = Pin<Box<dyn Future<Output = Outcome<f64>>>>;

/// One of those who take turns.
struct Contender {
    name: &'static str,
    run: Box<dyn Fn(Duration) -> Running>,
}

impl Contender {
    fn over_http(name: &'static str, address: SocketAddr, requests: Requests) -> Self {
        let numbers = Arc::new(AtomicU64::new(1));
        let run = move |time| {
            let (requests, numbers) = (Arc::clone(&requests), Arc::clone(&numbers));
            let rate = async move { rate(address, &requests, &numbers, time).await };
            Box::pin(rate) as Running
        };
        Self { name, run: Box::new(run) }
    }
}

/// Prints the table.
pub(crate) async fn measure(is_quick: bool) -> Outcome<()> {
    let (fewest, time) = if is_quick { (3, 300) } else { (11, 1_000) };
    let folder = tempfile::tempdir()?;
    let axum = axum::serve(inbox::open(folder.path(), "axum").await?).await?;
    let actix = actix::serve(inbox::open(folder.path(), "actix").await?).await?;
    let alone = inbox::open(folder.path(), "alone").await?;
    let mut contenders = Vec::new();
    contenders.extend(of_server(
        [
            "axum reads the body",
            "axum, Webhook (Point)",
            "axum, Webhook (Standard Webhooks)",
            "axum, by hand around standardwebhooks",
            "axum, inbox_route on SQLite",
        ],
        axum,
    )?);
    contenders.extend(of_server(
        [
            "actix reads the body",
            "actix, Webhook (Point)",
            "actix, Webhook (Standard Webhooks)",
            "actix, by hand around standardwebhooks",
            "actix, inbox_route on SQLite",
        ],
        actix,
    )?);
    contenders.push(store_alone(&alone));

    let rounds = tokio::task::block_in_place(|| {
        Rounds::play(contenders.len(), fewest, Duration::ZERO, |contender| {
            let contender = contenders.get(contender).ok_or("no such contender")?;
            let rate = Handle::current().block_on((contender.run)(Duration::from_millis(time)))?;
            Ok(1e9 / rate)
        })
    })?;
    print(&contenders, &rounds);
    Ok(())
}

fn of_server(names: [&'static str; 5], address: SocketAddr) -> Outcome<[Contender; 5]> {
    let [read, point, standard, by_hand, inbox] = names;
    let body = contender::body();
    let fixed = |path: &str, headers: &HeaderMap| -> Outcome<Requests> {
        let bytes = request(path, headers, &body)?;
        Ok(Arc::new(move |_| bytes.clone()))
    };
    let point_headers = contender::sign(&contender::point()?, &body)?;
    let standard_headers = contender::sign(&contender::standard()?, &body)?;
    // The id and the rest of an inbox's request are made anew each time: that is the client's cost.
    let api_key = contender::sign(&contender::pg_next()?, b"")?;
    let template = request("/inbox", &api_key, &inbox::body(0))?;
    let head = template.len() - inbox::body(0).len();
    let fresh: Requests = Arc::new(move |number| {
        let mut bytes = template.clone();
        bytes.truncate(head);
        bytes.extend(inbox::body(number));
        bytes
    });
    Ok([
        Contender::over_http(read, address, fixed("/read", &standard_headers)?),
        Contender::over_http(point, address, fixed("/point", &point_headers)?),
        Contender::over_http(standard, address, fixed("/standard", &standard_headers)?),
        Contender::over_http(by_hand, address, fixed("/by-hand", &standard_headers)?),
        Contender::over_http(inbox, address, fresh),
    ])
}

/// As many callers as there are connections accept without HTTP.
fn store_alone(source: &inbox::Source) -> Contender {
    let (inbox, receiver) = (source.inbox().clone(), source.source().receiver());
    let numbers = Arc::new(AtomicU64::new(1));
    let run = move |time| {
        let (inbox, receiver, numbers) = (inbox.clone(), Arc::clone(&receiver), Arc::clone(&numbers));
        Box::pin(async move {
            let mut accepting = JoinSet::new();
            let began = Instant::now();
            for _ in 0..CONNECTIONS {
                let (inbox, receiver, numbers) = (inbox.clone(), Arc::clone(&receiver), Arc::clone(&numbers));
                accepting.spawn(async move {
                    let mut accepted = 0_u64;
                    while began.elapsed() < time {
                        let number = numbers.fetch_add(1, Ordering::Relaxed);
                        let received =
                            inbox::received(&receiver, number).map_err(|error| error.to_string())?;
                        let _new = inbox.accept(&received).await?;
                        accepted += 1;
                    }
                    Sent::Ok(accepted)
                });
            }
            let mut accepted = 0;
            while let Some(done) = accepting.join_next().await {
                accepted += done?.map_err(|error| error.to_string())?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            Ok(accepted as f64 / began.elapsed().as_secs_f64())
        }) as Running
    };
    Contender { name: ALONE, run: Box::new(run) }
}

fn print(contenders: &[Contender], rounds: &Rounds) {
    let position = |name: &str| contenders.iter().position(|one| one.name == name);
    let median_rate = |name: &str| position(name).map_or(f64::NAN, |one| rounds.rate(one));
    let mut report = Report::new(["contender", "requests/s", "ratio", "to", "goal"], [1, 2, 4]);
    for (at, contender) in contenders.iter().enumerate() {
        let server = contender.name.split([' ', ',']).next().unwrap_or_default();
        let reads = format!("{server} reads the body");
        let by_hand = format!("{server}, by hand around standardwebhooks");
        let lower = if median_rate(&reads) < median_rate(ALONE) { reads.as_str() } else { ALONE };
        let goals: Vec<(&str, f64)> = match contender.name {
            name if name.contains("Webhook (Point)") => vec![(&reads, 0.95)],
            name if name.contains("Webhook (Standard") => vec![(&reads, 0.95), (&by_hand, 1.0)],
            name if name.contains("by hand") => vec![(&reads, 0.0)],
            name if name.contains("inbox_route") => vec![(lower, 0.60)],
            _ => vec![(contender.name, 0.0)],
        };
        for (to, goal) in goals {
            let is = position(to).map_or(f64::NAN, |to| rounds.ratio_of_rates(at, to));
            let told = if goal > 0.0 { format!("{goal:.2}") } else { String::new() };
            report.add(
                [
                    contender.name.to_owned(),
                    format!("{:.0}", rounds.rate(at)),
                    format!("{is:.3}"),
                    to.to_owned(),
                    told,
                ],
                (goal > 0.0).then_some(is >= goal),
            );
        }
    }
    report.print();
}

const ALONE: &str = "the inbox alone, 64 callers";
