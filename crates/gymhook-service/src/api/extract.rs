//! `Parameters`, `Body`, `Id` and `Name`: extractors for parameters, bodies, ids and names. `Parameters` and `Body`
//! refuse a wrong value with a [`Problem`] that says where it is. `Id` and `Name` answer 404 to what cannot be an id or
//! a name.

use core::time::Duration;

use axum::body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use gymhook::text::nearest;
use gymhook_engine::{DeliveryId, EndpointId};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Segment;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Problem;
pub(crate) use crate::activity::rfc3339;
use crate::problem::pointer_part;

/// The longest body of an API request, in bytes: 1 MiB (our default).
const LONGEST_BODY: usize = 1 << 20;

/// The longest time until a body is there (our default): nobody holds a connection by one that never ends.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(60);

/// What reads a body, within the time that it may take.
pub(crate) async fn in_time<T>(reading: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(LONGEST_ARRIVAL, reading).await.map_err(|_| {
        let detail = format!("the body was not there within {} s: send it again", LONGEST_ARRIVAL.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    })
}

/// The query, all of whose parameters are known and given once.
#[derive(Clone, Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Parameters<T>
where
    T: DeserializeOwned + IntoParams,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn query<T: DeserializeOwned + IntoParams>(text: &str) -> Result<T, Problem> {
    let known: Vec<String> = T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
    let mut given: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if !known.iter().any(|known| *known == name) {
            return Err(Problem::invalid(name.clone(), unknown(&name, &known)));
        }
        if given.iter().any(|given| *given == name) {
            return Err(Problem::invalid(name.clone(), format!("{name} is given more than once")));
        }
        if value.contains('\0') {
            return Err(Problem::invalid(name, "it has a NUL character, which not every database keeps"));
        }
        given.push(name.into_owned());
    }
    let read = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(read).map_err(|error| {
        let name = error.path().to_string();
        Problem::invalid(name.clone(), format!("{name} cannot be read: {}", error.into_inner()))
    })
}

/// What is said of a parameter that there is not, with the nearest one that there is.
fn unknown(name: &str, known: &[String]) -> String {
    // It is the caller's text: of a long one only the beginning is repeated.
    let name: String = name.chars().take(64).collect();
    match nearest(&name, known.iter().map(String::as_str)) {
        Some(nearest) => format!("there is no parameter {name:?} here: did you mean {nearest:?}?"),
        None if known.is_empty() => format!("there is no parameter {name:?} here, nor any other"),
        None => format!("there is no parameter {name:?} here: there are {}", known.join(", ")),
    }
}

/// A JSON body.
#[derive(Clone, Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body, or nothing for the defaults.
#[derive(Clone, Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

/// The bytes of a JSON body.
#[derive(Clone, Debug)]
pub(crate) struct JsonBytes(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        whole(request).await.map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        read(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let typed = check_content_type(request.headers());
        let bytes = whole(request).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        typed?;
        read(&bytes).map(Self)
    }
}

/// The body, of which no more is read than may be.
async fn whole(request: Request) -> Result<Bytes, Problem> {
    let too_long = || {
        let detail = format!("the body has more than {LONGEST_BODY} bytes: send less at once");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|bytes| bytes > LONGEST_BODY) {
        return Err(too_long());
    }
    in_time(body::to_bytes(request.into_body(), LONGEST_BODY)).await?.map_err(|error| {
        let is_too_long =
            core::iter::successors(Some(&error as &dyn core::error::Error), |error| error.source())
                .any(|error| error.is::<http_body_util::LengthLimitError>());
        if is_too_long {
            too_long()
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "the body broke off: send it again")
        }
    })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "the body is read as JSON only: send it with `Content-Type: application/json`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// Reads JSON; what is wrong is said with its place.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = pointer(error.path());
        let error = error.into_inner();
        if error.is_data() { Problem::invalid(place, error.to_string()) } else { not_json(&error) }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// A field that may be `null`, told apart from one that is not there.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))
}

/// As a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => pointer_part(key),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// What an id in a path names.
pub(crate) trait Named: From<Uuid> {
    /// What is not there.
    const WHAT: &'static str;
}

impl Named for DeliveryId {
    const WHAT: &'static str = "delivery";
}

impl Named for EndpointId {
    const WHAT: &'static str = "subscription";
}

impl Named for Uuid {
    const WHAT: &'static str = "API key";
}

