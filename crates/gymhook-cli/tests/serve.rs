//! `gymhook serve` as a process: how it starts, what signals do to it, and that nothing acknowledged is lost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/serving.rs"]
mod serving;

use core::net::SocketAddr;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use serving::{Load, Serving, command, kept, request, source, wait_until};

#[test]
fn a_first_key_is_printed_once_and_never_logged() {
    let folder = tempfile::tempdir().unwrap();
    let first = Serving::start(folder.path(), &[]);
    let key = first.first_key.clone().unwrap();
    assert_eq!(first.get("/v1/deliveries", &format!("authorization: Bearer {key}\r\n")).status, 200);
    assert_eq!(first.get("/v1/deliveries", "").status, 401);
    assert_eq!(first.get("/healthz", "").status, 200);
    assert_eq!(first.get("/readyz", "").status, 200);
    assert_eq!(first.get("/metrics", "").status, 404, "metrics have an address of their own, or none");
    first.wait_for("serving");
    assert!(!first.log().contains(&key), "the key is in the log");
    let mode = fs::metadata(folder.path().join("gymhook.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "others may read the database");
    assert!(first.terminate().success());

    let second = Serving::start(folder.path(), &[]);
    assert_eq!(second.first_key, None);
    assert_eq!(second.get("/v1/deliveries", &format!("authorization: Bearer {key}\r\n")).status, 200);
}

#[test]
fn what_cannot_be_started_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let running = Serving::start(folder.path(), &[]);
    let said = |arguments: &[&str]| {
        let output = command(folder.path()).arg("serve").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let address = running.address.to_string();
    let (status, taken) = said(&["--listen", &address]);
    assert_eq!(status, 2, "{taken}");
    assert!(
        taken.contains("another program listens there")
            && taken.contains("choose another port with --listen"),
        "{taken}"
    );

    let free = ["--listen", "127.0.0.1:0"];
    fs::write(folder.path().join("text"), "no database, but long enough to be mistaken for one").unwrap();
    for (database, expected) in [
        ("none/gymhook.db", "name another file with --database"),
        (".", "name another file with --database"),
        ("text", "damaged"),
    ] {
        let (status, problem) = said(&[free[0], free[1], "--database", database]);
        assert_eq!(status, 1, "{problem}");
        assert!(problem.contains(expected), "{database}: {problem}");
    }
    let (status, nobody) = said(&[free[0], free[1], "--database-url", "postgres://gym@127.0.0.1:1/gym"]);
    assert_eq!(status, 1, "{nobody}");
    assert!(
        nobody.contains("the database cannot be opened") && nobody.contains("see that it runs"),
        "{nobody}"
    );
    let (status, password) = said(&["--database-url", "postgres://gym:hunter2@db/gym"]);
    assert_eq!(status, 2, "{password}");
    assert!(password.contains("set GYMHOOK_DATABASE_URL") && !password.contains("hunter2"), "{password}");
    #[cfg(not(feature = "otlp"))]
    {
        fs::write(folder.path().join("traces.toml"), "otlp_endpoint = \"http://127.0.0.1:4318\"").unwrap();
        let (status, traces) = said(&[free[0], free[1], "--config", "traces.toml"]);
        assert_eq!(status, 2, "{traces}");
        assert!(traces.contains("install it with --features otlp, or leave the key out"), "{traces}");
    }
    let (status, level) = said(&[free[0], free[1], "--config", "wrong.toml"]);
    assert_eq!(status, 2, "{level}");
    assert!(level.contains("wrong.toml: the file cannot be read"), "{level}");
}

#[test]
fn a_configuration_is_looked_at_without_starting_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gymhook.toml");
    fs::write(&file, format!("database = \"a.db\"\n{}", source("egym"))).unwrap();
    let check = || {
        let output =
            command(folder.path()).args(["serve", "--config", "gymhook.toml", "--check"]).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), text)
    };
    let (status, said) = check();
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("source egym: egym at /in/egym, 1 key"), "{said}");
    assert!(!folder.path().join("a.db").exists(), "something was started");
    // Whoever says that browsers use https has a proxy that serves it.
    for (settings, warns) in [("", true), ("https = true\n", false)] {
        fs::write(&file, format!("listen = \"0.0.0.0:8780\"\n{settings}")).unwrap();
        let (status, said) = check();
        assert_eq!((status, said.contains("plain HTTP to other machines")), (0, warns), "{said}");
    }
    fs::write(&file, "listn = \"a\"").unwrap();
    let (status, said) = check();
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("gymhook.toml:1:1: listn: there is no such key: did you mean \"listen\"?"),
        "{said}"
    );
    // What a start would refuse.
    let destination = |url: &str| {
        format!(
            "[[destinations]]\nname = \"app\"\nurl = \"{url}\"\nsecret = \"${{EGYM_KEY}}\"\nencoding = \"text\"\n"
        )
    };
    for (wrong, expected) in [
        (destination("http://10.0.0.7/hooks"), "destination \"app\": "),
        (
            "log_level = \"info,gymhook_engine=loud\"".to_owned(),
            "log_level \"info,gymhook_engine=loud\" cannot be used",
        ),
        (source("..."), "sources[0].name: \"...\" is not a valid name: a name is 1 to 64"),
    ] {
        fs::write(&file, wrong).unwrap();
        let (status, said) = check();
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(expected), "{said}");
        let started = command(folder.path()).args(["serve", "--config", "gymhook.toml"]).output().unwrap();
        let said = String::from_utf8(started.stderr).unwrap();
        assert_eq!(started.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    fs::write(&file, destination("http://127.0.0.1:3000/hooks/canary?token=canary")).unwrap();
    let (status, said) = check();
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("destination app: http://127.0.0.1:3000/hooks/canary, as cloudevents"), "{said}");
}

