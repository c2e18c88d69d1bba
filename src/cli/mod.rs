//! The command line: what the user typed, the command that answers it, the exit code.

mod artifact;
mod check;
mod claims;
mod compare;
mod completions;
mod crossover;
pub mod doctor;
mod engine;
mod estimate;
mod fit;
mod list;
mod measured;
mod merge;
mod output;
mod plot;
mod sensitivity;
mod show;
mod sweep;
mod validate;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::library::diagnostic::{Diagnostic, Exit, Fault};
use crate::library::record::Lacking;
use crate::library::store::Library;

const EXAMPLES: &str = "\
Examples:
  wattline compare                           the headline question, answered
  wattline estimate --workload llama-3.1-405b --chip h100 --chips 16384
  wattline list chips                        what the library knows
  wattline show chip nvidia-h100-sxm         every value with its source
  wattline show chip h100 --toml > my.toml   a file to edit
  wattline check my.toml                     what is wrong with it
  wattline validate                          how far predictions are off
  wattline claims                            vendors' claims on trial

A name may be an alias, in any case, or the path of a file of your own.
Exit codes: 0 done, 1 a fault during the work, 2 wrong input, 3 nothing feasible.";

/// Time, energy, money and carbon of AI training runs, from published chip profiles.
#[derive(Debug, Parser)]
#[command(name = "wattline", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// A folder of further entries, which stand over the built-in ones; may be repeated
    #[arg(long, global = true, value_name = "DIR")]
    pub library: Vec<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare designs: who wins on time, energy, cost and carbon, and where the winner changes
    Compare(compare::Arguments),
    /// Estimate one training run: time, power, energy, money, carbon
    Estimate(Box<estimate::Arguments>),
    /// Which inputs a scenario's designs hang on: a tornado, and shares of the variance
    Sensitivity(sensitivity::Arguments),
    /// Search every plan of a scenario's designs: best per design and objective
    Sweep(sweep::Arguments),
    /// Join the partitions of a sweep into one result
    Merge(merge::Arguments),
    /// Vendors' and public claims on trial
    Claims(Box<claims::Arguments>),
    /// List the chips, clusters, workloads, sites, stacks or scenarios of the library
    List(list::Arguments),
    /// Show one entry: every value with unit, kind, source and range
    Show(show::Arguments),
    /// Find what is wrong with your own library files
    Check(check::Arguments),
    /// Hold predictions against measured runs: the published ones, or your own
    Validate(validate::Arguments),
    /// Fit the constants of the time model on measured runs, and score the fit on runs left out
    Fit(fit::Arguments),
    /// Draw a result file of a sweep: frontier, map of winners, breakdown, scatter
    Plot(plot::Arguments),
    /// Show which adapters and engines work here
    Doctor(doctor::Arguments),
    /// Print the completion script of a shell
    Completions(completions::Arguments),
}

impl Global {
    /// The library under the folders of `--library`.
    pub fn open_library(&self) -> Result<Library, Fault> {
        Library::open(&self.library)
    }
}

/// How a command ends without its answer.
#[derive(Debug)]
pub enum Ending {
    Fault(Fault),
    /// stdout could not be written.
    Output(io::Error),
}

/// Exit 0, another code that the command has already explained, or a fault that is yet to be printed.
pub type Outcome = Result<ExitCode, Ending>;

impl From<Fault> for Ending {
    fn from(fault: Fault) -> Ending {
        Ending::Fault(fault)
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Ending {
        Ending::Output(error)
    }
}

impl From<Lacking> for Ending {
    fn from(lacking: Lacking) -> Ending {
        Ending::Fault(lacking.into())
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &arguments),
    };
    output::choose_colors(cli.global.color);
    let outcome = dispatch(&cli);
    conclude(outcome, cli.global.json)
}

