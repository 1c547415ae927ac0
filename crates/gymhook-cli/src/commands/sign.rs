//! `gymhook sign`: prints the headers that sign a body, or a `curl` command.

use std::path::PathBuf;

use clap::Args;
use gymhook::send::EndpointUrl;
use gymhook::signature::{IdAssurance, Signer, TimeAssurance};
use http::{HeaderMap, header};
use serde::Serialize;
use time::UtcDateTime;

use super::shell_word;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::platform::Platform;
use crate::schemes::SchemeArgs;
use crate::secrets::SecretArgs;
use crate::when;

/// Print the headers that sign a body as the platform does
#[derive(Args, Debug)]
#[command(after_help = "\
Example: a signed request, ready to paste
  gymhook sample point workout.created > body.json
  GYMHOOK_SECRET=… gymhook sign point --body body.json --curl http://127.0.0.1:8080/hooks")]
pub(crate) struct Arguments {
    /// As which platform signs
    platform: Platform,
    /// The body; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    body: PathBuf,
    /// The request's id, for schemes that sign one; a new one by default
    #[arg(long)]
    id: Option<String>,
    /// Sign as if it were then: RFC 3339, or Unix seconds or milliseconds
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    now: Option<UtcDateTime>,
    /// Print a curl command that sends the request to this URL
    #[arg(long, value_name = "URL")]
    curl: Option<String>,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

#[derive(Serialize)]
struct Record {
    record: &'static str,
    platform: &'static str,
    headers: Vec<(String, String)>,
    body_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    curl: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let platform = arguments.platform;
    if arguments.curl.is_some() && arguments.body.as_os_str() == "-" {
        return Err(Failure::usage(
            "--curl needs the body in a file, which the command then names: give --body FILE",
        ));
    }
    let scheme = arguments.scheme.signing(platform)?;
    let assurance = scheme.assurance();
    let unsigned = [
        ("--id", "id", arguments.id.is_some() && assurance.id == IdAssurance::None),
        ("--now", "time", arguments.now.is_some() && assurance.time == TimeAssurance::None),
    ];
    if let Some((option, part, _)) = unsigned.into_iter().find(|(_, _, ignored)| *ignored) {
        return Err(Failure::usage(format!("{} signs no {part}: leave {option} out", platform.name())));
    }
    let url = arguments.curl.as_deref().map(EndpointUrl::dangerous_without_rule).transpose();
    let url = url.map_err(Failure::usage)?.map(|url| url.to_uri().to_string());
    let keys = arguments.secret.load(platform, output)?;
    let body = input::read(&arguments.body, input::MAX_BODY)?;
    let signer = Signer::with_shared(scheme, keys.keyring()?).map_err(Failure::usage)?;
    let id = arguments.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let now = arguments.now.unwrap_or_else(UtcDateTime::now);
    let headers = pairs(&signer.sign(&id, &body, now).map_err(Failure::usage)?);
    let curl = url.as_ref().map(|url| curl(url, &headers, &arguments.body.display().to_string()));
    if let Some(curl) = &curl {
        output.line(curl)?;
    } else {
        for (name, value) in &headers {
            output.line(&format!("{name}: {value}"))?;
        }
    }
    output.record(&Record {
        record: "signature",
        platform: platform.name(),
        headers,
        body_bytes: body.len(),
        curl,
    })
}

/// Names and values; what is in a signature's header is printable.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A command for a POSIX shell. `--data-binary` sends the bytes as they were signed, where `--data` would drop line ends.
pub(crate) fn curl(url: &str, headers: &[(String, String)], body: &str) -> String {
    let mut command = format!("curl --request POST {}", shell_word(url));
    let content_type = (header::CONTENT_TYPE.to_string(), "application/json".to_owned());
    for (name, value) in headers.iter().chain([&content_type]) {
        command += &format!(" \\\n  --header {}", shell_word(&format!("{name}: {value}")));
    }
    command + &format!(" \\\n  --data-binary {}", shell_word(&format!("@{body}")))
}
