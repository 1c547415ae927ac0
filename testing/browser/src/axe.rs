//! The rules of accessibility that a program can check: axe-core, from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser::Result;

/// The script: from where `GYMHOOK_AXE` says, or from npm, kept in the target directory.
///
/// # Errors
/// It is not there, and cannot be fetched.
pub fn axe_script() -> Result<String> {
    if let Some(path) = std::env::var_os("GYMHOOK_AXE") {
        let path = PathBuf::from(path);
        return std::fs::read_to_string(&path).map_err(|error| {
            format!("GYMHOOK_AXE names {}, which cannot be read: {error}", path.display()).into()
        });
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe-core");
    let script = folder.join("package/axe.min.js");
    if !script.exists() {
        fetch(&folder).map_err(|error| {
            format!(
                "axe-core cannot be fetched from npm ({error}): install npm, or set GYMHOOK_AXE to the path of axe.min.js, or \
                 GYMHOOK_NO_BROWSER=1 to do without these tests"
            )
        })?;
    }
    Ok(std::fs::read_to_string(script)?)
}

fn fetch(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let packed = Command::new("npm").args(["pack", "--silent", "axe-core@4"]).current_dir(folder).output()?;
    if !packed.status.success() {
        return Err(String::from_utf8_lossy(&packed.stderr).into());
    }
    let name = String::from_utf8(packed.stdout)?;
    let name = name.lines().last().unwrap_or_default().trim().to_owned();
    let unpacked = Command::new("tar").args(["-xzf", &name]).current_dir(folder).status()?;
    if unpacked.success() { Ok(()) } else { Err(format!("tar cannot unpack {name}").into()) }
}
