//! `Screen`: takes over the terminal, reads its keys, copies to its clipboard, and restores it, also after a panic.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write as _};
use std::panic;
use std::sync::mpsc::{Receiver, TryRecvError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::sync::mpsc as async_mpsc;

use super::keys::Effect;
use super::resender::{Told, Wish};
use super::state::State;
use super::view;
use crate::failure::Failure;
use crate::local_endpoint::{Clock, Viewed, Waiting};
use crate::output::Output;

/// How long a key may wait for what comes, and what comes for a key.
const TICK: Duration = Duration::from_millis(50);

const TOO_MANY: &str = "too many requests are on their way: wait for their answers";

/// Whether something of this process has panicked: the terminal was given back then, and is not drawn on any more.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> Result<Self, Failure> {
        // It gives the terminal back in a panic, whichever thread's.
        let terminal = ratatui::try_init()
            .map_err(|error| Failure::failed(format!("the terminal cannot be taken over: {error}")))?;
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            PANICKED.store(true, Ordering::SeqCst);
            told(panic);
        }));
        Ok(Self(terminal))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows what comes until a key, or the end of the server, ends it; then gives the terminal back.
pub(super) fn show(
    waiting: &Waiting,
    mut state: State,
    wishes: &async_mpsc::Sender<Wish>,
    told: &Receiver<Told>,
    output: &mut Output,
) -> Result<Viewed, Failure> {
    let mut screen = Screen::open()?;
    let ended = run(&mut screen.0, waiting, &mut state, wishes, told);
    drop(screen);
    let is_over = ended?;
    if let Some(command) = &state.copied {
        output.line(command)?;
    }
    Ok(Viewed { summary: state.summary, is_over })
}

/// Returns whether the person has ended it, and not Ctrl-C.
fn run(
    terminal: &mut DefaultTerminal,
    waiting: &Waiting,
    state: &mut State,
    wishes: &async_mpsc::Sender<Wish>,
    told: &Receiver<Told>,
) -> Result<bool, Failure> {
    let (mut clock, mut is_changed) = (Clock::default(), true);
    loop {
        let is_served = take(waiting, state, &mut clock, &mut is_changed);
        while let Ok(told) = told.try_recv() {
            state.tell(told);
            is_changed = true;
        }
        if PANICKED.load(Ordering::SeqCst) {
            return Err(Failure::failed("it panicked, which is a bug of gymhook: what is recorded is kept"));
        }
        if is_changed {
            draw(terminal, state)?;
            is_changed = false;
        }
        if !is_served {
            return Ok(false);
        }
        if !event::poll(TICK)? {
            continue;
        }
        is_changed = true;
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match state.press(key) {
            Some(Effect::Quit) => return Ok(true),
            Some(Effect::Interrupt) => return Ok(false),
            Some(Effect::Send(wish)) => {
                let sent = wishes.try_send(wish);
                sent.unwrap_or_else(|_| TOO_MANY.clone_into(&mut state.message));
            }
            Some(Effect::Copy(command)) => to_clipboard(&command)?,
            None => {}
        }
    }
}

/// Takes what has come. Returns whether more may come.
fn take(waiting: &Waiting, state: &mut State, clock: &mut Clock, is_changed: &mut bool) -> bool {
    waiting.count_missed(&mut state.summary);
    // Not without end: a key has to get through a flood.
    for _ in 0..1_000 {
        match waiting.requests.try_recv() {
            Ok(request) => {
                let clock = clock.text(request.at).to_owned();
                state.add(request, clock);
                *is_changed = true;
            }
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
    true
}

fn draw(terminal: &mut DefaultTerminal, state: &mut State) -> Result<(), Failure> {
    let size = terminal.size()?;
    (state.columns, state.rows) = (size.width.into(), size.height.into());
    // What shrank must not leave a scroll behind the end.
    state.scroll(0);
    terminal.draw(|frame| view::draw(state, frame))?;
    Ok(())
}

/// OSC 52: the terminal's own clipboard, also over SSH, where the terminal allows it.
fn to_clipboard(text: &str) -> io::Result<()> {
    let mut terminal = io::stdout().lock();
    write!(terminal, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
    terminal.flush()
}
