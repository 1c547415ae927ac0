//! `gymhook sample`: prints a realistic body of an event type.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use gymhook::event::{Sample, Vendor, samples};
use gymhook::text::nearest;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::platform::Platform;

/// Print a realistic body of an event type, as the platform would send it
#[derive(Args, Debug)]
#[command(after_help = "\
Ids, names and times are made up. A remark on standard error says where the fields are known from.

Example: a body to work with
  gymhook sample pg-next CUSTOMER_CHECKIN > body.json")]
pub(crate) struct Arguments {
    /// Whose
    platform: Platform,
    /// The event type, in the platform's spelling ("gymhook types PLATFORM" lists them)
    #[arg(value_name = "TYPE", required_unless_present = "all", conflicts_with = "all")]
    event_type: Option<String>,
    /// Write a sample of every type into this folder, one file each
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

#[derive(Serialize)]
struct Record {
    record: &'static str,
    platform: &'static str,
    #[serde(rename = "type")]
    event_type: &'static str,
    provenance: &'static str,
    description: &'static str,
    body: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let vendor = vendor_of(arguments.platform)?;
    if let Some(folder) = &arguments.all {
        return write_all(vendor, folder, output);
    }
    let sample = find(vendor, arguments.event_type.as_deref().unwrap_or_default())?;
    if output.is_json() {
        return output.record(&record(sample, None));
    }
    output.note(&sample.to_string());
    output.raw(sample.body.as_bytes())
}

pub(crate) fn vendor_of(platform: Platform) -> Result<Vendor, Failure> {
    platform.vendor().ok_or_else(|| {
        Failure::usage("standard-webhooks signs any payload and has none of its own: name one of the five, or give a body")
    })
}

/// The sample of this type, or an error that names the nearest, if one is near.
pub(crate) fn find(vendor: Vendor, event_type: &str) -> Result<&'static Sample, Failure> {
    let own = || samples().filter(move |sample| sample.vendor == vendor);
    if let Some(sample) = own().find(|sample| sample.event_type == event_type) {
        return Ok(sample);
    }
    let nearest = nearest(event_type, own().map(|sample| sample.event_type));
    let nearest = nearest.map(|nearest| format!("; the nearest is {nearest}")).unwrap_or_default();
    Err(Failure::usage(format!(
        "{vendor} has no event {event_type:?}{nearest} (\"gymhook types {vendor}\" lists them)"
    )))
}

fn write_all(vendor: Vendor, folder: &Path, output: &mut Output) -> Result<(), Failure> {
    let unwritable = |path: &Path, error: std::io::Error| {
        Failure::usage(format!("{path:?} cannot be written ({}): name a folder of yours", error.kind()))
    };
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    let mut written = 0;
    for sample in samples().filter(|sample| sample.vendor == vendor) {
        let path = folder.join(format!("{}.json", sample.event_type));
        fs::write(&path, sample.body).map_err(|error| unwritable(&path, error))?;
        output.record(&record(sample, Some(path.display().to_string())))?;
        written += 1;
    }
    output.line(&format!("wrote {written} samples of {vendor} into {}", folder.display()))
}

fn record(sample: &Sample, file: Option<String>) -> Record {
    Record {
        record: "sample",
        platform: sample.vendor.as_str(),
        event_type: sample.event_type,
        provenance: sample.provenance.as_str(),
        description: sample.description,
        body: sample.body,
        file,
    }
}
