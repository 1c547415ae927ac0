//! A terminal that a test looks at in place of a person.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags, open as open_file};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The person's side of a terminal, and the program's.
pub(crate) fn open(columns: u16, rows: u16) -> (File, OwnedFd) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    // Another test's child that held it would keep this one from its end.
    fcntl_setfd(&keyboard, FdFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let terminal = open_file(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(keyboard), terminal)
}

/// Starts the program at the terminal.
pub(crate) fn spawn(mut command: Command, terminal: &OwnedFd) -> Child {
    let side = || terminal.try_clone().unwrap();
    // The command holds its child's side of the terminal, too, and is dropped here.
    command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap()
}

/// What is on the screen, until the terminal's last holder is gone.
pub(crate) fn read(keyboard: &File) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let mut screen = keyboard.try_clone().unwrap();
    let shown = Arc::new(Mutex::new(String::new()));
    let reading = std::thread::spawn({
        let shown = Arc::clone(&shown);
        move || {
            let mut some = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux, and an end elsewhere.
            while let Ok(read @ 1..) = screen.read(&mut some) {
                *shown.lock().unwrap() += &String::from_utf8_lossy(&some[..read]);
            }
        }
    });
    (shown, reading)
}

/// Runs a command that ends: its exit status, and all that it printed on a terminal of this width.
pub(crate) fn run(command: Command, columns: u16) -> (i32, String) {
    let (keyboard, terminal) = open(columns, 50);
    let (shown, reading) = read(&keyboard);
    let mut child = spawn(command, &terminal);
    let status = child.wait().unwrap().code().unwrap_or(-1);
    drop((terminal, keyboard));
    reading.join().unwrap();
    let shown = shown.lock().unwrap().replace("\r\n", "\n");
    (status, shown)
}
