//! `fetch`: reads the due deliveries, the due test events and the commands of leased endpoints, page by page.

use std::collections::BTreeMap;

use gymhook_delivery::DeliveryId;
use time::UtcDateTime;
use tokio::try_join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row::{self, DELIVERY, Damaged, Delivery};
use gymhook_store::StoreTime;
use gymhook_store::{Command, Cursor, Fetch, Fetched, PendingCommand};

/// The maximum number of commands of one endpoint that are read at a time, the oldest first: somebody may have ordered a million
/// deliveries again.
const MOST_COMMANDS: i64 = 10_000;

/// For all endpoints at once; one row more than was asked for tells whether there is more.
fn waiting(condition: &str, order: &str) -> String {
    format!(
        "SELECT f.number, {DELIVERY}
         FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
            AS f (number, endpoint, due, seq, count)
         CROSS JOIN LATERAL (
            SELECT * FROM gymhook.deliveries d WHERE d.endpoint = f.endpoint AND d.state = 0 AND {condition}
            ORDER BY {order} LIMIT f.count + 1
         ) d
         LEFT JOIN gymhook.notifications n ON n.seq = d.seq
         ORDER BY f.number, {order}"
    )
}

/// Test events, which `deliveries_tests` finds whatever waits before them.
fn tests() -> String {
    format!(
        "SELECT f.number, {DELIVERY} FROM unnest($1::bigint[], $2::uuid[]) AS f (number, endpoint)
         CROSS JOIN LATERAL (
            SELECT * FROM gymhook.deliveries d
            WHERE d.endpoint = f.endpoint AND d.test AND d.state = 0 AND d.at <= $3 ORDER BY d.at, d.seq LIMIT 100
         ) d
         LEFT JOIN gymhook.notifications n ON n.seq = d.seq
         ORDER BY f.number, d.at, d.seq"
    )
}

const NEXT_DUE: &str = "SELECT f.number, d.at FROM unnest($1::bigint[], $2::uuid[]) AS f (number, endpoint)
    CROSS JOIN LATERAL (
        SELECT d.at FROM gymhook.deliveries d WHERE d.endpoint = f.endpoint AND d.state = 0 AND d.at > $3
        ORDER BY d.at, d.seq LIMIT 1
    ) d";

fn commands() -> String {
    format!(
        "SELECT f.number, c.number, c.name, c.delivery, {DELIVERY}
         FROM unnest($1::bigint[], $2::uuid[]) AS f (number, endpoint)
         CROSS JOIN LATERAL (
            SELECT * FROM gymhook.commands c WHERE c.endpoint = f.endpoint AND c.due <= $3 ORDER BY c.number LIMIT $4
         ) c
         LEFT JOIN gymhook.notifications n ON n.id = c.delivery
         LEFT JOIN gymhook.deliveries d ON d.seq = n.seq
         ORDER BY f.number, c.number"
    )
}

pub(super) async fn fetch(lent: Lent<'_>, wanted: &[Fetch], now: UtcDateTime) -> Result<Vec<Fetched>> {
    if wanted.is_empty() {
        lent.give_back().await?;
        return Ok(Vec::new());
    }
    let now = StoreTime::floor(now).micros();
    let by_due = Wanted::of(wanted, |fetch| !fetch.ordered);
    let by_order = Wanted::of(wanted, |fetch| fetch.ordered);
    let all = Wanted::of(wanted, |_| true);
    let (due, ordered, tests, next_due, commands) = try_join!(
        by_due.waiting(&lent, "d.at <= $6 AND (d.at, d.seq) > (f.due, f.seq)", "d.at, d.seq", Some(now)),
        by_order.waiting(&lent, "d.seq > f.seq", "d.seq", None),
        all.tests(&lent, now),
        by_due.next_due(&lent, now),
        all.commands(&lent, now),
    )?;
    let mut fetched: Vec<Fetched> = wanted.iter().map(nothing).collect();
    for read in &next_due {
        if let Some(fetched) = at(&mut fetched, read)? {
            fetched.next_due = Some(StoreTime::from_micros(read.try_get(1)?).nearest());
        }
    }
    for read in &commands {
        if let (Some(fetched), Some(command)) = (at(&mut fetched, read)?, pending(read)?) {
            fetched.commands.push(command);
        }
    }
    let mut damaged = sort_out(&mut fetched, wanted, due.iter().chain(&ordered))?;
    for read in &tests {
        let Some(fetched) = at(&mut fetched, read)? else { continue };
        let delivery = Delivery::read(read, 1)?;
        let is_known = damaged.iter().any(|known| known.seq == delivery.seq);
        match delivery.or_damaged(&mut damaged) {
            Some(record) => fetched.tests.push(record),
            None => fetched.quarantined += u64::from(!is_known),
        }
    }
    row::quarantine(&lent, &damaged).await?;
    lent.give_back().await?;
    Ok(fetched)
}

