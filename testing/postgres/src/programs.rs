//! Where PostgreSQL's programs are, and as whom they run.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// PostgreSQL's programs are not there. The machine lacks them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "these tests need PostgreSQL 13 or newer, and `initdb` was found neither by `pg_config --bindir`, nor on the PATH, nor \
     under /usr/lib/postgresql: install it (Debian, Ubuntu: `apt-get install postgresql`; macOS: `brew install \
     postgresql`), or set GYMHOOK_TEST_DATABASE_URL to a database that may be written to"
)]
pub struct MissingPrograms;

/// The folder with `initdb` and `postgres`.
pub(crate) fn folder() -> Result<PathBuf, MissingPrograms> {
    let mut candidates = Vec::new();
    if let Ok(said) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    }
    candidates.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    candidates.extend(debian());
    candidates.into_iter().find(|folder| has_programs(folder)).ok_or(MissingPrograms)
}

/// Debian's folders, the newest version first.
fn debian() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut folders: Vec<(u32, PathBuf)> = versions
        .flatten()
        .map(|version| {
            let number = version.file_name().to_string_lossy().parse().unwrap_or(0);
            (number, version.path().join("bin"))
        })
        .collect();
    folders.sort_unstable();
    folders.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// Whether this process is the superuser's, as whom PostgreSQL refuses to run.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// The user and the group as whom the programs run instead.
pub(crate) fn postgres_user() -> Option<(u32, u32)> {
    let number = |flag: &str| {
        let said = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8_lossy(&said.stdout).trim().parse().ok()
    };
    Some((number("-u")?, number("-g")?))
}
