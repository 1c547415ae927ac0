//! The full-screen view gives the terminal back, however it ends.

#![cfg(feature = "tui")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use support::gymhook;

/// Enters and leaves the second screen, in xterm's own words.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// A terminal with the view on it.
struct Screen {
    child: Child,
    keyboard: File,
    /// Kept open, so that the terminal's settings can be asked for at the end.
    terminal: OwnedFd,
    shown: JoinHandle<String>,
}

impl Screen {
    fn open(command: &mut Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 10, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let side = || terminal.try_clone().unwrap();
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let keyboard = File::from(keyboard);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let mut screen = keyboard.try_clone().unwrap();
        let shown = std::thread::spawn(move || {
            let (mut shown, mut some) = (String::new(), [0; 4096]);
            // The end of a pseudo-terminal is an error on Linux, and an end elsewhere.
            while let Ok(1..) =
                screen.read(&mut some).inspect(|read| shown += &String::from_utf8_lossy(&some[..*read]))
            {
                if shown.contains("nothing has come yet") {
                    let _ = ready.send(());
                }
            }
            shown
        });
        is_ready.recv().unwrap();
        Self { child, keyboard, terminal, shown }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// The exit status; the terminal has to be as it was.
    fn end(mut self) -> i32 {
        let status = self.child.wait().unwrap().code().unwrap_or(-1);
        assert!(!self.is_raw(), "the terminal does not echo");
        drop((self.terminal, self.keyboard));
        let shown = self.shown.join().unwrap();
        assert!(shown.contains(ENTER), "{shown:?}");
        let behind = shown.rsplit(LEAVE).next().filter(|behind| behind.len() < shown.len());
        let behind = behind.unwrap_or_else(|| panic!("the second screen is not left: {shown:?}"));
        assert!(behind.contains("0 requests: 0 accepted") && !behind.contains(ENTER), "{behind:?}");
        status
    }
}

fn listening() -> Screen {
    let mut command = gymhook("canary");
    Screen::open(command.args(["listen", "egym", "--no-record", "--port", "0", "--tui"]).env("TERM", "xterm"))
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
        kill_process(Pid::from_child(&screen.child), signal).unwrap();
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
