//! The configuration file: what it says, what is refused, and that the example in `deploy` has every key.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gymhook::event::Kind;
use gymhook_service::{Config, ConfigError, DatabasePlace, Form, LogFormat};
use time::macros::utc_datetime;

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const WHSEC_NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn variables() -> Vec<(String, String)> {
    let pairs = [
        ("EGYM_BERLIN", "8c1f6d9b-7a52-berlin"),
        ("APP_SECRET", WHSEC),
        ("APP_SECRET_NEW", WHSEC_NEW),
        ("GYMHOOK_SESSIONS", "0123456789abcdef0123456789abcdef"),
        ("DATABASE", "postgres://gym:hunter2@db/gym"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, "gymhook.toml", variables())
}

fn with_variables(text: &str, more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "gymhook.toml", variables().into_iter().chain(more))
}

fn refused(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn without_a_file_everything_has_a_default() {
    let config = parse("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8780");
    assert_eq!(config.database, DatabasePlace::File("gymhook.db".into()));
    assert_eq!((config.tls, config.metrics_listen, config.log_format), (None, None, None));
    assert_eq!(config.settings.keep, Some(Duration::from_secs(30 * 86_400)));
    assert!(config.settings.sources.is_empty() && config.settings.destinations.is_empty());
    assert!(!config.settings.https);
}

#[test]
fn what_is_written_is_what_is_started() {
    let config = parse(
        r#"
        listen = "0.0.0.0:443"
        tls_certificate = "full.pem"
        tls_key = "key.pem"
        keep_days = 0
        log_format = "json"
        [[sources]]
        name = "egym"
        platform = "egym"
        path = "/hooks/egym"
        [[sources.keys]]
        id = "berlin-2026-06"
        studio = "berlin"
        secret = "${EGYM_BERLIN}"
        from = 2026-06-01T02:00:00+02:00
        until = "2027-06-01T00:00:00Z"
        [[destinations]]
        name = "app"
        url = "http://127.0.0.1:3000/webhooks"
        secrets = ["${APP_SECRET}", "${APP_SECRET_NEW}"]
        form = "original"
        sources = ["egym"]
        studios = ["berlin"]
        kinds = ["check-in"]
        retry_delays = ["30s", "1h30m"]
        attempt_timeout = "5s"
        [[destinations]]
        name = "other"
        url = "http://127.0.0.1:3000/other"
        secret = "${APP_SECRET}"
        retry_exponential = "1m, 4, 1h, 4"
        "#,
    )
    .unwrap();
    assert!(config.settings.https, "TLS is served");
    assert_eq!((config.settings.keep, config.log_format), (None, Some(LogFormat::Json)));
    let [source] = config.settings.sources.as_slice() else { panic!("one source") };
    assert_eq!((source.name.as_str(), source.path.as_str()), ("egym", "/hooks/egym"));
    let keys: Vec<_> = source.receiver.verifier().keyring().keys().collect();
    let [key] = keys.as_slice() else { panic!("one key") };
    assert_eq!((key.id().as_str(), key.tenant().as_str()), ("berlin-2026-06", "berlin"));
    assert_eq!(key.secret().expose_secret(), b"8c1f6d9b-7a52-berlin");
    assert_eq!(key.not_before(), Some(utc_datetime!(2026-06-01 00:00)));
    assert_eq!(key.not_after(), Some(utc_datetime!(2027-06-01 00:00)));
    let [destination, other] = config.settings.destinations.as_slice() else { panic!("two destinations") };
    let seconds = |delays: &[Duration]| delays.iter().map(Duration::as_secs).collect::<Vec<_>>();
    assert_eq!(destination.retry_delays.as_deref().map(seconds), Some(vec![30, 5_400]));
    assert_eq!(destination.attempt_timeout, Some(Duration::from_secs(5)));
    assert_eq!(other.retry_delays.as_deref().map(seconds), Some(vec![60, 240, 960, 3_600]));
    assert_eq!((other.form, other.attempt_timeout), (Form::CloudEvents, None));
    assert_eq!((destination.form, destination.keys.len()), (Form::Original, 2));
    assert_eq!(
        (destination.sources.as_slice(), destination.studios.as_slice()),
        (["egym".to_owned()].as_slice(), ["berlin".to_owned()].as_slice())
    );
    assert_eq!(destination.kinds, [Kind::CheckIn]);
}

#[test]
fn a_variable_overrides_the_file() {
    let file = "listen = \"127.0.0.1:1\"\ndatabase = \"file.db\"\ngrace_seconds = 1\nhttps = false";
    let config = with_variables(
        file,
        &[
            ("GYMHOOK_LISTEN", "127.0.0.1:2"),
            ("GYMHOOK_DATABASE_URL", "postgres://gym:hunter2@db/gym"),
            ("GYMHOOK_GRACE_SECONDS", "7"),
            ("GYMHOOK_HTTPS", "true"),
            ("GYMHOOK_SUBSCRIBER_NETWORKS", "10.0.0.0/8, 192.168.0.0/16"),
        ],
    )
    .unwrap();
    assert_eq!((config.listen.port(), config.settings.grace), (2, Duration::from_secs(7)));
    assert_eq!(config.database, DatabasePlace::Url("postgres://gym:hunter2@db/gym".to_owned()));
    assert!(config.settings.https);
    assert_eq!(config.settings.subscriber_networks.len(), 2);
    assert!(!format!("{config:?}").contains("hunter2"), "a password is not shown");

    let wrong = with_variables("", &[("GYMHOOK_GRACE_SECONDS", "soon")]).unwrap_err().to_string();
    assert_eq!(
        wrong,
        "environment variable GYMHOOK_GRACE_SECONDS: grace_seconds: write a whole number from 0 to 3600"
    );
}

#[test]
fn secrets_come_from_files_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("egym.key"), "from a file\n").unwrap();
    let file = folder.path().join("gymhook.toml");
    let text = "[[sources]]\nname = \"a\"\nplatform = \"egym\"\n[[sources.keys]]\nid = \"k\"\nsecret = \"file:egym.key\"";
    fs::write(&file, format!("database = \"data/gymhook.db\"\n{text}")).unwrap();
    let config = Config::load(Some(&file)).unwrap();
    let keyring = config.settings.sources[0].receiver.verifier().keyring();
    assert_eq!(keyring.keys().next().unwrap().secret().expose_secret(), b"from a file");
    assert_eq!(config.database, DatabasePlace::File(folder.path().join("data/gymhook.db")));

    let missing = Config::load(Some(&folder.path().join("none.toml"))).unwrap_err().to_string();
    assert!(missing.contains("none.toml: the file cannot be read"), "{missing}");
}

