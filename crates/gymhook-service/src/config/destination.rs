//! Reads `[[destinations]]` of the configuration: the applications that webhooks are forwarded to.

use core::time::Duration;

use gymhook::event::Kind;
use gymhook::secret_source::SecretFormat;
use gymhook::signature::{Key, Keyring, Secret};

use super::document::{Entry, Section, unknown};
use super::problem::Problems;
use super::secret::{self, FORMATS, Variables};
use super::source;
use crate::destinations::{Retry, retry};
use crate::{Destination, Form};

const FORMS: [(&str, Form); 2] =
    [(Form::CloudEvents.as_str(), Form::CloudEvents), (Form::Original.as_str(), Form::Original)];

pub(super) fn read(
    mut section: Section,
    sources: &[String],
    variables: &Variables,
    problems: &mut Problems,
) -> Option<Destination> {
    let wanted = "a name for this destination, such as \"app\"";
    let name = section.take_required("name", wanted, problems, source::name);
    let url = section.take_required("url", "the URL of your application", problems, url);
    let format = section.take("encoding", problems, |entry| entry.one_of(&FORMATS));
    let secrets = secrets(&mut section, format.unwrap_or(SecretFormat::Whsec), variables, problems);
    let form = section.take("form", problems, |entry| entry.one_of(&FORMS));
    let from = section.take("sources", problems, |entry| {
        entry.list(|name| match sources.iter().any(|source| source == name) {
            true => Ok(name.to_owned()),
            false if sources.is_empty() => Err(format!("{name:?} is unknown: this file has no sources")),
            false => Err(unknown(name, sources.iter().map(String::as_str))),
        })
    });
    let studios = section.take("studios", problems, |entry| entry.list(|studio| Ok(studio.to_owned())));
    let kinds = section.take("kinds", problems, |entry| {
        entry.list(|name| {
            let names = || Kind::ALL.iter().map(|kind| kind.as_str());
            Kind::from_name(name).ok_or_else(|| unknown(name, names()))
        })
    });
    let retry_delays = retry_delays(&mut section, problems);
    let timeout = section.take("attempt_timeout", problems, |entry| retry::attempt_timeout(entry.text()?));
    let (place, path) = (section.place.clone(), section.path.clone());
    section.finish(problems);
    let keys = secrets?.into_iter().zip(1_u32..).map(|(secret, number)| Key::new(number.to_string(), secret));
    let keys = Keyring::new(keys).map_err(|error| problems.add(&place, path, error.to_string())).ok()?;
    let mut destination = Destination::new(name?, url?, keys);
    destination.form = form.unwrap_or_default();
    destination.sources = from.unwrap_or_default();
    destination.studios = studios.unwrap_or_default();
    destination.kinds = kinds.unwrap_or_default();
    destination.retry_delays = retry_delays;
    destination.attempt_timeout = timeout;
    Some(destination)
}

/// The delays themselves, or a rule that they follow.
fn retry_delays(section: &mut Section, problems: &mut Problems) -> Option<Vec<Duration>> {
    let (has_delays, rule) = (section.has("retry_delays"), section.place_of("retry_exponential"));
    let one_of_both = retry::check_one_of_both(has_delays, section.has("retry_exponential"));
    let delays = section.take("retry_delays", problems, |entry| {
        let delays = entry.list(retry::delay)?;
        Retry::new(Some(&delays), None).map_err(|(_, problem)| problem)?;
        Ok(delays)
    });
    let grown = section.take("retry_exponential", problems, |entry| retry::exponential(entry.text()?));
    if let Err(problem) = one_of_both {
        problems.add(&rule, section.key_of("retry_exponential"), problem);
    }
    delays.or(grown)
}

/// One secret, or several while it is rotated.
fn secrets(
    section: &mut Section,
    format: SecretFormat,
    variables: &Variables,
    problems: &mut Problems,
) -> Option<Vec<Secret>> {
    let (has_one, has_several) = (section.has("secret"), section.has("secrets"));
    let one = section.take("secret", problems, |entry| secret::read(entry, format, variables));
    let several = section.take("secrets", problems, |entry| {
        let secrets = entry.list(|text| secret::resolve(text, entry, format, variables))?;
        if secrets.is_empty() { Err("this list is empty".to_owned()) } else { Ok(secrets) }
    });
    match (has_one, has_several) {
        (true, false) => one.map(|secret| vec![secret]),
        (false, true) => several,
        (true, true) => {
            let problem = "secret and secrets exclude one another: keep secrets while a secret is rotated";
            problems.add(&section.place, section.key_of("secrets"), problem);
            None
        }
        (false, false) => {
            let problem = "this key is missing: write secret = \"${NAME}\" or secret = \"file:PATH\"";
            problems.add(&section.place, section.key_of("secret"), problem);
            None
        }
    }
}

fn url(entry: &Entry) -> Result<String, String> {
    let text = entry.text()?;
    let url: Option<http::Uri> = text.parse().ok();
    let is_http = url
        .as_ref()
        .and_then(http::Uri::scheme_str)
        .is_some_and(|scheme| ["http", "https"].contains(&scheme));
    let authority = url.as_ref().and_then(http::Uri::authority);
    match authority {
        Some(authority) if is_http && !authority.as_str().contains('@') => Ok(text.to_owned()),
        Some(_) if is_http => Err("a URL does not have a user or a password here: leave them out".to_owned()),
        _ => {
            Err(format!("{text:?} is not the URL of a web server: write it as https://app.example/webhooks"))
        }
    }
}
