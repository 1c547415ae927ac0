//! A sixth vendor: one that lives outside of the libraries, and one that is added to them as CONTRIBUTING.md says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::signature::{BodyHmac, Keyring, Secret};
use gymhook::{Profile, Provider, Receiver, Setting};
use gymhook_event::{AnyNotification, DecodeError, DedupeKey, Event, Kind, Notification, Vendor};
use http::HeaderName;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where code is added for a vendor, with the line that it is added behind (or at the end) and what is added.
const PLACES: [(&str, Option<&str>, &str); 6] = [
    ("crates/gymhook-event/src/lib.rs", Some("pub mod point;"), "pub mod acme;"),
    (
        "crates/gymhook-event/src/vendor_table.rs",
        Some("            POINT = \"point\", Point(point);"),
        "            /// Acme Gyms, `acme.example`.\n            ACME = \"acme\", Acme(acme);",
    ),
    (
        "crates/gymhook-signature/src/vendor.rs",
        None,
        "/// Acme.\n#[must_use]\npub fn acme() -> BodyHmac {\n    \
         BodyHmac::new(HeaderName::from_static(\"x-acme-signature\"))\n}",
    ),
    (
        "crates/gymhook-retry/src/vendor.rs",
        None,
        "impl RetryPolicy {\n    /// Acme.\n    #[must_use]\n    pub const fn acme() -> Self {\n        \
         Self::new(RetrySchedule::never())\n    }\n}",
    ),
    ("crates/gymhook/src/vendor.rs", Some("    POINT: point,"), "    ACME: acme,"),
    (
        "crates/gymhook/src/vendor.rs",
        None,
        "impl Provider<gymhook_event::acme::Notification> {\n    /// Acme.\n    #[must_use]\n    pub fn acme() -> Self {\n        \
         let retry = Setting::our_default(RetryPolicy::acme(), \"invented\");\n        \
         let profile = Profile::new(\"https://acme.example/webhooks\", retry);\n        \
         Self::new(Vendor::ACME, vendor::acme(), gymhook_event::decode, profile)\n    }\n}",
    ),
];

/// The vendor's own folder, which is added as a whole.
const MODULE: &str = "crates/gymhook-event/src/acme";

/// A notification of a vendor that no list in the libraries knows.
#[derive(Debug, Deserialize, Serialize)]
struct Visit {
    visitor: String,
}

const OWN: Vendor = Vendor::new("own");

impl Notification for Visit {
    fn vendor(&self) -> Vendor {
        OWN
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        (index == 0).then(|| Event::new(OWN, "visit", Kind::CheckIn))
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        Some(DedupeKey::Provided(self.visitor.clone()))
    }
}

