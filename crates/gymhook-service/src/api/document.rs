//! The OpenAPI document: its description, and the answers 400 to 503 that all routes have in common.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr};
use utoipa::{Modify, OpenApi};

use crate::Problem;

/// The document around the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "gymhook",
        description = "The gateway for webhooks of fitness platforms: its log, subscriptions, events and API keys. \
                       Every problem is answered as problem details (RFC 9457). A key of one gym reaches that gym alone: \
                       what is another one's is answered with 404, as if it were not there."
    ),
    security(("bearer" = [])),
    components(schemas(Problem, super::egym::ErrorDto)),
    modifiers(&Security)
)]
pub(super) struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key, `ghk_…`"));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        let header = ApiKeyValue::with_description("x-api-key", "An API key that is bound to a gym");
        components.add_security_scheme("x-api-key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}

/// The statuses that a problem of any operation may have, with what they mean.
const OF_ALL: [(&str, &str); 3] = [
    ("401", "The API key is missing, unknown or revoked."),
    ("429", "The API key has made too many requests: `Retry-After` says when to go on."),
    ("503", "The database is busy, full or away: `Retry-After` says when to try again."),
];

/// Adds to each operation the problems that it may answer with, where it does not say so itself.
pub(super) fn with_problems(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (false, &mut item.get),
            (true, &mut item.post),
            (true, &mut item.put),
            (true, &mut item.patch),
            (true, &mut item.delete),
        ];
        for (changes, operation) in operations {
            let Some(operation) = operation else { continue };
            let in_egyms_form = path.starts_with("/api/v2/");
            for (status, description) in problems_of(path, changes, operation) {
                let schema = if in_egyms_form { "ErrorDto" } else { "Problem" };
                let kind = if in_egyms_form { "application/json" } else { "application/problem+json" };
                let response = || RefOr::T(problem(schema, kind, description));
                operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
            }
        }
    }
    document
}

fn problems_of(path: &str, changes: bool, operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut problems = OF_ALL.to_vec();
    problems.push(("404", "There is no such thing, or the API key does not reach it."));
    if changes {
        problems.push(("403", "The API key's rights are not enough."));
        problems.push(("409", "It is not possible in the present state, or it exists already."));
    }
    let mut parameters = operation.parameters.iter().flatten();
    let has_query = parameters.any(
        |parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query),
    );
    if operation.request_body.is_some() {
        problems.push(("408", "The body was not there in time."));
    }
    if path.starts_with("/api/v2/") {
        if !changes {
            problems.push(("403", "The API key is not bound to a gym."));
        }
        if operation.request_body.is_some() {
            problems.push(("400", "A field cannot be used, or the body is not JSON."));
            problems.push(("413", "The body has more than 1 MiB."));
        }
        return problems;
    }
    if has_query || operation.request_body.is_some() {
        problems.push(("422", "A field or a parameter cannot be used: `pointer` says which."));
    }
    if operation.request_body.is_some() {
        problems.push(("400", "The body is not JSON."));
        problems.push(("413", "The body has more than 1 MiB."));
        problems.push(("415", "The body is not sent as `application/json`."));
    }
    problems
}

fn problem(schema: &str, content_type: &str, description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    ResponseBuilder::new().description(description).content(content_type, content).build()
}
