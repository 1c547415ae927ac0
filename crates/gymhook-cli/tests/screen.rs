//! The full-screen view gives the terminal back, however it ends.

#![cfg(feature = "tui")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a person waits until something is on the screen")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use core::time::Duration;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use support::{Listening, gymhook, records};

/// Enters and leaves the second screen, in xterm's own words.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// A process that does not outlive its test.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A terminal with the view on it.
struct Screen {
    child: Owned,
    keyboard: File,
    /// Kept open, so that the terminal's settings can be asked for at the end.
    terminal: OwnedFd,
    shown: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Screen {
    fn open(command: Command) -> Self {
        let (keyboard, terminal) = terminal::open(80, 10);
        let child = terminal::spawn(command, &terminal);
        let child = Owned(child);
        let (shown, reading) = terminal::read(&keyboard);
        let screen = Self { child, keyboard, terminal, shown, reading };
        screen.wait_for("nothing has come yet");
        screen
    }

    /// Waits until this has been drawn.
    fn wait_for(&self, text: &str) {
        for _ in 0..1_000 {
            if self.shown.lock().unwrap().contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{text:?} is not on the screen: {:?}", self.shown.lock().unwrap());
    }

    /// Where it listens: it prints this before the screen opens.
    fn url(&self) -> String {
        let shown = self.shown.lock().unwrap();
        shown.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// The exit status; the terminal has to be as it was.
    fn end(mut self) -> i32 {
        let status = self.child.0.wait().unwrap().code().unwrap_or(-1);
        assert!(!self.is_raw(), "the terminal does not echo");
        drop((self.terminal, self.keyboard));
        self.reading.join().unwrap();
        let shown = self.shown.lock().unwrap();
        assert!(shown.contains(ENTER), "{shown:?}");
        let behind = shown.rsplit(LEAVE).next().filter(|behind| behind.len() < shown.len());
        let behind = behind.unwrap_or_else(|| panic!("the second screen is not left: {shown:?}"));
        assert!(behind.contains(" requests: ") && !behind.contains(ENTER), "{behind:?}");
        status
    }
}

fn listening() -> Screen {
    let mut command = gymhook("canary");
    command.args(["listen", "egym", "--no-record", "--port", "0", "--tui"]).env("TERM", "xterm");
    Screen::open(command)
}

#[test]
fn a_key_ends_it() {
    let mut screen = listening();
    assert!(screen.is_raw());
    screen.keyboard.write_all(b"q").unwrap();
    assert_eq!(screen.end(), 0);
}

#[test]
fn ctrl_c_ends_it() {
    let mut screen = listening();
    screen.keyboard.write_all(b"\x03").unwrap();
    assert_eq!(screen.end(), 130);
}

#[test]
fn signals_end_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let screen = listening();
        kill_process(Pid::from_child(&screen.child.0), signal).unwrap();
        assert_eq!(screen.end(), 130);
    }
}

#[test]
fn without_a_terminal_there_is_no_screen() {
    let output =
        gymhook("canary").args(["listen", "egym", "--no-record", "--port", "0", "--tui"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--tui needs a terminal"));
}

/// What is passed on again is the same event: an application that keeps ids sees a repeat.
#[test]
fn a_request_is_sent_again_in_the_form_in_which_it_was_passed_on() {
    for (form, scheme) in [("original", "egym"), ("standard-webhooks", "standard-webhooks")] {
        const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let mut application = Listening::start(gymhook(SECRET).args(["listen", scheme, "--no-record"]));
        let mut command = gymhook(SECRET);
        command.args(["listen", "egym", "--no-record", "--port", "0", "--tui", "--as", form, "--forward"]);
        command.arg(&application.url).env("TERM", "xterm").env("GYMHOOK_FORWARD_SECRET", SECRET);
        let mut screen = Screen::open(command);
        let (status, _) = records(gymhook(SECRET).args(["--json", "send", "egym", "--to", &screen.url()]));
        let first = application.next();
        screen.wait_for("TEST = test");
        screen.keyboard.write_all(b"r").unwrap();
        let again = application.next();
        assert_eq!((status, &again["verdict"]), (0, &"accepted".into()), "{form}: {again}");
        assert_eq!(again["repeat_of"], first["id"], "{form}");
        // Only what changes is drawn: one word is drawn in one piece.
        screen.wait_for("again:");
        screen.keyboard.write_all(b"q").unwrap();
        assert_eq!(screen.end(), 0);
    }
}
