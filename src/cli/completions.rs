//! `wattline completions SHELL`: a script for the shell.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Outcome, output};

const EXAMPLES: &str = "\
Examples:
  wattline completions bash > ~/.local/share/bash-completion/completions/wattline
  wattline completions fish > ~/.config/fish/completions/wattline.fish";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Outcome {
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wattline", &mut script);
    output::raw(&script)?;
    Ok(ExitCode::SUCCESS)
}