#[test]
fn a_vendor_of_a_program_s_own_needs_none_of_the_lists() {
    let retry = Setting::configured(RetryPolicy::new(RetrySchedule::never()));
    let profile = Profile::new("https://own.example/webhooks", retry);
    let scheme = BodyHmac::new(HeaderName::from_static("x-own-signature"));
    let provider = Provider::new(OWN, scheme, gymhook_event::decode::<Visit>, profile);
    let keyring = Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
    let receiver = Receiver::new(&provider, keyring).unwrap();

    let (body, now) = (r#"{"visitor":"Ada"}"#, UtcDateTime::UNIX_EPOCH);
    let headers = receiver.verifier().signer().sign("", body.as_bytes(), now).unwrap();
    let verified = receiver.receive(&headers, body, now).unwrap().into_body_signed().unwrap();
    assert_eq!(verified.value().notification().visitor, "Ada");
    assert!(verified.value().events().all(|event| event.vendor == OWN && event.kind == Kind::CheckIn));
    assert!(provider.to_string().contains("own"));

    assert!(!Vendor::ALL.contains(&OWN));
    assert!(Provider::of(OWN).is_none());
    assert_eq!(AnyNotification::decode(OWN, body.as_bytes()), Err(DecodeError::UnknownVendor));
}

#[test]
fn contributing_names_the_places_and_no_others() {
    let page = fs::read_to_string(format!("{ROOT}/CONTRIBUTING.md")).unwrap();
    let (_, section) = page.split_once("\n## A new platform\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let numbered =
        section.lines().filter_map(|line| line.split_once(". `").filter(|(n, _)| n.parse::<u8>().is_ok()));
    let named: Vec<_> = numbered.map(|(_, path)| path.split('`').next().unwrap()).collect();
    let mut expected = vec!["crates/gymhook-event/src/<vendor>/"];
    expected.extend(PLACES.iter().map(|(file, ..)| *file));
    expected.dedup();
    assert_eq!(named, expected);
}

#[test]
fn no_other_file_of_the_libraries_lists_the_vendors() {
    let places = PLACES.map(|(file, ..)| PathBuf::from(file));
    let crates = fs::read_dir(format!("{ROOT}/crates")).unwrap();
    let mut sources = Vec::new();
    // The command and the runner of the vectors play each platform by hand, as CONTRIBUTING says: nothing rests on them.
    let libraries = crates.map(|library| library.unwrap().path());
    for library in
        libraries.filter(|path| !path.ends_with("gymhook-cli") && !path.ends_with("gymhook-vectors"))
    {
        files(&library.join("src"), &mut sources);
    }
    assert!(sources.len() > 100, "{} sources", sources.len());
    for source in sources.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let relative = source.strip_prefix(ROOT).unwrap();
        let text = fs::read_to_string(source).unwrap();
        // It has a function for each module of the table, and does not compile without one.
        let is_made_from_the_table = relative == Path::new("crates/gymhook-event/src/schema.rs")
            && text.contains("for_each_vendor!(bodies);");
        // What a configuration may set of each scheme, by hand, as CONTRIBUTING says: other platforms have nothing to set.
        let is_configuration = relative == Path::new("crates/gymhook-service/src/config/source.rs");
        if !is_made_from_the_table && !is_configuration && !places.iter().any(|place| place == relative) {
            assert!(
                !lists_vendors(&text),
                "{} has a list of its own: make it from the table",
                relative.display()
            );
        }
    }
    let list = "[Vendor::GYMPOINT, // first\n Vendor::EGYM, Vendor::PERFECTGYM, Vendor::POINT]";
    assert!(lists_vendors(list) && !lists_vendors(&list.replace("\n", "\n// ")), "the check sees a list");
}

/// Whether code, comments and tests left out, speaks of three vendors or more.
fn lists_vendors(text: &str) -> bool {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code = code.lines().map(|line| line.split("//").next().unwrap());
    let words: Vec<_> = code
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .map(str::to_lowercase)
        .collect();
    let vendors = ["gympoint", "egym", "perfectgym", "point"];
    vendors.iter().filter(|vendor| words.iter().any(|word| word == *vendor)).count() >= 3
}

#[test]
fn a_vendor_added_in_these_places_is_in_every_list() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sixth-vendor");
    for library in ["gymhook", "gymhook-delivery", "gymhook-event", "gymhook-retry", "gymhook-signature"] {
        let library = format!("crates/{library}");
        let mut sources = Vec::new();
        files(&Path::new(ROOT).join(&library).join("src"), &mut sources);
        sources.extend(["Cargo.toml", "README.md"].map(|file| Path::new(ROOT).join(&library).join(file)));
        for source in sources {
            let relative = source.strip_prefix(ROOT).unwrap();
            write(&copy.join(relative), &with_acme(relative, &fs::read_to_string(&source).unwrap()));
        }
    }
    for file in ["event_type.rs", "mod.rs", "notification.rs", "samples.rs"] {
        let text = fs::read_to_string(format!("{ROOT}/tests/sixth_vendor/acme/{file}")).unwrap();
        write(&copy.join(MODULE).join(file), &text);
    }
    for file in ["Cargo.toml", "check.rs"] {
        let text = fs::read_to_string(format!("{ROOT}/tests/sixth_vendor/check/{file}")).unwrap();
        write(&copy.join("check").join(file), &text);
    }
    let workspace = fs::read_to_string(format!("{ROOT}/Cargo.toml")).unwrap();
    let (_, shared) = workspace.split_once("[workspace.package]").unwrap();
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"check\"]\n\n[workspace.package]";
    write(&copy.join("Cargo.toml"), &format!("{members}{shared}"));
    // Cargo leaves out what the copy does not need; what remains is what this workspace has downloaded.
    write(&copy.join("Cargo.lock"), &fs::read_to_string(format!("{ROOT}/Cargo.lock")).unwrap());

    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--package", "sixth-vendor-check", "--lib"])
        .args(["--config", "profile.dev.debug=false", "--target-dir"])
        .arg(copy.join("target"))
        .current_dir(&copy)
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("3 passed; 0 failed; 0 ignored"), "{said}\n{errors}");
}

/// The text of a file with what the places add to it.
fn with_acme(file: &Path, text: &str) -> String {
    let mut text = text.to_owned();
    for (_, behind, added) in PLACES.iter().filter(|(place, ..)| Path::new(place) == file) {
        match behind {
            Some(line) => {
                let (before, after) = text.split_once(&format!("{line}\n")).unwrap();
                text = format!("{before}{line}\n{added}\n{after}");
            }
            None => text = format!("{text}\n{added}\n"),
        }
    }
    text
}

/// All files below a folder, in the order of their names.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_unstable();
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Leaves a file alone that holds this text already, so that cargo compiles only what changed.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|written| written == text) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
