//! From the start of a process to its end.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use gymhook::Provider;
use gymhook::signature::{Keyring, Secret, Verifier};
use gymhook_benches::request::SECRET;
use gymhook_benches::{Goal, Outcome, Rounds};
use time::UtcDateTime;

use crate::child;
use crate::table::{FIRST, Row, table};

pub(crate) const TASK: &str = "start";

const GOAL: Goal = Goal::AtMost(1.5, FIRST);
const MAX_MEBIBYTES: f64 = 15.0;

/// The size without symbols, by binutils' `strip`.
pub(crate) fn stripped_mebibytes(gymhook: &Path) -> Outcome<f64> {
    let copy = tempfile::NamedTempFile::new()?;
    let status = Command::new("strip").arg("-o").arg(copy.path()).arg(gymhook).status()?;
    if !status.success() {
        return Err("strip cannot read it".into());
    }
    let mebibytes = f64::from(u32::try_from(fs::metadata(copy.path())?.len())?) / f64::from(1 << 20);
    if mebibytes > MAX_MEBIBYTES {
        println!("GOAL MISSED: more than {MAX_MEBIBYTES} MiB");
    }
    Ok(mebibytes)
}

/// Prints the table.
pub(crate) fn measure(gymhook: &Path, is_quick: bool) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let (body, headers) = (folder.path().join("body.json"), folder.path().join("headers"));
    let sample = gymhook::event::samples().find(|sample| sample.vendor.as_str() == "gympoint");
    let text = sample.ok_or("no sample of GymPoint")?.body;
    fs::write(&body, text)?;
    let keyring = Keyring::single("main", Secret::new(SECRET)?)?;
    let verifier = Verifier::with_shared(Provider::gympoint().scheme().clone(), keyring)?;
    let signed = verifier.signer().sign("1", text.as_bytes(), UtcDateTime::now())?;
    let lines = signed.iter().map(|(name, value)| Ok(format!("{name}: {}\n", value.to_str()?)));
    fs::write(&headers, lines.collect::<Outcome<String>>()?)?;

    let (bare, mut version, mut verify) = (
        child::command(Path::new(env!("CARGO_BIN_EXE_bare_program"))),
        child::command(gymhook),
        child::command(gymhook),
    );
    version.arg("--version");
    verify.args(["verify", "gympoint", "--headers"]).arg(&headers).arg("--body").arg(&body);
    let mut contenders = [
        ("a program that prints a line", bare),
        ("gymhook --version", version),
        ("gymhook verify gympoint", verify),
    ];
    let length = Duration::from_secs(if is_quick { 1 } else { 10 });
    let rounds = Rounds::play(contenders.len(), 101, length, |contender| {
        let (_, command) = contenders.get_mut(contender).ok_or("no such contender")?;
        let began = Instant::now();
        let status = command.stderr(Stdio::null()).status()?;
        let took = began.elapsed();
        if !status.success() {
            return Err(format!("{command:?} ended with {status}").into());
        }
        #[expect(clippy::cast_precision_loss, reason = "a time")]
        Ok(took.as_nanos() as f64)
    })?;
    let rows = contenders.iter().enumerate().map(|(at, (name, _))| Row {
        name,
        figure: format!("{:.2}", rounds.nanos(at) / 1e6),
        ratio: rounds.ratio(at, 0),
    });
    table(["process", "ms", "× the first"], rows, GOAL).print();
    Ok(())
}