/// Everything that was acknowledged is there, and a server that is asked to stop answers what it has taken.
#[test]
fn a_stop_under_load_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), source("egym")).unwrap();
    let mut serving = Serving::start(folder.path(), &[]);
    let load = Load::start(serving.address, "/in/egym");
    load.reach(200);
    serving.signal(Signal::TERM);
    assert!(serving.child.wait().unwrap().success());
    let (acknowledged, failed) = load.end();
    assert!(!folder.path().join("gymhook.db-wal").exists(), "the file is not complete by itself");
    let kept = kept(&folder.path().join("gymhook.db"));
    assert!(acknowledged.iter().all(|account| kept.contains(account)), "something acknowledged is lost");
    // What was taken was answered with success; what came later found nobody.
    let is_of_nobody = |failure: &&String| failure.contains("refused") || failure.contains("reset");
    let others: Vec<_> = failed.iter().filter(|failure| !is_of_nobody(failure)).collect();
    assert!(others.is_empty(), "requests under way were not answered: {others:?}");
}

#[test]
fn a_kill_under_load_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), source("egym")).unwrap();
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut serving = Serving::start(folder.path(), &[]);
        let load = Load::start(serving.address, "/in/egym");
        load.reach(100);
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        all.extend(load.end().0);
    }
    let serving = Serving::start(folder.path(), &[]);
    assert_eq!(serving.get("/readyz", "").status, 200);
    let kept = kept(&folder.path().join("gymhook.db"));
    assert!(all.iter().all(|account| kept.contains(account)), "something acknowledged is lost");
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), source("egym")).unwrap();
    let mut serving = Serving::start(folder.path(), &[]);
    // A request whose body never comes is under way for ten seconds.
    let mut stuck = TcpStream::connect(serving.address).unwrap();
    stuck
        .write_all(b"POST /in/egym HTTP/1.1\r\nhost: a\r\nx-api-key: the key that egym sends\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut continues = [0; 12];
    stuck.read_exact(&mut continues).unwrap();
    serving.signal(Signal::INT);
    serving.wait_for("stopping");
    assert!(serving.child.try_wait().unwrap().is_none(), "it did not wait for the request");
    serving.signal(Signal::INT);
    assert_eq!(serving.child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_configuration_is_read_again_without_losing_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gymhook.toml");
    fs::write(&file, source("egym")).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    assert_eq!(serving.send("/in/second", "a").unwrap().status, 404);
    let load = Load::start(serving.address, "/in/egym");
    for round in 1..=10 {
        let second = if round % 2 == 1 { source("second") } else { String::new() };
        fs::write(&file, format!("{}{second}", source("egym"))).unwrap();
        serving.signal(Signal::HUP);
        let is_open = || serving.send("/in/second", &format!("round-{round}")).unwrap().status != 404;
        assert!(wait_until(|| is_open() == (round % 2 == 1)), "round {round} was not read");
        load.reach(round * 20);
    }
    // A wrong file changes nothing.
    fs::write(&file, format!("zebra = 1\n{}", source("third"))).unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("zebra: there is no such key");
    serving.wait_for("everything stays as it was");
    assert_eq!(serving.send("/in/third", "a").unwrap().status, 404);
    // Nor does one with a destination that nothing may be sent to.
    let inside = "[[destinations]]\nname = \"app\"\nurl = \"http://10.0.0.7/hooks\"\nsecret = \"${EGYM_KEY}\"\nencoding = \"text\"\n";
    fs::write(&file, format!("{}{}{inside}", source("egym"), source("third"))).unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("10.0.0.7");
    assert_eq!(serving.send("/in/third", "a").unwrap().status, 404);
    load.reach(300);
    let (_, failed) = load.end();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(serving.terminate().success());
}

/// What a running process cannot change is named, and no secret is.
#[test]
fn a_changed_session_secret_needs_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("sessions");
    fs::write(&secret, "first-first-first-first-first-01").unwrap();
    fs::write(folder.path().join("gymhook.toml"), "session_secret = \"file:sessions\"").unwrap();
    let serving = Serving::start(folder.path(), &[]);
    serving.signal(Signal::HUP);
    serving.wait_for("the configuration was read again");
    assert!(!serving.log().contains("session_secret"), "it was not changed: {}", serving.log());
    fs::write(&secret, "other-other-other-other-other-02").unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("\"key\":\"session_secret\"");
    assert!(serving.log().contains("needs a new start"), "{}", serving.log());
    assert!(!serving.log().contains("-first-") && !serving.log().contains("-other-"), "{}", serving.log());
    assert!(serving.terminate().success());
}

