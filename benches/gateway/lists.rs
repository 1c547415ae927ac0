//! Every list of the API and of the page, with a million deliveries in the log.

use std::time::Instant;

use gymhook_benches::stats::{median, percentile};
use gymhook_benches::wire::Sent;
use gymhook_benches::{Outcome, Report};

use crate::add;
use crate::child::{Gateway, api_key};
use crate::client::{Connection, asking};
use crate::filled::Filled;
use crate::load::endpoint_id;
use crate::log_rows::{ENDPOINTS, OF_A_GYM, RARE_TYPE, TYPES, gym};

/// The task of the API's lists.
pub(crate) const API: &str = "lists of the API";
/// The task of the page's.
pub(crate) const PAGE: &str = "lists of the page";

const GOAL_MS: f64 = 150.0;

/// What is asked for, and its name in the table.
struct List {
    name: String,
    path: String,
}

/// The lists of the API.
pub(crate) async fn api(is_quick: bool, report: &mut Report) -> Outcome<()> {
    let filled = Filled::find(is_quick).await?;
    let key = api_key(&filled.file).await?;
    let gateway = Gateway::start(&filled.file).await?;
    for list in of_the_api(&filled)? {
        let request = asking("GET", &list.path, &key, "");
        ask(&gateway, API, &list, &request, is_quick, report).await?;
    }
    gateway.end().await
}

/// The lists of the page.
pub(crate) async fn page(is_quick: bool, report: &mut Report) -> Outcome<()> {
    let filled = Filled::find(is_quick).await?;
    let key = api_key(&filled.file).await?;
    let gateway = Gateway::start(&filled.file).await?;
    let cookie = sign_in(&gateway, &key).await.map_err(|error| error.to_string())?;
    for list in of_the_page(&filled)? {
        let request = format!("GET {} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n", list.path);
        ask(&gateway, PAGE, &list, request.as_bytes(), is_quick, report).await?;
    }
    gateway.end().await
}

async fn ask(
    gateway: &Gateway,
    task: &str,
    list: &List,
    request: &[u8],
    is_quick: bool,
    report: &mut Report,
) -> Outcome<()> {
    let times = if is_quick { 5 } else { 21 };
    let took = took(gateway, &list.path, request, times).await.map_err(|error| error.to_string())?;
    let (middle, worst) = (median(took.iter().copied()), percentile(took.iter().copied(), 100));
    let (middle_text, worst_text) = (format!("{middle:.1} ms"), format!("{worst:.0} ms at worst"));
    add(report, [task, &list.name, &middle_text, &worst_text, "≤ 150 ms"], Some(middle <= GOAL_MS));
    Ok(())
}

/// The milliseconds of each time.
async fn took(gateway: &Gateway, path: &str, request: &[u8], times: usize) -> Sent<Vec<f64>> {
    let mut connection = Connection::open(gateway.address).await?;
    let mut took = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        let answer = connection.exchange(request).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        if answer.status != 200 {
            return Err(format!("{path} is answered with {}: {}", answer.status, answer.head).into());
        }
    }
    Ok(took)
}

/// Each question with its name: all, a deep page, each filter with what is frequent, rare and never there, and some together.
fn questions(filled: &Filled) -> Outcome<Vec<(String, String)>> {
    let (first, last) = (gym(0), gym(ENDPOINTS - 1));
    let (busy, idle) = (endpoint_id(0), endpoint_id(ENDPOINTS - OF_A_GYM));
    let common = TYPES.first().map_or("", |(name, _)| name);
    let mut questions = vec![
        ("the first page".to_owned(), String::new()),
        ("the 200 first".to_owned(), "limit=200".to_owned()),
        ("a page in the middle".to_owned(), format!("cursor={}", filled.cursor(500))),
        ("a page at the end".to_owned(), format!("cursor={}", filled.cursor(999))),
        ("of the busiest gym".to_owned(), format!("gym={first}")),
        (
            "of the busiest gym, in the middle".to_owned(),
            format!("gym={first}&cursor={}", filled.cursor(500)),
        ),
        ("of the idlest gym".to_owned(), format!("gym={last}")),
        ("of no gym".to_owned(), "gym=nobody".to_owned()),
        ("of a busy endpoint".to_owned(), format!("endpoint={busy}")),
        ("of an idle endpoint".to_owned(), format!("endpoint={idle}")),
        ("of a frequent type".to_owned(), format!("type={common}")),
        ("of a rare type".to_owned(), format!("type={RARE_TYPE}")),
        ("of no type".to_owned(), "type=nothing.happened".to_owned()),
        ("of a rare type and the busiest gym".to_owned(), format!("type={RARE_TYPE}&gym={first}")),
        ("of a frequent kind".to_owned(), "kind=check-in".to_owned()),
        ("of a rare kind".to_owned(), "kind=payment-refunded".to_owned()),
        ("undeliverable, of the busiest gym".to_owned(), format!("state=undeliverable&gym={first}")),
        ("undeliverable, of no type".to_owned(), "state=undeliverable&type=nothing.happened".to_owned()),
        ("before the first".to_owned(), "until=2020-01-01T00:00:00Z".to_owned()),
        ("after the last".to_owned(), "from=2999-01-01T00:00:00Z".to_owned()),
        (
            "of a rare type, in the first week".to_owned(),
            format!("type={RARE_TYPE}&until={}", filled.first_week_ends()?),
        ),
    ];
    for state in
        ["waiting", "in-flight", "delivered", "undeliverable", "cancelled", "quarantined", "unreadable"]
    {
        questions.push((format!("in the state {state}"), format!("state={state}")));
    }
    Ok(questions)
}

