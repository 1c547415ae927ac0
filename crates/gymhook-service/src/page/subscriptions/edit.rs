//! `edit` and `save`: the form that changes a subscription.

use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

use super::super::failure::{Failure, Wrong};
use super::super::flash::Done;
use super::super::names::subscription_path as path;
use super::super::visitor::{Posted, Visitor};
use super::actions::asked;
use super::fields::Entered;
use super::form::page;
use crate::actions::subscription_changes;

pub(in super::super) async fn edit(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let (_, held) = asked(&visitor, &name).await?;
    let entered = Entered::of(&held);
    page(&visitor, Some(&held), entered, None)
}

pub(in super::super) async fn save(
    Path(name): Path<String>,
    posted: Posted<Entered>,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    let (id, held) = asked(&visitor, &name).await?;
    let written = match form.changes(Some(&held)) {
        Ok(changes) => subscription_changes::update(&visitor.caller, id, &changes).await,
        Err(problem) => Err(problem),
    };
    match written {
        Ok(_) => Ok(Done::Changed.then(&visitor, &path(id))),
        Err(problem) => {
            let html = page(&visitor, Some(&held), form, Some(Wrong::of(problem)?))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response())
        }
    }
}
