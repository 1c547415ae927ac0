//! The fields of a form, as a browser would send them if nobody touched them.

use std::collections::BTreeMap;

use crate::stage::{Browser, Page};

/// The form on a page that goes to this path.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    to: String,
    fields: BTreeMap<String, String>,
}

impl Form {
    pub(crate) async fn at(browser: &mut Browser, path: &str) -> Self {
        Self::on(&browser.get(path).await.expect(200), path)
    }

    /// As it is again, for somebody whose input was refused.
    pub(crate) fn on(page: &Page, path: &str) -> Self {
        let (_, form) = page.text.split_once(&format!("action=\"{path}\"")).expect("a form");
        let (form, _) = form.split_once("</form>").unwrap();
        let mut fields = BTreeMap::new();
        for (start, _) in form.match_indices('<') {
            let rest = &form[start + 1..];
            let (tag, after) = rest.split_once('>').unwrap();
            let name = attribute(tag, "name").unwrap_or_default();
            let value = match tag.split(' ').next().unwrap() {
                "input" if tag.contains("type=\"checkbox\"") && !tag.contains(" checked") => continue,
                "input" => attribute(tag, "value").unwrap_or_default(),
                // A browser takes the first line end away.
                "textarea" => text(after.split("</textarea>").next().unwrap().trim_start_matches('\n'))
                    .replace('\n', "\r\n"),
                "select" => {
                    let options = after.split("</select>").next().unwrap();
                    let chosen = options
                        .split("<option ")
                        .skip(1)
                        .find(|option| option.split('>').next().unwrap().contains(" selected"));
                    let chosen = chosen.or_else(|| options.split("<option ").nth(1)).unwrap();
                    attribute(&format!("option {chosen}"), "value").unwrap()
                }
                _ => continue,
            };
            fields.insert(name, value);
        }
        Self { to: path.to_owned(), fields }
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no field {name} in {:?}", self.fields))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let before = self.fields.insert(name.to_owned(), value.to_owned());
        assert!(before.is_some() || name == "ordered", "there is no field {name}");
        self
    }

    pub(crate) async fn send(&self, browser: &mut Browser) -> Page {
        let fields: Vec<_> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(&self.to, &fields).await
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(text(rest.split('"').next()?))
}

/// What a browser reads of a text in HTML.
fn text(html: &str) -> String {
    let mut parts = html.split("&#");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once(';').unwrap();
        text.push(char::from_u32(code.parse().unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}
