//! `edit` and `save`: the form that changes a destination which the settings do not declare.

use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

use super::super::failure::{Failure, Wrong};
use super::super::flash::Done;
use super::super::names::destination_path as path;
use super::super::visitor::{Posted, Visitor};
use super::changeable;
use super::form::{Entered, page};
use crate::actions::destinations;

pub(in super::super) async fn edit(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let held = changeable(&visitor, &name).await?;
    page(&visitor, Some(&held), Entered::of(&held), None)
}

pub(in super::super) async fn save(
    Path(name): Path<String>,
    posted: Posted<Entered>,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    let held = changeable(&visitor, &name).await?;
    let written = match form.changes(&held) {
        Ok(changes) => destinations::update(&visitor.caller, &name, changes).await,
        Err(problem) => Err(problem),
    };
    match written {
        Ok(_) => Ok(Done::Changed.then(&visitor, &path(&name))),
        Err(problem) => {
            let entered = Entered { name, ..form };
            let html = page(&visitor, Some(&held), entered, Some(Wrong::of(problem)?))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response())
        }
    }
}