/// Whether cookies are sent over https only follows from what is served, and not from what will be after the next start.
#[test]
fn a_certificate_that_is_named_later_does_not_end_sessions_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gymhook.toml");
    fs::write(&file, "keep_days = 1").unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let cookie = || serving.get("/sign-in", "").head.to_lowercase();
    assert!(cookie().contains("set-cookie: ") && !cookie().contains("; secure"), "{}", cookie());
    certificate(folder.path(), "a");
    fs::write(&file, "tls_certificate = \"a.pem\"\ntls_key = \"a.key\"").unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("\"key\":\"tls_certificate\"");
    serving.wait_for("the configuration was read again");
    assert!(cookie().contains("set-cookie: ") && !cookie().contains("; secure"), "{}", cookie());
    // As behind a proxy.
    fs::write(&file, "https = true").unwrap();
    serving.signal(Signal::HUP);
    assert!(wait_until(|| cookie().contains("; secure")), "{}", cookie());
}

#[test]
fn metrics_are_on_an_address_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there: an attempt fails, and is recorded.
    let destination = "[[destinations]]\nname = \"app\"\nurl = \"http://127.0.0.1:9/\"\nsecret = \"${EGYM_KEY}\"\nencoding = \"text\"\n";
    let config =
        format!("metrics_listen = \"127.0.0.1:0\"\nmax_body_bytes = 2048\n{destination}{}", source("egym"));
    fs::write(folder.path().join("gymhook.toml"), config).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    assert_eq!(serving.send("/in/egym", "a").unwrap().status, 200);
    let url = serving.ready["metrics_url"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics").parse().unwrap();
    let asked = || request(address, "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    wait_until(|| asked().body.contains("gymhook_commit_seconds"));
    let metrics = asked();
    assert_eq!(metrics.status, 200);
    for expected in [
        "gymhook_ready 1",
        "gymhook_received_total{platform=\"egym\"} 1",
        "gymhook_deliveries{state=\"waiting\"}",
        // What an alert watches is there before it counts anything: otherwise its first increment is no increase.
        "gymhook_deliveries_total{change=\"undeliverable\"} 0",
        "gymhook_panics_total{place=\"worker\"} 0",
        "gymhook_store_failures_total 0",
        "gymhook_commit_seconds_bucket{le=\"+Inf\"}",
    ] {
        assert!(metrics.body.contains(expected), "{expected} is not in {}", metrics.body);
    }
    let named = |prefix: &str| -> BTreeSet<String> {
        let lines = metrics.body.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    assert_eq!(named("# HELP "), named("# TYPE "), "each metric says what it means");
    assert!(named("# TYPE ").len() > 15, "{:?}", named("# TYPE "));
    assert_eq!(serving.get("/metrics", "").status, 404);
    let long = "POST /v1/deliveries HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4096\r\n\r\n";
    assert_eq!(request(serving.address, long).unwrap().status, 413);
}

/// A copy that was made while requests came has everything that was acknowledged before it began, and can be started from.
#[test]
fn a_copy_that_was_made_under_load_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), source("egym")).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let load = Load::start(serving.address, "/in/egym");
    load.reach(100);
    let before: Vec<String> = (0..20).map(|number| format!("before-{number}")).collect();
    for account in &before {
        assert_eq!(serving.send("/in/egym", account).unwrap().status, 200);
    }
    let backup = |to: &str| command(folder.path()).args(["backup", to]).output().unwrap();
    let copied = backup("copy.db");
    assert!(copied.status.success(), "{copied:?}");
    let again = backup("copy.db");
    assert_eq!(again.status.code(), Some(2), "an existing file was overwritten");
    load.reach(200);
    let (_, failed) = load.end();
    assert!(failed.is_empty(), "the copy held requests up: {failed:?}");
    drop(serving);

    let copy = folder.path().join("copy.db");
    let kept = kept(&copy);
    assert!(before.iter().all(|account| kept.contains(account)), "the copy misses what was acknowledged");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{left:?}");

    let restored = Serving::start(folder.path(), &["--database", "copy.db"]);
    assert_eq!(restored.first_key, None, "its keys are those of before");
    assert_eq!(restored.send("/in/egym", "after").unwrap().status, 200);
}

