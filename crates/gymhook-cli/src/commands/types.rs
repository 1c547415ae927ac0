//! `gymhook types`: lists the event types of one platform, or of all.

use clap::Args;
use gymhook::event::{AnyNotification, Kind, Notification as _, Sample, Vendor, samples};
use gymhook::text::nearest;
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::Output;
use crate::platform::Platform;

/// List the event types of a platform, or of all five
#[derive(Args, Debug)]
#[command(after_help = "\
The fields are those of the type's sample. KNOWN says where they are known from: documented by the vendor, seen by receivers, or ours where nobody knows them.

Example: what is a check-in called?
  gymhook types --kind check-in")]
pub(crate) struct Arguments {
    /// Only this platform's
    platform: Option<Platform>,
    /// Only types that mean this, whoever sends them
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
}

#[derive(Serialize)]
struct Record {
    record: &'static str,
    platform: &'static str,
    #[serde(rename = "type")]
    event_type: &'static str,
    kind: &'static str,
    subject: String,
    related: Option<String>,
    data_fields: Vec<String>,
    provenance: &'static str,
    description: &'static str,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if arguments.platform == Some(Platform::StandardWebhooks) {
        return Err(Failure::usage(
            "standard-webhooks signs any payload and has no event types: name one of the five",
        ));
    }
    let wanted = arguments.platform.and_then(Platform::vendor);
    let of_vendor = |sample: &&Sample| wanted.is_none_or(|vendor| sample.vendor == vendor);
    let of_kind = |record: &Record| arguments.kind.is_none_or(|kind| record.kind == kind.as_str());
    let records: Vec<Record> = samples().filter(of_vendor).map(record).filter(of_kind).collect();
    if records.is_empty() {
        let whose = wanted.map_or("no platform", Vendor::as_str);
        let kind = arguments.kind.map_or("any", Kind::as_str);
        return Err(Failure::failed(format!(
            "{whose} has no event of kind {kind}: leave out the platform to see who has"
        )));
    }
    for record in &records {
        output.record(record)?;
    }
    output.table(
        &["platform", "type", "kind", "id of", "related", "data", "known"],
        records.iter().map(|record| {
            [
                record.platform.to_owned(),
                record.event_type.to_owned(),
                record.kind.to_owned(),
                record.subject.clone(),
                record.related.clone().unwrap_or_else(|| "–".to_owned()),
                if record.data_fields.is_empty() { "–".to_owned() } else { record.data_fields.join(" ") },
                record.provenance.to_owned(),
            ]
        }),
    )
}

fn record(sample: &'static Sample) -> Record {
    let notification = AnyNotification::decode(sample.vendor, sample.body.as_bytes()).ok();
    let event = notification.as_ref().and_then(|notification| notification.events().next());
    let data =
        event.and_then(|event| event.data).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let fields = data.as_ref().and_then(Value::as_object).map(|data| data.keys().cloned().collect());
    Record {
        record: "type",
        platform: sample.vendor.as_str(),
        event_type: sample.event_type,
        kind: sample.vendor.kind_of(sample.event_type).unwrap_or(Kind::Other).as_str(),
        subject: event.map(|event| event.subject.kind.to_string()).unwrap_or_default(),
        related: event.and_then(|event| event.related).map(|related| related.kind.to_string()),
        data_fields: fields.unwrap_or_default(),
        provenance: sample.provenance.as_str(),
        description: sample.description,
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| {
        let nearest = nearest(name, Kind::ALL.iter().map(|kind| kind.as_str()));
        let nearest = nearest.map(|nearest| format!("; the nearest is {nearest}")).unwrap_or_default();
        format!("there is no such kind{nearest}")
    })
}