/// Each mistake with its place, its key, and what to do.
#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let source = |lines: &str| {
        format!(
            "[[sources]]\nname = \"a\"\nplatform = \"egym\"\n[[sources.keys]]\nid = \"k\"\nsecret = \"${{EGYM_BERLIN}}\"\n{lines}"
        )
    };
    let destination =
        |lines: &str| format!("[[destinations]]\nname = \"d\"\nurl = \"https://a.example/\"\n{lines}");
    let cases: [(String, &str); 57] = [
        ("listn = \"a\"".into(), "gymhook.toml:1:1: listn: there is no such key: did you mean \"listen\"?"),
        ("\n  zebra = 1".into(), "gymhook.toml:2:3: zebra: there is no such key: known are listen, "),
        ("listen = ".into(), "gymhook.toml:1:10: this is not TOML: "),
        ("listen = 8780".into(), "gymhook.toml:1:1: listen: write it as a text in quotation marks"),
        ("listen = \"\"".into(), "listen: this is empty: leave it out, or fill it"),
        (
            "listen = \"8780\"".into(),
            "listen: \"8780\" cannot be used: write an address of this machine with a port",
        ),
        (
            "listen = \"127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:1\"".into(),
            "metrics_listen: this is the address of the service itself",
        ),
        ("keep_days = -1".into(), "keep_days: write a whole number from 0 to 36500"),
        ("keep_days = 1.5".into(), "keep_days: write a whole number from 0 to 36500"),
        ("keep_days = \"30\"".into(), "keep_days: write a whole number from 0 to 36500"),
        ("keep_days = 99999999999999999999".into(), "keep_days: write a whole number from 0 to 36500"),
        ("requests_per_minute = 0".into(), "requests_per_minute: write a whole number from 1 to 1000000"),
        ("https = \"yes\"".into(), "https: write true or false"),
        ("log_format = \"jsn\"".into(), "log_format: \"jsn\" is unknown: did you mean \"json\"?"),
        ("tls_key = \"a\"".into(), "tls_key: tls_certificate is missing: name the certificate's file, too"),
        (
            "tls_certificate = \"a\"".into(),
            "tls_certificate: tls_key is missing: name the private key's file, too",
        ),
        (
            "database = \"a\"\ndatabase_url = \"postgres://a/b\"".into(),
            "gymhook.toml:2:1: database_url: database and database_url exclude one another",
        ),
        (
            "database_url = \"postgres://gym:hunter2@db/gym\"".into(),
            "database_url: a password does not belong in this file",
        ),
        (
            "database_url = \"host=db password=hunter2\"".into(),
            "database_url: a password does not belong in this file",
        ),
        ("database_url = \"${NOT_SET}\"".into(), "database_url: environment variable NOT_SET is not set"),
        (
            "destination_networks = [\"10.0.0.0/33\"]".into(),
            "destination_networks: \"10.0.0.0/33\" is not a valid network: write it as 10.0.0.0/8",
        ),
        ("destination_networks = \"10.0.0.0/8\"".into(), "destination_networks: write a list of texts"),
        (
            "session_secret = \"literal-literal-literal-literal-1\"".into(),
            "session_secret: a secret does not belong in this file",
        ),
        (
            "otlp_endpoint = \"http://me:hunter2@otel.example\"".into(),
            "otlp_endpoint: write the collector's URL as http://127.0.0.1:4318",
        ),
        (
            "otlp_endpoint = \"http://otel.example/?key=hunter2\"".into(),
            "otlp_endpoint: write the collector's URL as http://127.0.0.1:4318",
        ),
        (
            "otlp_endpoint = \"otel.example:4317\"".into(),
            "otlp_endpoint: write the collector's URL as http://127.0.0.1:4318",
        ),
        (
            "otlp_endpoint = \"grpc://otel.example\"".into(),
            "otlp_endpoint: write the collector's URL as http://127.0.0.1:4318",
        ),
        ("session_secret = \"${APP}\"".into(), "session_secret: environment variable APP is not set"),
        ("sources = 1".into(), "sources: write each as a table that begins with [[sources]]"),
        ("[sources]\nname = \"a\"".into(), "sources: write each as a table that begins with [[sources]]"),
        ("[[sources]]".into(), "sources[0].name: this key is missing: a name for this source"),
        (
            "[[sources]]\nname = \"a\"\nplatform = \"egmy\"".into(),
            "gymhook.toml:3:1: sources[0].platform: \"egmy\" is unknown: did you mean \"egym\"?",
        ),
        (
            "[[sources]]\nname = \"a\"\nplatform = \"egym\"".into(),
            "sources[0].keys: this key is missing: nothing can be proved",
        ),
        (
            "[[sources]]\nname = \"a b\"".into(),
            "sources[0].name: \"a b\" is not a valid name: a name is 1 to 64 letters",
        ),
        (
            "[[sources]]\nname = \"..\"".into(),
            "gymhook.toml:2:1: sources[0].name: \"..\" is not a valid name",
        ),
        (
            "[[sources]]\npath = \"/v1/x\"".into(),
            "sources[0].path: the service itself answers at /v1: choose another path",
        ),
        (
            "[[sources]]\npath = \"in\"".into(),
            "sources[0].path: \"in\" is not a valid path: begin with \"/\"",
        ),
        ("[[sources]]\npath = \"/in/../v1\"".into(), "sources[0].path: \"/in/../v1\" is not a valid path"),
        (
            source("studoi = \"a\""),
            "gymhook.toml:7:1: sources[0].keys[0].studoi: there is no such key: did you mean \"studio\"?",
        ),
        (source("encoding = \"hex\""), "sources[0].keys[0].secret: environment variable EGYM_BERLIN: "),
        (
            source("from = 2026-06-01"),
            "sources[0].keys[0].from: \"2026-06-01\" is not a time with an offset from UTC",
        ),
        (
            source("from = 2026-06-01T00:00:00Z\nuntil = 2026-05-01T00:00:00Z"),
            "gymhook.toml:8:1: sources[0].keys[0].until: this is not after from",
        ),
        (
            source("[[sources.keys]]\nid = \"k\"\nsecret = \"${APP_SECRET}\""),
            "sources[0]: two keys have the id k",
        ),
        (format!("{}\n{}", source(""), source("")), "two sources have the name \"a\": give each its own"),
        (
            source(&destination("secret = \"${APP_SECRET}\"\nsources = [\"b\"]")),
            "destinations[0].sources: \"b\" is unknown: did you mean \"a\"?",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nkinds = [\"chek-in\"]"),
            "destinations[0].kinds: \"chek-in\" is unknown: did you mean \"check-in\"?",
        ),
        (destination(""), "destinations[0].secret: this key is missing: write secret = \"${NAME}\""),
        (
            destination("secret = \"${APP_SECRET}\"\nsecrets = []"),
            "destinations[0].secrets: secret and secrets exclude one another",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_delays = [\"30s\", \"soon\"]"),
            "gymhook.toml:5:1: destinations[0].retry_delays: \"soon\" is not a valid length of time",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_delays = [30]"),
            "destinations[0].retry_delays: write it as a text in quotation marks",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_delays = [\"31d\"]"),
            "destinations[0].retry_delays: \"31d\" cannot be used: write whole seconds from 1s to 30d",
        ),
        (
            destination(&format!("secret = \"${{APP_SECRET}}\"\nretry_delays = [{}]", "\"1s\",".repeat(101))),
            "destinations[0].retry_delays: more than 100 retries are too many",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_exponential = \"1m,2,1h\""),
            "destinations[0].retry_exponential: \"1m,2,1h\" cannot be used: write the first delay, its factor, the longest delay",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_exponential = \"1h,2,1m,5\""),
            "destinations[0].retry_exponential: \"1h,2,1m,5\" cannot be used: ",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nretry_delays = []\nretry_exponential = \"1m,2,1h,5\""),
            "gymhook.toml:6:1: destinations[0].retry_exponential: a list of delays and a rule exclude one another",
        ),
        (
            destination("secret = \"${APP_SECRET}\"\nattempt_timeout = \"3m\""),
            "destinations[0].attempt_timeout: \"3m\" cannot be used: write whole seconds from 1s to 2m",
        ),
        (
            "[[destinations]]\nname = \"d\"\nurl = \"app.example\"\nsecret = \"file:none\"".into(),
            "destinations[0].url: \"app.example\" is not the URL of a web server",
        ),
    ];
    for (text, expected) in cases {
        let said = refused(&text);
        assert!(said.lines().any(|line| line.contains(expected)), "{text}\n=> {said}\nbut not: {expected}");
        assert!(said.lines().all(|line| line.starts_with("gymhook.toml")), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("8c1f6d9b"), "a secret is told: {said}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let said = refused("https = 1\nlisten = 1\nzebra = 1\n[[sources]]\nplatform = \"x\"");
    let lines: Vec<_> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "gymhook.toml:1:1",
            "gymhook.toml:2:1",
            "gymhook.toml:3:1",
            "gymhook.toml:4:1",
            "gymhook.toml:4:1",
            "gymhook.toml:5:1"
        ]
    );
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/gymhook.toml");
    fs::read_to_string(path).unwrap()
}

