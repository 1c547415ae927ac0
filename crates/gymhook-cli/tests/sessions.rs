//! `send`, `listen`, `requests` and `replay` together: one process plays the platform, another one receives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/serving.rs"]
mod serving;
mod support;

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;
use serving::wait_until;
use support::{Listening, gymhook, interrupt, records};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PLATFORMS: [&str; 5] = ["egym", "gympoint", "perfectgym", "pg-next", "point"];

fn listening(platform: &str, more: &[&str]) -> Listening {
    let mut command = gymhook(SECRET);
    command.arg("listen").args(Some(platform).filter(|name| !name.is_empty())).args(more);
    if !more.contains(&"--record") {
        command.arg("--no-record");
    }
    Listening::start(&mut command)
}

fn send(platform: &str, listening: &Listening, more: &[&str]) -> (i32, Vec<Value>) {
    records(gymhook(SECRET).args(["--json", "send", platform, "--to", &listening.url]).args(more))
}

fn summary(records: &[Value]) -> &Value {
    let last = records.last().unwrap();
    assert_eq!(last["record"], "summary", "{last}");
    last
}

#[test]
fn every_type_of_every_platform_is_sent_and_accepted() {
    for platform in PLATFORMS {
        let (_, types) = records(gymhook("").args(["--json", "types", platform]));
        let count = types.len();
        let receiver = listening(platform, &[]);
        let (status, sent) = send(platform, &receiver, &["--all"]);
        assert_eq!((status, &summary(&sent)["delivered"]), (0, &Value::from(count)), "{platform}");
        let (status, received) = receiver.interrupt();
        assert_eq!((status, &summary(&received)["accepted"]), (130, &Value::from(count)), "{platform}");
        let of = |records: &[Value], field: fn(&Value) -> &Value| {
            let mut types: Vec<String> = records
                .iter()
                .filter(|record| record["record"] != "summary")
                .map(|record| field(record).to_string())
                .collect();
            types.sort();
            types
        };
        assert_eq!(
            of(&sent, |record| &record["type"]),
            of(&received, |record| &record["events"][0]["type"]),
            "{platform}"
        );
    }
}

#[test]
fn one_listener_takes_all_platforms_by_their_paths() {
    let mut receiver = listening("", &[]);
    for platform in PLATFORMS {
        let url = format!("{}/hooks/{platform}", receiver.url);
        let (status, _) = records(gymhook(SECRET).args(["--json", "send", platform, "--to", &url]));
        let received = receiver.next();
        assert_eq!(
            (status, &received["platform"], &received["verdict"]),
            (0, &platform.into(), &"accepted".into())
        );
    }
    assert!(
        receiver
            .answer_to(b"POST /hooks/other HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
            .starts_with("HTTP/1.1 404")
    );
}

#[test]
fn what_was_tampered_with_is_refused_wherever_the_scheme_can_tell() {
    let can_tell = [
        ("egym", vec!["signature"]),
        ("gympoint", vec!["signature", "body"]),
        ("perfectgym", vec!["signature", "id"]),
        ("pg-next", vec!["signature"]),
        ("point", vec!["signature", "body", "time"]),
    ];
    for (platform, parts) in can_tell {
        let mut receiver = listening(platform, &[]);
        for part in parts {
            let (status, sent) = send(platform, &receiver, &["--tamper", part]);
            assert_eq!((status, &summary(&sent)["undeliverable"]), (0, &Value::from(1)), "{platform} {part}");
            let received = receiver.next();
            assert_eq!(received["status"], 401, "{platform} {part}: {received}");
        }
    }
    let receiver = listening("egym", &[]);
    assert_eq!(send("egym", &receiver, &["--tamper", "time"]).0, 2, "EGYM signs no time");
    assert_eq!(send("egym", &receiver, &["--tamper", "body"]).0, 0, "EGYM's receiver cannot tell");
}

/// A receiver that verifies nothing accepts what was tampered with, and `send` reports it.
#[test]
fn a_receiver_that_does_not_verify_is_found_out() {
    let forged = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", forged.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = forged.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        std::io::Write::write_all(
            &mut stream,
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )
        .unwrap();
    });
    let (status, sent) =
        records(gymhook(SECRET).args(["--json", "send", "point", "--to", &url, "--tamper", "body"]));
    server.join().unwrap();
    assert_eq!((status, &summary(&sent)["delivered"]), (1, &Value::from(1)));
}

