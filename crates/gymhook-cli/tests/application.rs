//! The application behind the gateway that README shows: `examples/other_languages/application.py`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/serving.rs"]
mod serving;

use core::net::SocketAddr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serving::{Serving, command, request, wait_until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The program, and the lines that it has printed so far. It is killed with its value.
struct Application {
    child: Child,
    address: SocketAddr,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Application {
    /// `None` only where the tests are to go without Python.
    fn start() -> Option<Self> {
        let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
        if !python.is_ok_and(|status| status.success()) {
            let allowed = std::env::var_os("GYMHOOK_TEST_WITHOUT_PYTHON").is_some();
            assert!(allowed, "this test needs python3: install it, or set GYMHOOK_TEST_WITHOUT_PYTHON=1");
            return None;
        }
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/other_languages/application.py");
        let mut child = Command::new("python3")
            .args([program, &address.port().to_string()])
            .env("DESTINATION_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&printed);
        thread::spawn(move || lines.for_each(|line| said.lock().unwrap().push(line.unwrap())));
        assert!(wait_until(|| TcpStream::connect(address).is_ok()), "it does not listen");
        Some(Self { child, address, printed })
    }

    fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    /// The status of its answer; an error if it gives none.
    fn post(&self, headers: &str, body: &str) -> Result<u16, std::io::Error> {
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n");
        Ok(request(self.address, &format!("{head}{headers}\r\n{body}"))?.status)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_takes_what_is_signed_and_answers_401_to_everything_else() {
    let Some(application) = Application::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let body =
        r#"{"specversion":"1.0","id":"7:0","source":"/gymhook/egym/berlin","type":"gymhook.check-in"}"#;
    fs::write(folder.path().join("body.json"), body).unwrap();
    let signed = |more: &[&str]| {
        let mut sign = command(folder.path());
        sign.env("GYMHOOK_SECRET", SECRET).args(["sign", "standard-webhooks", "--body", "body.json"]);
        let output = sign.args(["--id", "7"]).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace('\n', "\r\n")
    };
    let good = signed(&[]);
    let (before, signature) = good.split_once("webhook-signature: ").unwrap();
    let (id, at) = before.split_once("webhook-timestamp: ").unwrap();
    let with_time = |at: &str| format!("{id}webhook-timestamp: {at}\r\nwebhook-signature: {signature}");
    for (what, headers, body) in [
        ("nothing", String::new(), body),
        ("no signature", before.to_owned(), body),
        ("another body", good.clone(), "{}"),
        ("another id", good.replace("webhook-id: 7", "webhook-id: 8"), body),
        ("an old request", signed(&["--now", "1614265330"]), body),
        ("no number", with_time("yesterday"), body),
        ("a number with a sign", with_time(&format!("+{}", at.trim())), body),
        ("digits of another script", with_time("١٦١٤٢٦٥٣٣٠"), body),
        ("too many digits", with_time(&"9".repeat(5_000)), body),
        ("another alphabet", format!("{before}webhook-signature: v1,ключ\r\n"), body),
    ] {
        assert_eq!(application.post(&headers, body).unwrap_or_default(), 401, "{what}");
    }
    let unsized_body = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{good}\r\n{body}");
    assert_eq!(request(application.address, &unsized_body).unwrap().status, 401);
    assert_eq!(application.printed(), Vec::<String>::new());

    assert_eq!(application.post(&good, body).unwrap(), 204);
    assert!(wait_until(|| !application.printed().is_empty()), "nothing is printed");
    assert_eq!(application.printed(), ["/gymhook/egym/berlin None None 7:0"]);
}

/// README: the webhooks of all five platforms, with one signature to check.
#[test]
fn behind_the_gateway_it_prints_the_check_ins_of_all_platforms() {
    let Some(application) = Application::start() else { return };
    let platforms = ["egym", "gympoint", "perfectgym", "pg-next", "point"];
    let sources = platforms.map(|platform| {
        format!(
            "[[sources]]\nname = \"{platform}\"\nplatform = \"{platform}\"\n\
             keys = [{{ id = \"berlin\", secret = \"${{EGYM_KEY}}\" }}]\n"
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let destination = format!(
        "[[destinations]]\nname = \"app\"\nurl = \"http://{}/\"\nsecret = \"file:{}\"\n",
        application.address,
        secret.display()
    );
    fs::write(folder.path().join("gymhook.toml"), sources.concat() + &destination).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    for platform in platforms {
        let to = format!("http://{}/in/{platform}", serving.address);
        let mut send = command(folder.path());
        send.env("GYMHOOK_SECRET", serving::KEY).args(["send", platform, "--all", "--to", &to]);
        let output = send.output().unwrap();
        assert!(output.status.success(), "{platform}: {output:?}");
    }
    // Point records workouts, and no check-ins.
    for platform in ["egym", "gympoint", "perfectgym", "pg-next"] {
        let source = format!("/gymhook/{platform}/berlin ");
        let is_printed = || application.printed().iter().any(|line| line.starts_with(&source));
        assert!(wait_until(is_printed), "{platform}: {:?} {}", application.printed(), serving.log());
    }
    let key = serving.first_key.clone().unwrap();
    let waiting = || {
        let stats = serving.get("/v1/stats", &format!("authorization: Bearer {key}\r\n")).body;
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        (stats["waiting"].as_u64().unwrap(), stats["undeliverable"].as_u64().unwrap())
    };
    assert!(wait_until(|| waiting() == (0, 0)), "{:?} {}", waiting(), serving.log());
}
