//! How do I check a webhook library against language-neutral vectors?
//!
//! ```text
//! cargo run --release --example conformance                  the project's own vectors, tests/vectors/*.json
//! cargo run --release --example conformance -- FILE...       any files of the same format
//! ```
//!
//! Prints one line for each failure and closes with `N passed, M failed`; the exit status is 1 if anything failed.

use std::path::PathBuf;
use std::process::ExitCode;

use gymhook_conformance::own_files;
use gymhook_vectors::Report;

fn main() -> std::io::Result<ExitCode> {
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let files = if named.is_empty() { own_files()? } else { named };

    let mut report = Report::default();
    for file in &files {
        report.run_path(file);
    }
    for failure in report.failures() {
        println!("{failure}");
    }
    println!("{report}");
    let failed = files.is_empty() || !report.failures().is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