/// PG Next's page: ten minutes, three repeats. A six-hundredth of a minute is a tenth of a second at 6000 times the speed.
#[test]
fn retries_follow_the_platform_s_schedule_under_one_id() {
    let mut receiver = listening("pg-next", &["--fail-first", "2", "--retry-after", "1s"]);
    let (status, sent) = send("pg-next", &receiver, &["CUSTOMER_CHECKIN", "--speed", "6000x"]);
    assert_eq!(status, 0);
    let told: Vec<_> =
        sent.iter().map(|record| (&record["status"], &record["next"], &record["retry_in_ms"])).collect();
    let (ten_minutes, unavailable, retry) = (Value::from(600_000), Value::from(503), Value::from("retry"));
    assert_eq!(told[0], (&unavailable, &retry, &ten_minutes));
    assert_eq!(told[1], (&unavailable, &retry, &ten_minutes));
    assert_eq!((told[2].0, told[2].1), (&Value::from(200), &Value::from("delivered")));
    let received: Vec<Value> = (0..3).map(|_| receiver.next()).collect();
    let attempts: Vec<_> =
        received.iter().map(|record| (record["attempt"].clone(), record["rehearsed"].clone())).collect();
    assert_eq!(attempts, [(1.into(), true.into()), (2.into(), true.into()), (3.into(), false.into())]);
    assert_eq!(received[2]["repeat_of"], received[0]["id"]);
}

#[test]
fn what_receivers_get_wrong_is_rehearsed() {
    let receiver = listening("perfectgym", &[]);
    let (_, sent) = send("perfectgym", &receiver, &["Classes*", "--duplicate", "--repeat", "3", "--burst"]);
    // Four types, three times, each twice.
    assert_eq!(summary(&sent)["delivered"], 24);
    let (_, received) = receiver.interrupt();
    assert_eq!(summary(&received)["repeats"], 12);

    let mut receiver = listening("egym", &[]);
    send("egym", &receiver, &["--all", "--out-of-order", "--concurrency", "1"]);
    assert_eq!(
        receiver.next()["events"][0]["type"],
        "TEST",
        "the last of EGYM's types is the first that comes"
    );

    let (status, _) = send("egym", &receiver, &["--file", "Cargo.toml", "--no-retries"]);
    assert_eq!(status, 1, "what is no JSON is proved by its key, and answered with 400");
}

#[test]
fn a_share_of_requests_fails_when_asked() {
    let receiver = listening("egym", &["--fail-rate", "100%", "--fail-status", "500"]);
    let (status, sent) = send("egym", &receiver, &["--count", "20"]);
    assert_eq!((status, &summary(&sent)["by_answer"]["500"]), (1, &Value::from(20)));
}

#[test]
fn a_fields_value_is_set() {
    let mut receiver = listening("egym", &[]);
    send("egym", &receiver, &["GYM_CHECKIN", "--set", "accountId=a-1", "--set", "timestamp=0"]);
    let event = receiver.next()["events"][0].clone();
    assert_eq!(
        (&event["subject_id"], &event["occurred_at"]),
        (&"a-1".into(), &"1970-01-01T00:00:00Z".into())
    );
}

#[test]
fn what_is_verified_is_passed_on_as_it_came_or_as_one_kind_for_all() {
    let mut application = listening("point", &[]);
    let url = application.url.clone();
    let mut gateway = listening("point", &["--forward", &url]);
    assert_eq!(send("point", &gateway, &["workout.created"]).0, 0);
    assert_eq!(application.next()["verdict"], "accepted", "the original signature holds");
    assert_eq!(gateway.next()["forwarded"]["status"], 200);
    send("point", &gateway, &["--tamper", "signature"]);
    assert_eq!(gateway.next()["forwarded"], Value::Null, "what is refused is not passed on");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.db");
    let file = file.to_str().unwrap();
    let mut application = listening("standard-webhooks", &["--record", file]);
    let url = application.url.clone();
    let mut command = gymhook(SECRET);
    command
        .args(["listen", "--no-record", "--forward", &url, "--as", "standard-webhooks"])
        .env("GYMHOOK_FORWARD_SECRET", SECRET);
    let gateway = Listening::start(&mut command);
    for platform in PLATFORMS {
        let url = format!("{}/{platform}", gateway.url);
        let (status, _) = records(gymhook(SECRET).args(["--json", "send", platform, "--to", &url]));
        let received = application.next();
        assert_eq!((status, &received["verdict"]), (0, &"accepted".into()), "{platform}: {received}");
    }
    application.interrupt();
    let (_, first) = records(gymhook(SECRET).args(["--json", "requests", "1", "--record", file]));
    let event: Value = serde_json::from_str(first[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&event["specversion"], &event["source"], &event["type"]),
        (&"1.0".into(), &"/gymhook/egym/main".into(), &"gymhook.test".into())
    );
}

