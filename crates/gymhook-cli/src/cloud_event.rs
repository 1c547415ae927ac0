//! One event as a CloudEvent (1.0, JSON format): the one reading, in a form that many systems take.

use gymhook::event::Event;
use serde::Serialize;

use crate::reading::EventRecord;

/// An event of any of the five platforms; `gymhook schema --cloudevents` describes it.
#[derive(Debug, Serialize)]
pub(crate) struct CloudEvent {
    specversion: &'static str,
    /// The same for every repeat of the request.
    id: String,
    /// Who sent it, and the key that vouched for it: a studio, where each has a key.
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    datacontenttype: &'static str,
    data: EventRecord,
}

impl CloudEvent {
    /// `request` names the request, `index` the event within it.
    pub(crate) fn new(event: Event<'_>, key: &str, request: &str, index: usize) -> Self {
        let platform = event.vendor.as_str();
        let data = EventRecord::from(event);
        Self {
            specversion: "1.0",
            id: format!("{request}:{index}"),
            source: format!("/gymhook/{platform}/{}", path_segment(key)),
            event_type: format!("gymhook.{}", data.kind),
            subject: data.subject_id.as_ref().map(|id| format!("{}/{id}", data.subject)),
            time: data.occurred_at.clone(),
            datacontenttype: "application/json",
            data,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Key ids are free text, and a source is a URI reference.
fn path_segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |written, byte| {
        if plain(byte) {
            written + char::from(byte).encode_utf8(&mut [0; 4])
        } else {
            written + &format!("%{byte:02X}")
        }
    })
}