fn of_the_api(filled: &Filled) -> Outcome<Vec<List>> {
    let first = gym(0);
    let mut lists: Vec<List> = questions(filled)?
        .into_iter()
        .map(|(name, asked)| List {
            name: format!("deliveries, {name}"),
            path: format!("/v1/deliveries?{asked}"),
        })
        .collect();
    for (name, path) in [
        ("subscriptions", "/v1/subscriptions".to_owned()),
        ("subscriptions of a gym", format!("/v1/subscriptions?gym={first}")),
        ("subscriptions of a platform", "/v1/subscriptions?platform=egym".to_owned()),
        ("a subscription", format!("/v1/subscriptions/{}", endpoint_id(0))),
        ("stats", "/v1/stats".to_owned()),
        ("stats of 31 days", "/v1/stats?window_seconds=2678400".to_owned()),
        ("stats of the busiest gym", format!("/v1/stats?gym={first}")),
        ("the last hour", "/v1/activity".to_owned()),
        ("API keys", "/v1/api-keys".to_owned()),
        ("audit", "/v1/audit".to_owned()),
    ] {
        lists.push(List { name: name.to_owned(), path });
    }
    Ok(lists)
}

fn of_the_page(filled: &Filled) -> Outcome<Vec<List>> {
    let mut lists: Vec<List> = questions(filled)?
        .into_iter()
        .filter(|(_, asked)| !asked.contains("limit="))
        .map(|(name, asked)| List {
            name: format!("deliveries, {name}"),
            path: format!("/deliveries?{asked}"),
        })
        .collect();
    for path in ["/overview", "/subscriptions", "/destinations", "/sources", "/keys"] {
        lists.push(List { name: path.to_owned(), path: path.to_owned() });
    }
    let path = format!("/subscriptions/{}", endpoint_id(0));
    lists.push(List { name: "a subscription".to_owned(), path });
    Ok(lists)
}

/// Signs in as a browser does; returns the session's cookie.
async fn sign_in(gateway: &Gateway, key: &str) -> Sent<String> {
    let mut connection = Connection::open(gateway.address).await?;
    let form = connection.exchange(b"GET /sign-in HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    let guest = cookie(&form.head, "gymhook-sign-in").ok_or("no cookie for a guest")?;
    let html = String::from_utf8(form.body)?;
    let (_, rest) = html.split_once("name=\"csrf\" value=\"").ok_or("a form without a token")?;
    let (token, _) = rest.split_once('"').ok_or("a form without a token")?;
    let body = format!("csrf={token}&key={key}&next=");
    let post = format!(
        "POST /sign-in HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncookie: {guest}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let signed_in = connection.exchange(post.as_bytes()).await?;
    let session = cookie(&signed_in.head, "gymhook-session");
    session.ok_or_else(|| format!("not signed in: {}", signed_in.head).into())
}

/// The name and the value of the cookie that is set; others may be set or removed beside it.
fn cookie(head: &str, name: &str) -> Option<String> {
    let set = head.lines().filter_map(|line| line.split_once(": "));
    let mut cookies = set.filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
    let found = cookies.find(|(_, set)| set.split('=').next() == Some(name))?;
    found.1.split(';').next().map(str::to_owned)
}