#[test]
fn a_database_server_that_was_away_is_found_again() {
    let postgres = gymhook_test_postgres::Server::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), source("egym")).unwrap();
    let serving = Serving::start(folder.path(), &["--database-url", &postgres.url()]);
    assert_eq!(serving.send("/in/egym", "before").unwrap().status, 200);
    postgres.stop_immediately().unwrap();
    let refused = serving.send("/in/egym", "while").unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.contains("\r\nretry-after: "), "{refused:?}");
    let unready = || serving.get("/readyz", "");
    assert!(wait_until(|| unready().status == 503));
    assert!(unready().body.contains("the database is not available"), "{:?}", unready());
    assert_eq!(serving.get("/healthz", "").status, 200, "the process lives");
    postgres.start_again().unwrap();
    assert!(wait_until(|| serving.send("/in/egym", "after").is_ok_and(|answer| answer.status == 200)));
    assert!(wait_until(|| unready().status == 200));
    assert!(serving.terminate().success());
}

/// A live tail has no end of its own: nobody waits for it.
#[test]
fn a_stop_does_not_wait_for_live_tails() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gymhook.toml"), "grace_seconds = 3600").unwrap();
    let mut serving = Serving::start(folder.path(), &[]);
    let key = serving.first_key.clone().unwrap();
    let mut tail = TcpStream::connect(serving.address).unwrap();
    write!(tail, "GET /v1/tail HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n").unwrap();
    let mut head = [0; 15];
    tail.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    serving.signal(Signal::TERM);
    assert!(wait_until(|| serving.child.try_wait().unwrap().is_some()), "it waits for the tail");
    assert!(serving.child.wait().unwrap().success());
}

