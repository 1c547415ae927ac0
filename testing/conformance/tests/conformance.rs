//! Replays the project's own vectors: every file, every case.

use gymhook_conformance::own_files;
use gymhook_vectors::{Report, VectorFile};

#[test]
fn every_case_of_every_file_holds() {
    let mut report = Report::default();
    for path in own_files().unwrap() {
        report.run_path(&path);
    }
    for failure in report.failures() {
        println!("{failure}");
    }
    assert!(report.failures().is_empty(), "{report}");
}

#[test]
fn every_scheme_and_every_vendor_has_a_file_and_every_case_a_reason() {
    let mut names = Vec::new();
    for path in own_files().unwrap() {
        let file = VectorFile::read(&path).unwrap();
        for case in file.cases() {
            let why = case.why().unwrap_or_default();
            assert!(why.trim().len() >= 5, "{}: {} gives no reason", file.name(), case.name());
            names.push(case.name().to_owned());
        }
    }
    for beginning in [
        "api-key: ",
        "body-hmac: ",
        "request-id-md5: ",
        "standard-webhooks: ",
        "timestamped-hmac: ",
        "egym: ",
        "gympoint: ",
        "perfectgym: ",
        "pg-next: ",
        "point: ",
    ] {
        assert!(names.iter().any(|name| name.starts_with(beginning)), "no case begins with {beginning:?}");
    }
}
