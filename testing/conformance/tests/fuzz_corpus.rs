//! Replays the fuzzers' corpus on stable: `fuzz/corpus/<target>/*`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use gymhook_conformance::fuzz;
use gymhook_event::Vendor;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let inputs: Vec<Vec<u8>> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

#[test]
fn verifying_the_corpus_of_every_scheme_breaks_no_invariant() {
    for scheme in fuzz::SCHEMES {
        for input in corpus(&format!("verify_{}", scheme.replace('-', "_"))) {
            fuzz::verify(scheme, &input);
        }
    }
}

#[test]
fn decoding_the_corpus_of_every_vendor_breaks_no_invariant() {
    for &vendor in Vendor::ALL {
        for input in corpus(&format!("decode_{}", vendor.as_str().replace('-', "_"))) {
            fuzz::decode(vendor, &input);
        }
    }
}
