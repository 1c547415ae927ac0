//! `Api`, a client for the API of a running `gymhook serve`, and `ServerArgs`, the options that name the server and
//! its key.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use gymhook::secret_source::{SecretFormat, from_file};
use gymhook_engine::http::forbidden_because;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::environment::text_variable;
use crate::failure::Failure;
use crate::http_client::Connector;
use crate::output::{Output, shown};
use crate::target::{Target, TargetArgs};

const VARIABLE: &str = "GYMHOOK_API_KEY";
/// The longest answer: a page of 200 deliveries has about a tenth of it.
const MAX_ANSWER: usize = 16 << 20;

/// Which server, and how to get in.
#[derive(Args, Debug)]
pub(crate) struct ServerArgs {
    /// The server's URL [default: what GYMHOOK_SERVER says, else http://127.0.0.1:8780]
    #[arg(long, value_name = "URL", global = true, help_heading = "Server")]
    server: Option<String>,
    /// A file with the API key, in place of GYMHOOK_API_KEY
    #[arg(long, value_name = "FILE", global = true, help_heading = "Server")]
    key_file: Option<PathBuf>,
    /// A PEM file with the certificate of your own authority, or of the server itself
    #[arg(long, value_name = "FILE", global = true, help_heading = "Server")]
    ca_file: Option<PathBuf>,
    /// Taken so that it can be refused with the reason, and never printed.
    #[arg(long = "key", hide = true, global = true, num_args = 0..=1)]
    forbidden: Option<Option<String>>,
}

/// A server that can be asked.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client<Connector, Full<Bytes>>,
    base: String,
    key: HeaderValue,
}

impl ServerArgs {
    /// Looks the server up and reads the key; nothing is sent yet.
    pub(crate) async fn connect(&self, output: &Output) -> Result<Api, Failure> {
        if self.forbidden.is_some() {
            return Err(Failure::usage(format!(
                "a key in an argument is seen by everyone who may list processes: set {VARIABLE}, or name a file with --key-file"
            )));
        }
        let key = self.key()?;
        let named = self.server.clone().or_else(|| text_variable("GYMHOOK_SERVER"));
        let base = named.unwrap_or_else(|| "http://127.0.0.1:8780".to_owned());
        let base = base.trim_end_matches('/').to_owned();
        let arguments = TargetArgs { allow_public: true, ca_file: self.ca_file.clone() };
        let target = arguments.resolve(&base).await?;
        refuse_open_network(&target, output)?;
        let client = Client::builder(TokioExecutor::new()).build(arguments.connector(&target)?);
        Ok(Api { client, base, key })
    }

    fn key(&self) -> Result<HeaderValue, Failure> {
        let key = match &self.key_file {
            Some(file) => {
                let loaded = from_file(file, SecretFormat::Text).map_err(Failure::usage)?;
                String::from_utf8_lossy(loaded.secret().expose_secret()).into_owned()
            }
            None => text_variable(VARIABLE).ok_or_else(|| {
                Failure::usage(format!(
                    "an API key is needed: set {VARIABLE}, or name a file with --key-file; \"gymhook serve\" prints the first one"
                ))
            })?,
        };
        let value = HeaderValue::try_from(format!("Bearer {}", key.trim()));
        let mut value = value.map_err(|_| Failure::usage("the API key has characters that no key has"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// What is sent over plain HTTP is read by everyone on the way.
fn refuse_open_network(target: &Target, output: &Output) -> Result<(), Failure> {
    if target.url.to_uri().scheme_str() == Some("https") {
        return Ok(());
    }
    if target.addresses.iter().any(|address| forbidden_because(address.ip()).is_none()) {
        return Err(Failure::usage(
            "over plain http the API key could be read on its way: use the server's https:// URL",
        ));
    }
    if target.addresses.iter().any(|address| !address.ip().is_loopback()) {
        output.warn("over plain http the API key can be read on its way: better use an https:// URL");
    }
    Ok(())
}

impl Api {
    pub(crate) async fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Value, Failure> {
        self.ask(Method::GET, &with_query(path, query), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, None).await
    }

    /// The items of a list, page by page, up to this many.
    pub(crate) async fn list(
        &self,
        path: &str,
        query: &[(&str, Option<String>)],
        limit: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let wanted = limit.saturating_sub(items.len()).min(200);
            let mut query = query.to_vec();
            query.push(("limit", Some(wanted.max(1).to_string())));
            query.push(("cursor", cursor));
            let mut page = self.get(path, &query).await?;
            let more = page.get_mut("items").and_then(Value::as_array_mut).map(core::mem::take);
            items.extend(more.unwrap_or_default());
            items.truncate(limit);
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    /// A response whose body does not end.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &[(&str, Option<String>)],
    ) -> Result<Incoming, Failure> {
        let response = self.request(Method::GET, &with_query(path, query), None).await?;
        match response.status().is_success() {
            true => Ok(response.into_body()),
            false => Err(self.refused(response).await),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let response = self.request(method, path, body).await?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let bytes = read(response).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::failed(format!("{} answers no JSON ({error}): is it a gymhook?", self.base))
        })
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, Failure> {
        let url: Uri = format!("{}{path}", self.base).parse().map_err(Failure::usage)?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = url;
        request.headers_mut().insert(header::AUTHORIZATION, self.key.clone());
        if let Some(body) = body {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Full::new(body.to_string().into());
        }
        self.client.request(request).await.map_err(|error| {
            let cause = core::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Failure::failed(format!(
                "no server answers at {} ({cause}): is it running? --server or GYMHOOK_SERVER names another one",
                self.base
            ))
        })
    }

    /// What a problem's details say.
    async fn refused(&self, response: Response<Incoming>) -> Failure {
        let status = response.status();
        let details =
            read(response).await.ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let said = |name: &str| details.as_ref().and_then(|details| details.get(name)?.as_str().map(shown));
        let place = said("pointer").map(|pointer| format!("{pointer}: ")).unwrap_or_default();
        let detail = said("detail").unwrap_or_else(|| format!("is {} a gymhook?", self.base).into());
        let advice = if status == StatusCode::UNAUTHORIZED {
            format!("; {VARIABLE} or --key-file has the key")
        } else {
            String::new()
        };
        Failure::failed(format!("the server answers {}: {place}{detail}{advice}", status.as_u16()))
    }
}

async fn read(response: Response<Incoming>) -> Result<Bytes, Failure> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| Failure::failed(format!("the server's answer cannot be read: {error}")))
}

/// A path with what was given of these.
fn with_query(path: &str, query: &[(&str, Option<String>)]) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    match pairs.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A text as one segment of a path: it cannot lead elsewhere.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_in_its_place() {
        let query = [("gym", Some("a&b=c".to_owned())), ("type", None), ("state", Some("ü".to_owned()))];
        assert_eq!(with_query("/v1/deliveries", &query), "/v1/deliveries?gym=a%26b%3Dc&state=%C3%BC");
        assert_eq!(with_query("/v1/stats", &[("gym", None)]), "/v1/stats");
        assert_eq!(segment("../a b?c"), "..%2Fa%20b%3Fc");
    }
}
