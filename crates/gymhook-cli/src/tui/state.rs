//! `State`, which the screen shows: the requests, the choice, the filter and the message. It reads no clock, terminal
//! or network.

use std::collections::VecDeque;

use super::details;
use super::resender::{Told, Wish};
use crate::diagnose::Hint;
use crate::local_endpoint::{Shown, Summary};
use crate::output::Tone;

/// A request in the list.
#[derive(Debug)]
pub(crate) struct Item {
    pub(super) shown: Shown,
    /// When it came, by this machine's clock.
    pub(super) clock: String,
    /// What the filter looks into, in lower case.
    text: String,
    /// What to try next; looked for when somebody looks at it.
    pub(super) hints: Option<Vec<Hint>>,
    /// What came of sending it again.
    pub(super) sent: VecDeque<String>,
}

/// What the keys mean.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    List,
    Details { scroll: usize },
    Filter,
    Address { is_signed_anew: bool },
}

/// What is on the screen, and what was typed.
#[derive(Debug)]
pub(crate) struct State {
    /// The endpoint's own URL, without a path.
    pub(super) url: String,
    pub(super) platforms: String,
    /// Whether requests are passed on, and so sent again to there.
    pub(super) has_forward: bool,
    pub(super) items: VecDeque<Item>,
    bytes: usize,
    pub(super) summary: Summary,
    chosen: Option<i64>,
    /// Whether the newest request is chosen as it comes.
    follows: bool,
    pub(super) filter: String,
    pub(super) address: String,
    pub(super) mode: Mode,
    pub(super) message: String,
    /// The command that was copied last; it is printed at the end, for a terminal without a clipboard.
    pub(super) copied: Option<String>,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// The number of requests that stay in the list; the file has more.
const MAX_ITEMS: usize = 1_000;
/// The memory that their bodies may take.
const MAX_BYTES: usize = 32 << 20;
/// Remembered of sending one again.
const MAX_SENT: usize = 10;

impl State {
    pub(crate) fn new(url: String, platforms: String, has_forward: bool) -> Self {
        Self {
            url,
            platforms,
            has_forward,
            items: VecDeque::new(),
            bytes: 0,
            summary: Summary::new(),
            chosen: None,
            follows: true,
            filter: String::new(),
            address: String::new(),
            mode: Mode::List,
            message: String::new(),
            copied: None,
            columns: 80,
            rows: 24,
        }
    }

    /// Takes a request into the list; the oldest leave it.
    pub(super) fn add(&mut self, shown: Shown, clock: String) {
        self.summary.count(&shown);
        let item = Item::new(shown, clock);
        self.bytes += item.bytes();
        if self.follows && item.fits(&self.filter) && !matches!(self.mode, Mode::Details { .. }) {
            self.chosen = Some(item.shown.id);
        }
        self.items.push_back(item);
        while self.items.len() > MAX_ITEMS || (self.bytes > MAX_BYTES && self.items.len() > 1) {
            self.bytes -= self.items.pop_front().map_or(0, |oldest| oldest.bytes());
        }
    }

    /// Takes note of what came of sending one again.
    pub(super) fn tell(&mut self, told: Told) {
        self.message = format!("request {} sent again: {}", told.id, told.what);
        if let Some(item) = self.items.iter_mut().find(|item| item.shown.id == told.id) {
            if item.sent.len() == MAX_SENT {
                item.sent.pop_front();
            }
            item.sent.push_back(told.what);
        }
    }

    /// The requests that fit the filter.
    pub(super) fn fitting(&self) -> impl DoubleEndedIterator<Item = &Item> {
        self.items.iter().filter(|item| item.fits(&self.filter))
    }

    /// The request that is chosen: the last one if the choice has left the list.
    pub(super) fn chosen(&self) -> Option<&Item> {
        let chosen = self.fitting().find(|item| Some(item.shown.id) == self.chosen);
        chosen.or_else(|| self.fitting().next_back())
    }

    /// The place of the chosen one among those that fit.
    pub(super) fn place(&self) -> usize {
        let chosen = self.chosen().map(|item| item.shown.id);
        self.fitting().position(|item| Some(item.shown.id) == chosen).unwrap_or_default()
    }

    /// Moves the choice by this many places.
    pub(super) fn step(&mut self, down: isize) {
        let last = self.fitting().count().saturating_sub(1);
        self.choose(self.place().saturating_add_signed(down).min(last));
    }

    pub(super) fn choose(&mut self, place: usize) {
        let last = self.fitting().count().saturating_sub(1);
        let chosen = self.fitting().nth(place.min(last)).map(|item| item.shown.id);
        self.chosen = chosen;
        self.follows = place >= last;
    }

    pub(super) fn scroll(&mut self, down: isize) {
        let last = self.details().len().saturating_sub(self.height());
        if let Mode::Details { scroll } = &mut self.mode {
            *scroll = scroll.saturating_add_signed(down).min(last);
        }
    }

    /// The details of the chosen request, in lines that fit the screen.
    pub(super) fn details(&self) -> Vec<details::Row> {
        self.chosen().map(|item| details::wrapped(details::rows(item), self.columns)).unwrap_or_default()
    }

    /// Of the lines of the screen, those between the title and the two at the bottom.
    pub(super) fn height(&self) -> usize {
        self.rows.saturating_sub(3)
    }

    /// The chosen request, to be sent again.
    pub(super) fn wish(&self, to: Option<String>, is_signed_anew: bool) -> Result<Wish, String> {
        let item = self.chosen().ok_or("there is no request to send again")?;
        let Some(whole) = &item.shown.whole else {
            return Err(format!(
                "the body of request {} was not read: there is nothing to send",
                item.shown.id
            ));
        };
        Ok(Wish {
            id: item.shown.id,
            at: item.shown.at,
            platform: item.shown.platform.to_owned(),
            request: whole.clone(),
            to,
            is_signed_anew,
        })
    }

    /// Whether the chosen one has not been diagnosed.
    pub(super) fn is_undiagnosed(&self) -> bool {
        self.chosen().is_some_and(|item| item.hints.is_none() && item.shown.refused.is_some())
    }

    /// Looks for what to try next, for the chosen one.
    pub(super) fn diagnose(&mut self) {
        let id = self.chosen().map(|item| item.shown.id);
        if let Some(item) = self.items.iter_mut().find(|item| Some(item.shown.id) == id) {
            item.hints = Some(item.shown.hints());
        }
    }
}

impl Item {
    fn new(shown: Shown, clock: String) -> Self {
        let text = format!(
            "{} {} {} {} {} {} {}",
            shown.id,
            shown.platform,
            shown.status,
            shown.verdict,
            shown.method,
            shown.path(),
            shown.what()
        );
        Self { shown, clock, text: text.to_lowercase(), hints: None, sent: VecDeque::new() }
    }

    fn bytes(&self) -> usize {
        self.shown.whole.as_ref().map_or(0, |whole| whole.body.len())
    }

    /// Whether every word of the filter is in it.
    fn fits(&self, filter: &str) -> bool {
        filter.split_whitespace().all(|word| self.text.contains(&word.to_lowercase()))
    }

    pub(super) fn tone(&self) -> Tone {
        self.shown.tone()
    }
}