fn dispatch(cli: &Cli) -> Outcome {
    let global = &cli.global;
    match &cli.command {
        Command::Compare(arguments) => compare::run(arguments, global),
        Command::Sensitivity(arguments) => sensitivity::run(arguments, global),
        Command::Sweep(arguments) => sweep::run(arguments, global),
        Command::Estimate(arguments) => estimate::run(arguments, global),
        Command::Merge(arguments) => merge::run(arguments, global),
        Command::Claims(arguments) => claims::run(arguments, global),
        Command::List(arguments) => list::run(arguments, global),
        Command::Show(arguments) => show::run(arguments, global),
        Command::Check(arguments) => check::run(arguments, global),
        Command::Validate(arguments) => validate::run(arguments, global),
        Command::Fit(arguments) => fit::run(arguments, global),
        Command::Plot(arguments) => plot::run(arguments, global),
        Command::Doctor(arguments) => doctor(arguments, global),
        Command::Completions(arguments) => completions::run(arguments),
    }
}

fn doctor(arguments: &doctor::Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let report = if arguments.bench { doctor::examine_and_bench(&library)? } else { doctor::examine(&library) };
    if global.json {
        output::json(&serde_json::to_value(&report).map_err(io::Error::from)?)?;
    } else {
        output::answer(&report.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a fault where it belongs, and gives its code.
fn conclude(outcome: Outcome, json: bool) -> ExitCode {
    let fault = match outcome {
        Ok(code) => return code,
        Err(Ending::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Ending::Output(error)) => Fault::work(Diagnostic::error(format!("the output cannot be written: {error}"))),
        Err(Ending::Fault(fault)) => fault,
    };
    output::diagnostics(&fault.diagnostics);
    // With exit 1 stdout may be what broke, or hold half a document already.
    if json && fault.exit != Exit::Work {
        let mut document = fault.to_json();
        if fault.exit == Exit::Infeasible {
            document["feasible"] = false.into();
            document["rejected"] = rejected(&fault);
        }
        let _ = output::json(&document);
    }
    ExitCode::from(fault.code())
}

/// Reason and detail of a fault found before any plan was tried: megawatts below one node, or values that nobody gave.
fn rejected(fault: &Fault) -> serde_json::Value {
    let first = fault.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
    let site = first.is_some_and(|diagnostic| diagnostic.key.as_deref() == Some("cap_mw"));
    let parts = fault.diagnostics.iter().flat_map(|diagnostic| [Some(&diagnostic.message), diagnostic.help.as_ref()]);
    let detail: Vec<&str> = parts.flatten().map(String::as_str).collect();
    serde_json::json!({ "reason": if site { "site_power" } else { "incomplete" }, "detail": detail.join("; ") })
}

/// Help and version are answers; every other complaint of the parser is exit 2.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let answered = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let asked_json =
        arguments.iter().skip(1).take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    let _ = error.print();
    if answered {
        return ExitCode::SUCCESS;
    }
    if asked_json {
        let _ = output::json(&Fault::input(restated(error)).to_json());
    }
    ExitCode::from(Exit::Input as u8)
}

/// The parser's complaint as a diagnostic: its first line, the argument, the rest as help.
fn restated(error: &clap::Error) -> Diagnostic {
    use clap::error::{ContextKind, ContextValue};
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let first = paragraphs.next().unwrap_or("the command line is wrong");
    let message = first.strip_prefix("error: ").unwrap_or(first).split_whitespace().collect::<Vec<_>>().join(" ");
    let help: Vec<&str> = paragraphs.filter(|paragraph| !paragraph.starts_with("For more information")).collect();
    let key =
        [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| match error.get(kind) {
            Some(ContextValue::String(key)) => Some(key.clone()),
            Some(ContextValue::Strings(keys)) => keys.first().cloned(),
            _ => None,
        });
    let diagnostic =
        if help.is_empty() { Diagnostic::error(message) } else { Diagnostic::error(message).help(help.join("; ")) };
    match key {
        Some(key) => diagnostic.key(key),
        None => diagnostic,
    }
}