/// With the settings that are commented out.
fn whole_example() -> String {
    let is_setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if is_setting(rest) => rest.to_owned(),
        _ => line.to_owned(),
    };
    example().lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in whole_example().lines() {
        if let Some(name) = line.strip_prefix("[[") {
            name.trim_end_matches("]]").clone_into(&mut table);
            let (parent, name) = table.rsplit_once('.').unwrap_or(("", &table));
            found.insert((parent.to_owned(), name.to_owned()));
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.insert((table.clone(), name.to_owned()));
        }
    }
    let known: BTreeSet<_> = Config::keys().map(|key| (key.table.to_owned(), key.name.to_owned())).collect();
    assert_eq!(found, known);
}

/// The comment before a key is marked with (restart) if a change needs a new start.
#[test]
fn the_example_marks_the_keys_that_need_a_new_start() {
    let mut marked = BTreeSet::new();
    let mut is_marked = false;
    for line in example().lines() {
        if line.starts_with("# ") {
            is_marked |= line.contains("(restart)");
        } else if let Some((name, _)) = line.trim_start_matches('#').split_once(" = ") {
            if is_marked {
                marked.insert(name.to_owned());
            }
        } else {
            is_marked = false;
        }
    }
    let needed = Config::keys().filter(|key| key.needs_restart).map(|key| key.name.to_owned());
    assert_eq!(marked, needed.collect());
}

