//! `press`: what each key of the keyboard does in the list, the details, the filter and the address.
#![allow(clippy::wildcard_enum_match_arm, reason = "a key that means nothing does nothing")]

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::curl_command;
use super::resender::Wish;
use super::state::{Mode, State};

/// What is to be done outside of the screen.
#[derive(Debug)]
pub(super) enum Effect {
    /// The person has seen enough.
    Quit,
    /// Ctrl-C.
    Interrupt,
    Send(Wish),
    /// To the terminal's clipboard.
    Copy(String),
}

/// A longer command is too much for most terminals' clipboards.
const MAX_COPIED: usize = 64 << 10;

impl State {
    /// Takes a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Effect::Interrupt);
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return None;
        }
        let effect = match self.mode.clone() {
            Mode::List => self.press_in_list(key.code),
            Mode::Details { .. } => self.press_in_details(key.code),
            Mode::Filter => {
                self.press_in_filter(key.code);
                None
            }
            Mode::Address { is_signed_anew } => self.press_in_address(key.code, is_signed_anew),
        };
        if matches!(self.mode, Mode::Details { .. }) && self.is_undiagnosed() {
            self.diagnose();
        }
        effect
    }

    fn press_in_list(&mut self, key: KeyCode) -> Option<Effect> {
        self.message.clear();
        let page = isize::try_from(self.height()).unwrap_or(1).max(1);
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.step(page),
            KeyCode::Home | KeyCode::Char('g') => self.choose(0),
            KeyCode::End | KeyCode::Char('G') => self.choose(usize::MAX),
            KeyCode::Enter | KeyCode::Char('d') if self.chosen().is_some() => self.open(),
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Esc => self.filter.clear(),
            _ => return self.press_anywhere(key),
        }
        None
    }

    fn press_in_details(&mut self, key: KeyCode) -> Option<Effect> {
        self.message.clear();
        let page = isize::try_from(self.height()).unwrap_or(1).max(1);
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.scroll(-1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1),
            KeyCode::PageUp => self.scroll(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.scroll(isize::MAX),
            KeyCode::Char('n') => {
                self.step(1);
                self.open();
            }
            KeyCode::Char('p') => {
                self.step(-1);
                self.open();
            }
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('d') => self.mode = Mode::List,
            _ => return self.press_anywhere(key),
        }
        None
    }

    /// What a key does to the chosen request, in the list and in its details.
    fn press_anywhere(&mut self, key: KeyCode) -> Option<Effect> {
        match key {
            KeyCode::Char('q') => Some(Effect::Quit),
            KeyCode::Char('r') => self.again(false),
            KeyCode::Char('R') => self.again(true),
            KeyCode::Char('c') => self.copy(),
            _ => None,
        }
    }

    fn press_in_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char(character) => self.filter.push(character),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Enter => self.mode = Mode::List,
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::List;
            }
            _ => {}
        }
    }

    fn press_in_address(&mut self, key: KeyCode, is_signed_anew: bool) -> Option<Effect> {
        match key {
            KeyCode::Char(character) => self.address.push(character),
            KeyCode::Backspace => drop(self.address.pop()),
            KeyCode::Esc => self.mode = Mode::List,
            KeyCode::Enter => {
                self.mode = Mode::List;
                return self.send(Some(self.address.clone()), is_signed_anew);
            }
            _ => {}
        }
        None
    }

    fn open(&mut self) {
        self.mode = Mode::Details { scroll: 0 };
    }

    /// Sends to where requests are passed on, else asks for a URL first.
    fn again(&mut self, is_signed_anew: bool) -> Option<Effect> {
        if self.has_forward || self.wish(None, is_signed_anew).is_err() {
            return self.send(None, is_signed_anew);
        }
        self.mode = Mode::Address { is_signed_anew };
        None
    }

    fn send(&mut self, to: Option<String>, is_signed_anew: bool) -> Option<Effect> {
        match self.wish(to, is_signed_anew) {
            Ok(wish) => {
                self.message = format!("request {} is on its way …", wish.id);
                Some(Effect::Send(wish))
            }
            Err(problem) => {
                self.message = problem;
                None
            }
        }
    }

    fn copy(&mut self) -> Option<Effect> {
        let chosen = self.chosen()?;
        let Some(whole) = &chosen.shown.whole else {
            self.message = "its body was not read: there is nothing to copy".to_owned();
            return None;
        };
        let url = format!("{}{}", self.url, chosen.shown.path());
        let command = curl_command::command(&url, chosen.shown.platform, whole);
        self.copied = Some(command.clone());
        if command.len() > MAX_COPIED {
            self.message =
                "too long for a terminal's clipboard: the command is printed at the end".to_owned();
            return None;
        }
        self.message =
            "copied as curl, if the terminal takes it (OSC 52); it is printed at the end, too".to_owned();
        Some(Effect::Copy(command))
    }
}