#[test]
fn what_came_while_nobody_looked_is_there_and_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.db");
    let file = file.to_str().unwrap();
    let receiver = listening("egym", &["--record", file, "--keep", "4"]);
    send("egym", &receiver, &["--all", "--concurrency", "1"]);
    receiver.interrupt();

    let (_, listed) = records(gymhook("").args(["--json", "requests", "--record", file]));
    let types: Vec<_> = listed.iter().map(|record| record["types"][0].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["EQUIPMENT_CHECKIN", "MEMBERSHIP_DELETE", "GENIUS_ONBOARDING_COMPLETED", "TEST"],
        "the first two are forgotten"
    );
    assert!(!format!("{listed:?}").contains(SECRET), "the key is not shown");
    let (_, shown) =
        records(gymhook("").args(["--json", "requests", "--record", file, "--show-secrets", "6"]));
    assert!(shown[0].to_string().contains(SECRET));
    let (status, judged) =
        records(gymhook(SECRET).args(["--json", "verify", "egym", "--recorded", "6", "--record", file]));
    assert_eq!((status, &judged[0]["events"][0]["type"]), (0, &"TEST".into()));

    let mut receiver = listening("egym", &[]);
    let url = receiver.url.clone();
    let replay = |more: &[&str]| {
        records(gymhook(SECRET).args(["--json", "replay", "--record", file, "--to", &url]).args(more))
    };
    assert_eq!(replay(&["--type", "TEST"]).0, 2, "it asks, and there is nobody to answer");
    assert_eq!(replay(&["--yes"]).0, 2, "nobody said which");
    assert_eq!(replay(&["--type", "TEST", "--dry-run"]).1[0]["request"], "6");
    let (status, sent) = replay(&["--type", "TEST", "--yes"]);
    assert_eq!((status, &summary(&sent)["delivered"]), (0, &1.into()));
    assert_eq!(receiver.next()["events"][0]["type"], "TEST", "the old key still holds");
    replay(&["6", "--yes", "--set", "type=GYM_CHECKIN", "--sign", "egym"]);
    assert_eq!(receiver.next()["events"][0]["type"], "GYM_CHECKIN");
}

#[test]
fn ctrl_c_ends_with_the_summary_and_status_130() {
    let mut receiver = listening("pg-next", &["--status", "500"]);
    let mut command = gymhook(SECRET);
    command
        .args(["--json", "send", "pg-next", "--to", &receiver.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The first attempt was answered, and the next one is ten minutes away.
    receiver.next();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    interrupt(&child);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["interrupted"], &summary["attempts"]), (&true.into(), &1.into()));
}

