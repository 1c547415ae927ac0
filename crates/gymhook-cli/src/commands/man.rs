//! `gymhook man`: prints the manual pages.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::arguments::Cli;
use crate::failure::Failure;
use crate::output::Output;

/// Print the manual page, or write one for each command
#[derive(Args, Debug)]
#[command(after_help = "\
Example: read it
  gymhook man | man -l -")]
pub(crate) struct Arguments {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Err(Failure::usage("a manual page is no JSON: leave --json out"));
    }
    let Some(folder) = &arguments.all else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::failed)?;
        return output.raw(&page);
    };
    let unwritable = |error: std::io::Error| {
        Failure::usage(format!(
            "folder {folder:?} cannot be written ({}): name a folder of yours",
            error.kind()
        ))
    };
    fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
    output.line(&format!("wrote the pages into {}", folder.display()))
}
