//! `draw`: draws the title, the list or a request's details, a message, and the line of keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::details::{self, cut};
use super::state::{Item, Mode, State};
use crate::output::{Tone, shown};

const KEYS_OF_LIST: &str = "q end  ↑↓ choose  Enter details  / filter  r again  R signed anew  c curl";
const KEYS_OF_DETAILS: &str =
    "q end  Esc back  ↑↓ scroll  n next  p previous  r again  R signed anew  c curl";
const KEYS_OF_FILTER: &str = "words that all have to be there  Enter keep  Esc clear";
const KEYS_OF_ADDRESS: &str = "where the request is sent to  Enter send  Esc cancel";

pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    let middle = match state.mode {
        Mode::Details { scroll } => detail_lines(state, scroll),
        Mode::List | Mode::Filter | Mode::Address { .. } => list_lines(state),
    };
    let (message, keys) = bottom(state);
    let mut lines = vec![Line::styled(title(state), style(Tone::Strong))];
    lines.extend(middle);
    lines.resize(state.height() + 1, Line::default());
    lines.push(Line::from(cut(&message, state.columns)));
    lines.push(Line::styled(cut(keys, state.columns), style(Tone::Faint)));
    // On a screen of less than three lines the title goes first, and the keys last.
    let left_out = lines.len().saturating_sub(state.rows);
    for (y, line) in (area.top()..area.bottom()).zip(lines.into_iter().skip(left_out)) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn title(state: &State) -> String {
    let counts = format!("{} requests, {} refused", state.summary.requests, state.summary.refused);
    let left = match (&state.mode, state.chosen()) {
        (Mode::Details { .. }, Some(item)) => {
            format!("request {}  {}  {}", item.shown.id, item.clock, item.shown.platform)
        }
        _ => format!("{} for {}", state.url, state.platforms),
    };
    let room = state.columns.saturating_sub(counts.chars().count() + 2);
    let left = cut(&left, room.max(1));
    cut(&format!("{left:<room$}  {counts}"), state.columns)
}

fn list_lines(state: &State) -> Vec<Line<'static>> {
    let fitting = state.fitting().count();
    if fitting == 0 {
        let words =
            if state.items.is_empty() { "nothing has come yet" } else { "no request fits the filter" };
        return vec![Line::styled(cut(words, state.columns), style(Tone::Faint))];
    }
    let (height, place) = (state.height().max(1), state.place());
    // The chosen one is on the screen, and the screen is full where there are enough.
    let first = place.saturating_sub(height / 2).min(fitting.saturating_sub(height));
    let rows = state.fitting().enumerate().skip(first).take(height);
    rows.map(|(at, item)| list_line(item, at == place, state.columns)).collect()
}

fn list_line(item: &Item, is_chosen: bool, columns: usize) -> Line<'static> {
    let request = &item.shown;
    let mark = if is_chosen { ">" } else { " " };
    let before = format!("{mark}{:>5}  {}  ", request.id, item.clock);
    let status = request.status.to_string();
    let repeat = request.repetition().map(|words| format!(" ({words})")).unwrap_or_default();
    let rehearsed = if request.rehearsed { " (rehearsed)" } else { "" };
    let passed_on = request.passed_on().map(|words| format!(" {words}")).unwrap_or_default();
    let behind = format!("  {:<10}  {}{repeat}{rehearsed}{passed_on}", request.platform, request.what());
    let before = cut(&before, columns);
    let status = cut(&status, columns.saturating_sub(before.chars().count()));
    let room = columns.saturating_sub(before.chars().count() + status.chars().count());
    let behind = if room == 0 { String::new() } else { cut(&behind, room) };
    let line =
        Line::from(vec![Span::raw(before), Span::styled(status, style(item.tone())), Span::raw(behind)]);
    if is_chosen { line.patch_style(Modifier::REVERSED) } else { line }
}

fn detail_lines(state: &State, scroll: usize) -> Vec<Line<'static>> {
    let rows = state.details().into_iter().skip(scroll).take(state.height());
    rows.map(|details::Row { tone, text }| match tone {
        Some(tone) => Line::styled(text, style(tone)),
        None => Line::from(text),
    })
    .collect()
}

/// The last two lines: what was said or is typed, and the keys.
fn bottom(state: &State) -> (String, &'static str) {
    match state.mode {
        Mode::Filter => (typed("filter: ", &state.filter, state.columns), KEYS_OF_FILTER),
        Mode::Address { .. } => (typed("send to: ", &state.address, state.columns), KEYS_OF_ADDRESS),
        Mode::Details { .. } => (shown(&state.message).into_owned(), KEYS_OF_DETAILS),
        Mode::List if state.message.is_empty() && !state.filter.is_empty() => {
            let (fitting, all) = (state.fitting().count(), state.items.len());
            (
                format!("{fitting} of {all} fit the filter {:?}; Esc clears it", shown(&state.filter)),
                KEYS_OF_LIST,
            )
        }
        Mode::List => (shown(&state.message).into_owned(), KEYS_OF_LIST),
    }
}

/// The end of what is typed is what has to be seen.
fn typed(before: &str, text: &str, columns: usize) -> String {
    let text = shown(text);
    let room = columns.saturating_sub(before.len() + 1);
    let left_out = text.chars().count().saturating_sub(room);
    format!("{before}{}_", text.chars().skip(left_out).collect::<String>())
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Warning => Style::new().fg(Color::Yellow),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
    }
}