/// A certificate for this machine, in the files of this name.
fn certificate(folder: &Path, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// The answer of a server that proves itself with this certificate.
fn healthz(address: SocketAddr, trusted: &CertificateDer<'static>) -> Result<String, std::io::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn a_certificate_is_served_and_replaced_without_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = certificate(folder.path(), "a");
    let second = certificate(folder.path(), "b");
    let config = "tls_certificate = \"a.pem\"\ntls_key = \"a.key\"";
    fs::write(folder.path().join("gymhook.toml"), config).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    assert!(serving.ready["url"].as_str().unwrap().starts_with("https://"));
    assert!(healthz(serving.address, &first).unwrap().starts_with("HTTP/1.1 200"));
    assert!(healthz(serving.address, &second).is_err());
    // A key of another certificate is refused, and the first one stays.
    let files = |certificate: &str, key: &str| {
        fs::write(
            folder.path().join("gymhook.toml"),
            format!("tls_certificate = \"{certificate}.pem\"\ntls_key = \"{key}.key\""),
        )
        .unwrap();
        serving.signal(Signal::HUP);
    };
    files("b", "a");
    serving.wait_for("do not belong together");
    assert!(healthz(serving.address, &first).unwrap().starts_with("HTTP/1.1 200"));
    files("b", "b");
    assert!(wait_until(|| healthz(serving.address, &second).is_ok()));
    assert!(healthz(serving.address, &first).is_err());
    assert!(serving.terminate().success());
}

#[test]
fn what_is_not_in_a_file_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str], url: Option<&str>| {
        let mut command = command(folder.path());
        command.arg("backup").args(arguments).envs(url.map(|url| ("GYMHOOK_DATABASE_URL", url)));
        command.env("GYMHOOK_DATABASE", "");
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, postgres) = said(&["copy.db"], Some("postgres://gym:hunter2@db/gym"));
    assert_eq!(status, 2, "{postgres}");
    assert!(!postgres.contains("$GYMHOOK_DATABASE_URL"), "it may be a reference to a file: {postgres}");
    assert!(postgres.contains("pg_dump") && !postgres.contains("hunter2"), "{postgres}");
    // A variable that is empty is not set.
    for url in [None, Some("")] {
        let (status, none) = said(&["copy.db"], url);
        assert_eq!(status, 2, "{none}");
        assert!(none.contains("there is no gymhook.db: name the server's file with --database"), "{none}");
    }
    fs::write(folder.path().join("text"), "no database, but long enough to be mistaken for one").unwrap();
    let (status, text) = said(&["--database", "text", "copy.db"], None);
    assert_eq!(status, 1, "{text}");
    assert!(!folder.path().join("copy.db").exists());
    rusqlite::Connection::open(folder.path().join("other.db"))
        .unwrap()
        .execute_batch("CREATE TABLE a (b)")
        .unwrap();
    let (status, other) = said(&["--database", "other.db", "copy.db"], None);
    assert_eq!(status, 2, "{other}");
    assert!(other.contains("other.db is no file of \"gymhook serve\""), "{other}");
}