/// Fetches as arrays.
#[derive(Default)]
struct Wanted {
    numbers: Vec<i64>,
    endpoints: Vec<Uuid>,
    due: Vec<i64>,
    seqs: Vec<i64>,
    counts: Vec<i64>,
}

impl Wanted {
    fn of(all: &[Fetch], which: impl Fn(&Fetch) -> bool) -> Self {
        let mut wanted = Self::default();
        for (number, fetch) in (0..).zip(all).filter(|(_, fetch)| which(fetch)) {
            wanted.numbers.push(number);
            wanted.endpoints.push(*fetch.endpoint.as_uuid());
            wanted.due.push(fetch.after.map_or(i64::MIN, |after| StoreTime::ceil(after.due).micros()));
            let sequence = |after: Cursor| i64::try_from(after.sequence).unwrap_or(i64::MAX);
            wanted.seqs.push(fetch.after.map_or(-1, sequence));
            wanted.counts.push(i64::from(fetch.limit));
        }
        wanted
    }

    async fn waiting(
        &self,
        lent: &Lent<'_>,
        condition: &str,
        order: &str,
        now: Option<i64>,
    ) -> Result<Vec<Row>> {
        if self.numbers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = waiting(condition, order);
        let Self { numbers, endpoints, due, seqs, counts } = self;
        match now {
            Some(now) => lent.query(&sql, &[numbers, endpoints, due, seqs, counts, &now]).await,
            None => lent.query(&sql, &[numbers, endpoints, due, seqs, counts]).await,
        }
    }

    async fn tests(&self, lent: &Lent<'_>, now: i64) -> Result<Vec<Row>> {
        lent.query(&tests(), &[&self.numbers, &self.endpoints, &now]).await
    }

    async fn next_due(&self, lent: &Lent<'_>, now: i64) -> Result<Vec<Row>> {
        lent.query(NEXT_DUE, &[&self.numbers, &self.endpoints, &now]).await
    }

    async fn commands(&self, lent: &Lent<'_>, now: i64) -> Result<Vec<Row>> {
        lent.query(&commands(), &[&self.numbers, &self.endpoints, &now, &MOST_COMMANDS]).await
    }
}

fn nothing(fetch: &Fetch) -> Fetched {
    Fetched {
        endpoint: fetch.endpoint,
        deliveries: Vec::new(),
        tests: Vec::new(),
        more: None,
        next_due: None,
        commands: Vec::new(),
        quarantined: 0,
    }
}

/// What a row is for: its first column is a fetch's number.
fn at<'f>(fetched: &'f mut [Fetched], row: &Row) -> Result<Option<&'f mut Fetched>> {
    let number = usize::try_from(row.try_get::<_, i64>(0)?);
    Ok(number.ok().and_then(|number| fetched.get_mut(number)))
}

/// Gives each fetch as many deliveries as it asked for, and returns what could not be read.
fn sort_out<'r>(
    fetched: &mut [Fetched],
    wanted: &[Fetch],
    rows: impl Iterator<Item = &'r Row>,
) -> Result<Vec<Damaged>> {
    let mut damaged = Vec::new();
    let mut last: BTreeMap<i64, (u32, Option<Cursor>)> = BTreeMap::new();
    for read in rows {
        let number: i64 = read.try_get(0)?;
        let asked = usize::try_from(number).ok().and_then(|number| wanted.get(number));
        let (Some(fetched), Some(asked)) = (at(fetched, read)?, asked) else { continue };
        let (taken, cursor) = last.entry(number).or_insert((0, asked.after));
        if *taken >= asked.limit {
            fetched.more = *cursor;
            continue;
        }
        let delivery = Delivery::read(read, 1)?;
        *taken += 1;
        *cursor = Some(Cursor {
            due: StoreTime::from_micros(delivery.at).nearest(),
            sequence: row::count(delivery.seq),
        });
        match delivery.or_damaged(&mut damaged) {
            Some(record) => fetched.deliveries.push(record),
            None => fetched.quarantined += 1,
        }
    }
    Ok(damaged)
}

fn pending(read: &Row) -> Result<Option<PendingCommand>> {
    let number: i64 = read.try_get(1)?;
    let delivery = read.try_get::<_, Option<Uuid>>(3)?.map(DeliveryId::from);
    let Some(command) = Command::from_parts(read.try_get(2)?, delivery) else {
        tracing::error!(number, "a command cannot be read: it is skipped");
        return Ok(None);
    };
    let is_there = read.try_get::<_, Option<i64>>(4)?.is_some();
    let delivery = if is_there { Delivery::read(read, 4)?.record.ok() } else { None };
    Ok(Some(PendingCommand { number, command, delivery }))
}