/// A command that is asked case by case is left where it hangs, and what it answered before counts.
#[test]
fn ctrl_c_ends_a_run_of_vectors_with_its_summary() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script = format!(
        "read -r line; echo '{{\"unsupported\":true}}'; read -r line; touch {started:?}; read -r line"
    );
    let mut command = gymhook("");
    command.args([
        "vectors",
        "tests/cmd/vectors.in/two.json",
        "--stream",
        "--timeout",
        "10m",
        "--against",
        &script,
    ]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_until(|| started.exists()), "it was not started");
    interrupt(&child);
    let ended = ended(child);
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(
        (ended.status.code(), said.as_ref()),
        (Some(130), "interrupted: 0 passed, 0 failed, 1 not supported\n")
    );
    assert!(ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Neither a command that reads nothing, so that writing to it waits, nor one that does not end keeps Ctrl-C from ending all.
#[test]
fn ctrl_c_ends_a_command_that_reads_nothing_or_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let two = std::fs::read_to_string("tests/cmd/vectors.in/two.json").unwrap();
    // Longer than what a pipe holds: "YWFh" is "aaa".
    let long =
        two.replacen(r#""body_base64": """#, &format!(r#""body_base64": "{}""#, "YWFh".repeat(100_000)), 1);
    assert_ne!(long, two);
    let vectors = folder.path().join("long.json");
    std::fs::write(&vectors, long).unwrap();
    let unsupported = "echo '{\"unsupported\":true}'";
    for (name, script, status, summary) in [
        ("deaf", "touch \"$0\"; sleep 600".to_owned(), 130, "interrupted: 0 passed, 0 failed\n"),
        (
            "endless",
            format!(
                "read -r one; {unsupported}; read -r two; {unsupported}; cat >/dev/null; touch \"$0\"; sleep 600"
            ),
            1,
            "0 passed, 0 failed, 2 not supported\n",
        ),
    ] {
        let started = folder.path().join(name);
        let against = format!("exec sh -c '{}' {started:?}", script.replace('\'', r"'\''"));
        let mut command = gymhook("");
        command.args(["vectors", "--stream", "--timeout", "10m", "--against", &against]).arg(&vectors);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert!(wait_until(|| started.exists()), "{name} was not started");
        // All that it starts has its standard error, which has no end before theirs.
        interrupt(&child);
        let ended = ended(child);
        let said = String::from_utf8_lossy(&ended.stdout);
        assert_eq!((ended.status.code(), said.as_ref()), (Some(status), summary), "{name}");
    }
}

/// What has left the command's process group is not ended with it. It is not waited for either: the second Ctrl-C ends the rest.
#[test]
fn the_second_ctrl_c_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let against =
        format!("exec setsid sh -c 'echo $$ > {0:?}.new; mv {0:?}.new {0:?}; exec sleep 600'", started);
    let mut command = gymhook("");
    command.args([
        "vectors",
        "--stream",
        "--timeout",
        "10m",
        "--against",
        &against,
        "tests/cmd/vectors.in/two.json",
    ]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_until(|| started.exists()), "it was not started");
    // Those that come while the first one is dealt with are one.
    let ends = || {
        interrupt(&child);
        child.try_wait().unwrap().is_some()
    };
    assert!(wait_until(ends), "it does not end");
    let left: i32 = std::fs::read_to_string(&started).unwrap().trim().parse().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(left).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// How it ends, with all that it started and that has its standard error.
fn ended(child: Child) -> Output {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    told.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("it does not end"))
}

/// Whoever waits for a retry keeps nobody from being sent, even where one is sent at a time.
#[test]
fn a_delivery_that_waits_for_its_retry_holds_no_place() {
    let receiver = listening("pg-next", &["--status", "500"]);
    let mut command = gymhook(SECRET);
    // A retry is ten seconds away.
    command.args(["--json", "send", "pg-next", "--to", &receiver.url, "--speed", "60x"]);
    command.args(["--count", "3", "--concurrency", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!((&record["attempt"], &record["next"]), (&1.into(), &"retry".into()), "{record}");
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// As many requests are open at a time as were asked for: a receiver that waits for a fourth has three.
#[test]
fn as_many_are_sent_at_a_time_as_asked_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // How many are open, and the most that ever were.
    let counts = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    std::thread::spawn({
        let counts = Arc::clone(&counts);
        move || {
            for stream in listener.incoming() {
                let (mut stream, counts) = (stream.unwrap(), Arc::clone(&counts));
                std::thread::spawn(move || {
                    let _ = stream.read(&mut [0; 8_192]);
                    let (counts, changed) = &*counts;
                    let mut seen = counts.lock().unwrap();
                    seen.0 += 1;
                    seen.1 = seen.0.max(seen.1);
                    changed.notify_all();
                    let wait = Duration::from_millis(100);
                    seen = changed.wait_timeout_while(seen, wait, |(open, _)| *open < 4).unwrap().0;
                    seen.0 -= 1;
                    drop(seen);
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
                });
            }
        }
    });
    let mut command = gymhook(SECRET);
    command.args(["--json", "send", "egym", "--to", &url, "--count", "12", "--concurrency", "3"]);
    let (status, sent) = records(&mut command);
    assert_eq!((status, &summary(&sent)["delivered"]), (0, &12.into()));
    assert_eq!(counts.0.lock().unwrap().1, 3);
}

/// A port where nobody listens is no public address.
#[test]
fn a_refused_connection_is_a_fault_of_the_endpoint() {
    let (status, sent) =
        records(gymhook(SECRET).args(["--json", "send", "egym", "--to", "http://localhost:1/"]));
    assert_eq!((status, &sent[0]["next"]), (1, &"undeliverable".into()));
    assert_eq!(summary(&sent)["by_answer"]["connect"], 1);
}

/// Each counts what it records by itself: a second one would overwrite the first one's requests.
#[test]
fn a_second_listener_does_not_record_into_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.db");
    let file = file.to_str().unwrap();
    let first = listening("gympoint", &["--record", file]);
    let second = gymhook(SECRET).args(["listen", "point", "--port", "0", "--record", file]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another gymhook listen records there"), "{said}");
    drop(first);
}
