//! `port_holder`: finds the process that listens on a port, if the system tells.

use std::fs;

use crate::output::shown;

/// ` (process 4711, python3)`, or nothing if it cannot be found out.
pub(crate) fn port_holder(port: u16) -> String {
    find(port).map(|(process, name)| format!(" (process {process}, {})", shown(&name))).unwrap_or_default()
}

/// Linux lists sockets by their inode, and each process's files by theirs.
fn find(port: u16) -> Option<(u32, String)> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| listening(table, port))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = files
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket.as_str()));
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((id, name.trim().to_owned()));
        }
    }
    None
}

/// The inode of the socket that listens on this port: state `0A`.
fn listening(table: &str, port: u16) -> Option<String> {
    let table = fs::read_to_string(table).ok()?;
    let port = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&port) && *fields.get(3)? == "0A";
        listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}
