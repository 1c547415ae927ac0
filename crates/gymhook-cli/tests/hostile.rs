//! What a stranger may send to a listener, and what a reader may do to an output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Stdio};

use support::{Listening, gymhook, records};

const SECRET: &str = "canary-0f8fad5b-d9cb";

fn listening() -> Listening {
    Listening::start(gymhook(SECRET).args(["listen", "point", "--no-record"]))
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /hooks HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

/// An answer without its date, which is another one each second.
fn without_date(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_failed_proof_gets_the_same_bytes() {
    let mut receiver = listening();
    let tag = "86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a";
    let unproved = [
        String::new(),
        "point-signature: \r\n".to_owned(),
        format!("point-signature: t=1669056240352,v1={tag}\r\n"),
        format!("point-signature: t=1669056240352,v1={tag}\r\npoint-signature: t=1669056240352,v1={tag}\r\n"),
        format!("point-signature: t=-1,v1={tag}\r\n"),
        format!("point-signature: t=99999999999999999999,v1={tag}\r\n"),
        format!("point-signature: t=1,v1={}\r\n", &tag[..8]),
        "point-signature: v2=x\r\n".to_owned(),
        "x-api-key: canary\r\n".to_owned(),
    ];
    let answers: Vec<String> =
        unproved.iter().map(|headers| without_date(&receiver.answer_to(&post(headers, "{}")))).collect();
    assert!(answers[0].starts_with("HTTP/1.1 401"), "{}", answers[0]);
    for (headers, answer) in unproved.iter().zip(&answers) {
        assert_eq!(answer, &answers[0], "{headers}");
    }
    // The operator is told apart what the peer is not.
    let reasons: Vec<String> =
        unproved.iter().map(|_| receiver.next()["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        reasons[..4],
        ["missing-header", "malformed-header", "signature-mismatch", "duplicate-header"]
    );
}

#[test]
fn what_is_too_large_broken_or_no_post_is_answered_and_the_next_request_is_served() {
    let receiver = listening();
    let status = |request: &[u8]| receiver.answer_to(request).lines().next().unwrap_or_default().to_owned();
    let huge = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1073741824\r\n\r\n{}";
    assert_eq!(status(huge), "HTTP/1.1 413 Payload Too Large");
    let mut streamed = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        streamed.extend_from_slice(b"4000\r\n");
        streamed.extend_from_slice(&[b' '; 0x4000]);
        streamed.extend_from_slice(b"\r\n");
    }
    assert_eq!(status(&streamed), "HTTP/1.1 413 Payload Too Large");
    assert_eq!(status(&post("content-encoding: gzip\r\n", "{}")), "HTTP/1.1 415 Unsupported Media Type");
    assert_eq!(status(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(
        status(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        "HTTP/1.1 400 Bad Request"
    );
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        &[b'A'; 100_000],
        b"POST / HTTP/9.9\r\n\r\n",
    ] {
        let answer = status(garbage);
        assert!(!answer.contains("200"), "{answer}");
    }
    let many: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    assert!(!status(&post(&many, "{}")).contains("200"));
    let (sent, _) = records(gymhook(SECRET).args(["--json", "send", "point", "--to", &receiver.url]));
    assert_eq!(sent, 0, "it still serves");
    let (_, shown) = receiver.interrupt();
    let reasons: Vec<_> = shown.iter().filter_map(|record| record["reason"].as_str()).take(5).collect();
    let expected =
        ["body-too-large", "body-too-large", "content-encoding", "method-not-allowed", "malformed-request"];
    assert_eq!(reasons, expected);
}

/// Connections that send nothing hold their place and no more.
#[test]
fn silent_connections_keep_nobody_out() {
    let receiver = listening();
    let address = receiver.url.trim_start_matches("http://").to_owned();
    let _silent: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    let (status, _) = records(gymhook(SECRET).args(["--json", "send", "point", "--to", &receiver.url]));
    assert_eq!(status, 0);
}

#[test]
fn a_body_that_could_steer_a_terminal_is_shown_escaped() {
    let mut command = gymhook(SECRET);
    command
        .args(["listen", "gympoint", "--no-record", "--port", "0", "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body.json");
    std::fs::write(&body, "{\"event\":\"a\\u001b[2J\",\"data\":{\"x\":\"\\u009b31m\u{9b}31m\"}}").unwrap();
    records(gymhook(SECRET).args([
        "--json",
        "send",
        "gympoint",
        "--to",
        &url,
        "--file",
        body.to_str().unwrap(),
    ]));
    let mut shown = String::new();
    while !shown.contains("31m\\u{9b}31m") {
        line.clear();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        shown += &line;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
    // Standard output is no terminal here, so that escape sequences might be cut: they have to be shown instead.
    assert!(shown.contains("\\u{1b}[2J"), "{shown:?}");
}

#[test]
fn nothing_that_is_printed_holds_the_secret() {
    let receiver = listening();
    let mut said = String::new();
    for more in [&["--tamper", "signature"][..], &["--all"], &["--tamper", "body", "-v"]] {
        let output =
            gymhook(SECRET).args(["send", "point", "--to", &receiver.url]).args(more).output().unwrap();
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    let (_, received) = receiver.interrupt();
    said += &format!("{received:?}");
    let output = gymhook(SECRET).args(["verify", "point", "--secret", SECRET]).output().unwrap();
    said += &String::from_utf8_lossy(&output.stderr);
    let output = gymhook(SECRET).args(["verify", "point", &format!("--secret={SECRET}")]).output().unwrap();
    said += &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(SECRET), "{said}");
}

/// Tables, pages, scripts, help and objects are each written in a way of their own.
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let gymhook = env!("CARGO_BIN_EXE_gymhook");
    for arguments in [
        "--json types",
        "types",
        "providers",
        "schema --asyncapi",
        "man",
        "completions bash",
        "--help",
        "send --help",
        "--quiet sample point workout.created",
        "schedule pg-next",
    ] {
        // `true` reads nothing, and is gone before much is written; head takes its line first.
        for reader in ["head -n 1", "true"] {
            let script = format!(
                "set -o pipefail; for n in 1 2 3 4 5; do {gymhook} {arguments} | {reader} >/dev/null || exit 9; done"
            );
            let output = Command::new("bash").args(["-c", &script]).output().unwrap();
            let ended = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
            assert_eq!(ended, (Some(0), String::new()), "{arguments} | {reader}");
        }
    }
}

/// A listener whose reader is gone ends too, with the next request that it would show.
#[test]
fn a_listener_without_a_reader_ends_quietly() {
    let mut command = gymhook(SECRET);
    command.args(["listen", "egym", "--no-record", "--port", "0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    drop(out);
    let (status, _) = records(gymhook(SECRET).args(["--json", "send", "egym", "--to", &url]));
    let ended = child.wait_with_output().unwrap();
    assert_eq!(status, 0, "it was answered before it was shown");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_port_in_use_names_who_has_it() {
    let receiver = listening();
    let port = receiver.url.rsplit(':').next().unwrap();
    let output = gymhook(SECRET).args(["listen", "point", "--no-record", "--port", port]).output().unwrap();
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(problem.contains("another program listens there") && problem.contains("--port"), "{problem}");
    if cfg!(target_os = "linux") {
        assert!(problem.contains(&format!("(process {}, gymhook)", receiver.id())), "{problem}");
    }
}

#[test]
fn a_file_of_a_gibibyte_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    // Sparse: it takes no room, and would take a gibibyte of memory.
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let path = path.to_str().unwrap();
    for arguments in [
        vec!["verify", "point", "--body", path],
        vec!["verify", "point", "--request", path],
        vec!["sign", "point", "--body", path],
        vec!["verify", "point", "--secret-file", path, "--body", "Cargo.toml"],
        vec!["verify", "point", "--headers", path, "--body", "Cargo.toml"],
        vec!["send", "point", "--to", "http://127.0.0.1:1/", "--file", path],
        vec!["send", "point", "--to", "https://127.0.0.1:1/", "--ca-file", path],
        vec!["replay", path, "--to", "http://127.0.0.1:1/", "--yes"],
        vec!["vectors", path],
        vec!["subscriptions", "update", "1", "--headers-file", path],
    ] {
        // Room for the longest capture that is read, and not for the file.
        let script = "ulimit -v 786432; exec \"$0\" \"$@\"";
        let mut command = Command::new("bash");
        command.env_clear().env("GYMHOOK_SECRET", SECRET).env("GYMHOOK_API_KEY", SECRET);
        command.args(["-c", script, env!("CARGO_BIN_EXE_gymhook")]).args(&arguments);
        let output = command.output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {problem}");
        assert!(problem.contains("is it the right"), "{arguments:?} {problem}");
    }
}
