//! `Asked`: reads the parameters of a browser's request: the query of the URL, ids and times.

use axum::extract::{FromRequestParts, Query};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{PrimitiveDateTime, UtcDateTime};
use uuid::Uuid;

use super::base::Base;
use super::failure::Failure;
use crate::Problem;

/// The parameters of a URL.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => {
                let detail = format!("this address cannot be used: {error}");
                Err(Problem::new(StatusCode::BAD_REQUEST, detail).into())
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Base {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::not_found("page"))
    }
}

/// The id in a path; what is no id names nothing.
pub(super) fn id<T: From<Uuid>>(text: &str, what: &str) -> Result<T, Failure> {
    text.parse::<Uuid>().map(T::from).map_err(|_| Failure::not_found(what))
}

/// What was entered, unless the field was left empty.
pub(super) fn filled(field: Option<&String>) -> Option<&str> {
    field.map(|field| field.trim()).filter(|field| !field.is_empty())
}

/// A time as a browser's field or a person writes it, in UTC.
pub(super) fn moment(text: &str) -> Option<UtcDateTime> {
    let to_minute = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let to_second = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let entered =
        PrimitiveDateTime::parse(text, to_minute).or_else(|_| PrimitiveDateTime::parse(text, to_second));
    match entered {
        Ok(entered) => Some(entered.as_utc()),
        Err(_) => UtcDateTime::parse(text, &Rfc3339).ok(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn times_are_read_as_fields_and_people_write_them() {
        assert_eq!(moment("2026-01-02T03:04"), Some(utc_datetime!(2026-01-02 3:04)));
        assert_eq!(moment("2026-01-02T03:04:05"), Some(utc_datetime!(2026-01-02 3:04:05)));
        assert_eq!(moment("2026-01-02T03:04:05+01:00"), Some(utc_datetime!(2026-01-02 2:04:05)));
        for wrong in ["", "yesterday", "2026-13-01T00:00", "99999-01-01T00:00"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