#[test]
fn the_example_is_read_as_it_is_and_with_all_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("gympoint");
    fs::write(&secret, "a secret of gympoint").unwrap();
    let here = |text: &str| text.replace("/run/secrets/gympoint", secret.to_str().unwrap());
    let config = parse(&here(&example())).unwrap();
    let defaults = parse("").unwrap();
    assert_eq!((config.settings.sources.len(), config.settings.destinations.len()), (2, 1));
    assert_eq!(config.listen, defaults.listen);

    // Three pairs of its keys exclude one another.
    let without = |text: &str, names: &[&str]| -> String {
        let is_left = |line: &&str| !names.iter().any(|name| line.starts_with(&format!("{name} = ")));
        text.lines().filter(is_left).collect::<Vec<_>>().join("\n")
    };
    let one = without(&here(&whole_example()), &["database_url", "secrets", "retry_exponential"]);
    let one = parse(&one).unwrap();
    let two = without(&here(&whole_example()), &["database", "secret", "retry_delays"]).replace(
        "[[sources.keys]]\nid = \"all\"",
        "[[sources.keys]]\nid = \"all\"\nsecret = \"${EGYM_BERLIN}\"",
    );
    let two =
        two.replacen("id = \"berlin-2026-06\"", "id = \"berlin-2026-06\"\nsecret = \"${EGYM_BERLIN}\"", 1);
    parse(&two).unwrap();
    // What is commented out as a default is the default.
    assert_eq!(one.listen, defaults.listen);
    assert_eq!(
        (one.max_connections, one.max_body_bytes),
        (defaults.max_connections, defaults.max_body_bytes)
    );
    assert_eq!((one.settings.grace, one.log_level), (defaults.settings.grace, defaults.log_level));
    assert_eq!(one.settings.keep, defaults.settings.keep);
    assert_eq!(one.settings.requests_per_minute, defaults.settings.requests_per_minute);
    assert_eq!(one.settings.destination_networks, defaults.settings.destination_networks);
    assert_eq!(one.settings.subscriber_networks, defaults.settings.subscriber_networks);
    assert_eq!(one.settings.sources[0].path, config.settings.sources[0].path);
    let standard = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(Duration::from_secs);
    assert_eq!(one.settings.destinations[0].retry_delays.as_deref(), Some(standard.as_slice()));
}

