//! `Edit`: changes the fields of a body that a path names (`--set`).

use bytes::Bytes;
use serde_json::Value;

/// A field's path, with dots between its names and indexes, and its new value.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    path: Vec<String>,
    value: Value,
}

/// Reads `path=value`; a value that is no JSON is text.
pub(crate) fn edit(text: &str) -> Result<Edit, String> {
    let (path, value) =
        text.split_once('=').ok_or("write it as path=value, such as payload.0.type=CUSTOMER_CREATED")?;
    if path.is_empty() {
        return Err("the path is empty: write it as path=value".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok(Edit { path: path.split('.').map(str::to_owned).collect(), value })
}

/// The body with these changes, written anew where there are any.
pub(crate) fn edited(body: Bytes, edits: &[Edit]) -> Result<Bytes, String> {
    if edits.is_empty() {
        return Ok(body);
    }
    let mut json: Value = serde_json::from_slice(&body)
        .map_err(|error| format!("the body is no JSON that could be edited: {error}"))?;
    for edit in edits {
        edit.apply(&mut json)?;
    }
    Ok(json.to_string().into())
}

impl Edit {
    fn apply(&self, json: &mut Value) -> Result<(), String> {
        let mut at = json;
        let mut walked = String::new();
        for name in &self.path {
            walked = if walked.is_empty() { name.clone() } else { format!("{walked}.{name}") };
            at = match at {
                Value::Object(fields) => fields.entry(name.as_str()).or_insert(Value::Null),
                Value::Array(items) => {
                    let count = items.len();
                    let index = name.parse::<usize>().ok();
                    index.and_then(|index| items.get_mut(index)).ok_or_else(|| {
                        format!("there is no {walked}: the array has {count} elements, counted from 0")
                    })?
                }
                Value::Null => {
                    *at = Value::Object(serde_json::Map::new());
                    let Value::Object(fields) = at else { return Err(format!("{walked} cannot be set")) };
                    fields.entry(name.as_str()).or_insert(Value::Null)
                }
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(format!("{walked} cannot be set: what comes before it is not an object"));
                }
            };
        }
        *at = self.value.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_by_their_paths() {
        let set = |body: &'static str, path: &str| {
            edited(Bytes::from_static(body.as_bytes()), &[edit(path).unwrap()])
                .map(|body| String::from_utf8(body.to_vec()).unwrap())
        };
        assert_eq!(set(r#"{"a":1}"#, "a=2").unwrap(), r#"{"a":2}"#);
        assert_eq!(set(r#"{"a":1}"#, "b.c=x y").unwrap(), r#"{"a":1,"b":{"c":"x y"}}"#);
        assert_eq!(set(r#"{"a":[{"b":1}]}"#, "a.0.b=null").unwrap(), r#"{"a":[{"b":null}]}"#);
        assert!(set(r#"{"a":[]}"#, "a.0=1").is_err());
        assert!(set(r#"{"a":1}"#, "a.b=1").is_err());
        assert!(set("no json", "a=1").is_err());
        assert!(edit("a").is_err() && edit("=1").is_err());
    }
}