/// The id in the path. What is no id names nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: Named, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let not_found = || Problem::not_found(T::WHAT);
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        Ok(Self(uuid(&text).ok_or_else(not_found)?.into()))
    }
}

/// The name in the path: a gym's, a source's, a destination's. What cannot be one names nothing.
#[derive(Clone, Debug)]
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let not_found = || Problem::not_found("name");
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        if name.is_empty() || name.contains('\0') { Err(not_found()) } else { Ok(Self(name)) }
    }
}

/// An id as this API writes it, and in no other spelling.
fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| id.to_string() == text)
}

/// An id that is a parameter or a field.
pub(crate) fn id<T: From<Uuid>>(place: &str, text: &str) -> Result<T, Problem> {
    let found = uuid(text).ok_or_else(|| Problem::invalid(place, "this is not an id: ids are UUIDs"))?;
    Ok(found.into())
}

/// A time that is a parameter or a field.
pub(crate) fn moment(place: &str, text: &str) -> Result<UtcDateTime, Problem> {
    UtcDateTime::parse(text, &Rfc3339)
        .map_err(|_| Problem::invalid(place, "this is not a time in RFC 3339, such as 2026-01-31T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, IntoParams)]
    struct Asked {
        limit: Option<u32>,
        state: Option<String>,
    }

    fn refused(text: &str) -> serde_json::Value {
        serde_json::to_value(query::<Asked>(text).unwrap_err()).unwrap()
    }

    #[test]
    fn a_query_has_known_parameters_each_once() {
        let asked: Asked = query("limit=7&state=a%20b").unwrap();
        assert_eq!((asked.limit, asked.state.as_deref()), (Some(7), Some("a b")));
        assert_eq!(query::<Asked>("").unwrap().limit, None);
        assert!(refused("limt=7")["detail"].as_str().unwrap().contains("did you mean \"limit\"?"));
        assert!(refused("zzzzzzzz=7")["detail"].as_str().unwrap().contains("there are limit, state"));
        assert_eq!(refused("limit=7&limit=8")["pointer"], json!("limit"));
        for bad in ["limit=x", "limit=-1", "limit=99999999999", "limit=", "limit=1.5"] {
            assert_eq!(
                (&refused(bad)["pointer"], &refused(bad)["status"]),
                (&json!("limit"), &json!(422)),
                "{bad}"
            );
        }
        let long = "x".repeat(10_000);
        assert!(refused(&long)["detail"].as_str().unwrap().len() < 200);
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "it is only read")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "it is only read")]
        number: u8,
    }

    #[test]
    fn what_is_wrong_in_a_body_is_said_with_its_place() {
        let refused = |text: &str| serde_json::to_value(read::<Outer>(text.as_bytes()).unwrap_err()).unwrap();
        for (text, place) in [
            (r#"{"inner":[{"number":1},{"number":"x"}]}"#, "/inner/1/number"),
            (r#"{"inner":[{"number":256}]}"#, "/inner/0/number"),
            (r#"{"inner":7}"#, "/inner"),
            (r#"{"inner":[{}]}"#, "/inner/0"),
            ("[]", ""),
        ] {
            assert_eq!(
                (&refused(text)["pointer"], &refused(text)["status"]),
                (&json!(place), &json!(422)),
                "{text}"
            );
        }
        for text in ["", "{", "{}}", "\u{feff}{}", "{\"inner\":[]} x"] {
            assert_eq!(refused(text)["status"].as_u64().unwrap() / 100, 4, "{text}");
        }
        assert_eq!(refused("{")["status"], json!(400));
        assert_eq!(refused("{\"inner\":[]} x")["status"], json!(400));
    }

    /// A body of which `{` comes, and nothing more.
    fn endless() -> Request {
        use futures_util::StreamExt as _;
        let begins = futures_util::stream::iter([Ok::<_, core::convert::Infallible>("{")]);
        let body = body::Body::from_stream(begins.chain(futures_util::stream::pending()));
        Request::post("/").header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let refused = Body::<Inner>::from_request(endless(), &()).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
        let refused = OptionalBody::<Option<u8>>::from_request(endless(), &()).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert!(uuid("0192ab34-0000-7000-8000-000000000001").is_some());
        for text in [
            "0192AB34-0000-7000-8000-000000000001",
            "0192ab34000070008000000000000001",
            "{0192ab34-0000-7000-8000-000000000001}",
            "",
            "1",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }
}