/// Names of metrics in this text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("gymhook_"));
    words.map(str::to_owned).collect()
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// A metric that is renamed would silence its alert.
#[test]
fn the_metrics_of_alerts_and_documentation_are_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    for name in ["gymhook-engine", "gymhook-service", "gymhook-tower"] {
        read_all(&root.join("crates").join(name).join("src"), &mut code);
    }
    let alerts = fs::read_to_string(root.join("deploy/alerts.yml")).unwrap();
    let expressions: Vec<_> = alerts.lines().filter(|line| line.trim().starts_with("expr: ")).collect();
    let running = fs::read_to_string(root.join("docs/running.md")).unwrap();
    let section = running.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed: Vec<_> = section.lines().filter(|line| line.starts_with("- `gymhook_")).collect();
    let named = metrics(&expressions.join("\n"));
    assert!(named.len() > 5 && listed.len() > 5, "{named:?} {listed:?}");
    for name in named.union(&metrics(&listed.join("\n"))) {
        let written = ["counter", "gauge", "histogram"].map(|kind| format!("{kind}!(\"{name}\""));
        assert!(written.iter().any(|written| code.contains(written)), "{name} is nowhere counted");
    }
}

/// The file that `compose.yaml` mounts.
#[test]
fn the_configuration_of_the_containers_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/compose/gymhook.toml");
    assert!(parse(&fs::read_to_string(path).unwrap()).unwrap().settings.https);
}
