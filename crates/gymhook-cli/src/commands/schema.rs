//! `gymhook schema`: prints the JSON Schemas of what the platforms send, or an AsyncAPI document.

use clap::{ArgGroup, Args};
use gymhook::cloud_event::CloudEvent;
use gymhook::event::{Sample, Vendor, samples, schema};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::output::Output;
use crate::platform::Platform;

/// Print a JSON Schema of a platform's bodies, of the one reading, or an AsyncAPI document of all five
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["platform", "asyncapi", "cloudevents"]), after_help = "\
JSON Schema is of draft 2020-12. \"x-provenance\" says where a type or a field is known from: documented by the vendor, seen by receivers, or ours where nobody knows it. What the vendors leave open is described, not demanded.

Example: an AsyncAPI 3 document of the five platforms
  gymhook schema --asyncapi > gymhook.asyncapi.json")]
pub(crate) struct Arguments {
    /// Whose bodies
    platform: Option<Platform>,
    /// An AsyncAPI 3 document of all five platforms
    #[arg(long)]
    asyncapi: bool,
    /// The CloudEvent that "listen --as standard-webhooks" makes of each event
    #[arg(long)]
    cloudevents: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let document = match arguments.platform {
        Some(platform) => of_platform(platform)?,
        None if arguments.cloudevents => CloudEvent::schema(),
        None => asyncapi(),
    };
    if output.is_json() {
        return output.record(&document);
    }
    let text = serde_json::to_string_pretty(&document).map_err(Failure::failed)?;
    output.raw((text + "\n").as_bytes())
}

fn of_platform(platform: Platform) -> Result<Value, Failure> {
    let schema = platform.vendor().and_then(schema::of_body);
    schema.ok_or_else(|| {
        Failure::usage("standard-webhooks signs any payload and has no schema: name one of the five")
    })
}

/// AsyncAPI 3.0.0: the platforms send, so an application that this document describes receives.
fn asyncapi() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for platform in Platform::ALL {
        let Some(vendor) = platform.vendor() else { continue };
        channels.insert(vendor.to_string(), channel(platform, vendor));
        operations.insert(format!("receive-{vendor}"), operation(vendor));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Webhooks of fitness platforms",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What GymPoint, EGYM, PerfectGym, PG Next and Point send to a receiver, with where each part is known from. Not published by these vendors.",
            "license": {"name": "MIT OR Apache-2.0"}
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations
    })
}

fn channel(platform: Platform, vendor: Vendor) -> Value {
    let own = || samples().filter(move |sample| sample.vendor == vendor);
    let messages: Map<String, Value> =
        own().map(|sample| (sample.event_type.to_owned(), message(platform, sample))).collect();
    let page = platform.profile().map(|profile| profile.page);
    json!({
        "address": null,
        "title": vendor.as_str(),
        "description": "The URL that the receiver has given to the platform.",
        "messages": messages,
        "externalDocs": {"url": page}
    })
}

fn message(platform: Platform, sample: &Sample) -> Value {
    let names = platform.scheme().header_names();
    let properties: Map<String, Value> =
        names.iter().map(|name| (name.to_string(), json!({"type": "string"}))).collect();
    let required: Vec<&str> = names.iter().map(http::HeaderName::as_str).collect();
    let example: Value = serde_json::from_str(sample.body).unwrap_or_default();
    json!({
        "name": sample.event_type,
        "title": sample.event_type,
        "summary": sample.description,
        "contentType": "application/json",
        "headers": {"type": "object", "required": required, "properties": properties},
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": schema::of_body(sample.vendor)
        },
        "examples": [{"name": "made-up", "payload": example}],
        "x-kind": sample.vendor.kind_of(sample.event_type).map(gymhook::event::Kind::as_str),
        "x-provenance": sample.provenance.as_str()
    })
}

fn operation(vendor: Vendor) -> Value {
    json!({
        "action": "receive",
        "channel": {"$ref": format!("#/channels/{vendor}")},
        "summary": format!("A webhook of {vendor}, sent as POST; any 2xx is success.")
    })
}
