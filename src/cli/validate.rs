//! `wattline validate [RUNS.csv]`: predicted against measured.

mod document;
mod group;
mod page;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::group::Group;
use super::{Global, Outcome, output};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::source_text::SourceText;
use crate::library::store::evidence;
use crate::validate::column_map::ColumnMap;
use crate::validate::predict::{Judgement, Predictor};
use crate::validate::table::Table;

const EXAMPLES: &str = "\
Examples:
  wattline validate                                  the published runs
  wattline validate --by chip --rows
  wattline validate ours.csv                         the columns of evidence/published_runs.csv
  wattline validate theirs.csv --columns map.toml    another lab's columns
  wattline validate ours.csv --json | jq .summary

A row needs a chip, a number of chips, a shape (layers, hidden, heads) and
something measured; what else it leaves blank is chosen, and said so. A table
with peak_memory_GiB and memory_kind is judged on memory, one with system and
mean_W_per_node on power.

error = ln(predicted / measured) of time, energy, power or memory, and
ln(measured / predicted) of rates: +0.10 is about 10 % too slow or too much.";

/// The tables that the program carries, the runs first.
const SHIPPED: [&str; 3] = ["published_runs.csv", "memory_measured.csv", "power_measured.csv"];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A CSV of measured runs; without one, the published runs, memory and power that the program carries
    #[arg(value_name = "RUNS.csv")]
    runs: Option<PathBuf>,
    /// A TOML file that maps another lab's columns to ours
    #[arg(long, value_name = "MAP.toml", requires = "runs")]
    columns: Option<PathBuf>,
    /// What to group the errors by
    #[arg(long, value_enum, ignore_case = true, default_value = "source")]
    by: Group,
    /// Print every row with its prediction and its measurement
    #[arg(long, short = 'v', visible_alias = "verbose")]
    rows: bool,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let tables = tables(arguments)?;
    let library = global.open_library()?;
    let predictor = Predictor::new(&library)?;
    let judgements: Vec<Judgement> = tables.iter().map(|table| predictor.judge(table)).collect::<Result<_, _>>()?;
    for judgement in &judgements {
        output::diagnostics(&judgement.warnings);
    }
    if global.json {
        output::json(&document::document(&judgements))?;
    } else {
        output::answer(&page::page(&judgements, arguments.by, arguments.rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tables(arguments: &Arguments) -> Result<Vec<Table>, Fault> {
    let map = arguments.columns.as_deref().map(ColumnMap::read).transpose()?;
    match &arguments.runs {
        Some(path) => Ok(vec![Table::read(path, map.as_ref())?]),
        None => SHIPPED.into_iter().map(shipped).collect(),
    }
}

fn shipped(name: &str) -> Result<Table, Fault> {
    let file = format!("evidence/{name}");
    let Some(text) = evidence(name) else {
        return Err(Fault::work(Diagnostic::error(format!("the program carries no {file}"))));
    };
    Table::parse(SourceText::new(&file, text), None)
}
