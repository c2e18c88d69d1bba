//! `wattline validate [RUNS.csv]`: predicted against measured.

mod document;
mod group;
mod page;
mod standings;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use self::group::Group;
use self::standings::Standings;
use super::artifact::Artifact;
use super::{Global, Outcome, output};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::validate::column_map::ColumnMap;
use crate::validate::predict::{Judgement, Predictor};
use crate::validate::scatter::Format;
use crate::validate::table::{Table, TableKind};
use crate::validate::{peers, scatter};

const EXAMPLES: &str = "\
Examples:
  wattline validate                                  the published runs
  wattline validate --by chip --rows
  wattline validate ours.csv                         the columns of evidence/published_runs.csv
  wattline validate theirs.csv --columns map.toml    another lab's columns
  wattline validate ours.csv --json | jq .summary
  wattline validate --by parallelism --scatter scatter.svg
  wattline validate --blind                          what to expect of a new source
  wattline validate --baseline                       beside a constant rate and other predictors

A row needs a chip, a number of chips, a shape (layers, hidden, heads) and
something measured; what else it leaves blank is chosen, and said so. A table
with peak_memory_GiB and memory_kind is judged on memory, one with system and
mean_W_per_node on power, one with gpu and cap_W on throughput and energy under
a power cap.

error = ln(predicted / measured) of time, energy, power or memory, and
ln(measured / predicted) of rates: +0.10 is about 10 % too slow or too much.";

/// The tables that the program carries, the runs first.
const SHIPPED: [TableKind; 4] = [TableKind::Runs, TableKind::Memory, TableKind::Power, TableKind::PowerCaps];

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
    /// Predict every row a second time as a stranger's: its source, product words and labels blanked, and no stack that
    /// serves its laboratory alone; the error to expect of a run that nobody here has seen
    #[arg(long)]
    blind: bool,
    /// Print nothing but the five locked sources, drawn by a hash of their names, and their mean
    #[arg(long)]
    locked: bool,
    /// Print every row with its prediction and its measurement
    #[arg(long, short = 'v', visible_alias = "verbose")]
    rows: bool,
    /// Draw predicted against measured, coloured by the groups of --by
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    scatter: Option<PathBuf>,
    /// Print the errors of a constant rate per chip and precision on the same rows, and what other predictors reach
    #[arg(long)]
    baseline: bool,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let scatter = arguments.scatter.as_deref().map(Scatter::create).transpose()?;
    let tables = tables(arguments)?;
    let library = global.open_library()?;
    let predictor = Predictor::new(&library)?;
    let judgements: Vec<Judgement> = tables.iter().map(|table| predictor.judge(table)).collect::<Result<_, _>>()?;
    for judgement in &judgements {
        output::diagnostics(&judgement.warnings);
    }
    let standings: Vec<Standings> = tables
        .iter()
        .zip(&judgements)
        .map(|(table, judgement)| Standings::of(table, judgement, arguments.blind.then_some(&predictor)))
        .collect::<Result<_, _>>()?;
    if arguments.locked {
        return print_locked(&standings, global.json);
    }
    if let Some(scatter) = scatter {
        scatter.draw(&judgements, arguments.by)?;
    }
    let beside = if arguments.baseline { beside(&judgements, &predictor, arguments)? } else { Vec::new() };
    if global.json {
        output::json(&document::document(&judgements, &standings, &beside))?;
    } else {
        output::answer(&page::page(&judgements, &standings, &beside, arguments.by, arguments.rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the locked sources of the tables that have some.
fn print_locked(standings: &[Standings], json: bool) -> Outcome {
    if json {
        output::json(&standings::locked_document(standings))?;
    } else {
        output::answer(&standings::locked_page(standings))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The picture that is asked for.
struct Scatter {
    file: Artifact,
    format: Format,
}

impl Scatter {
    fn create(path: &Path) -> Result<Scatter, Fault> {
        let Some(format) = Format::of(path) else {
            let message = format!("{} names no picture", quoted(&path.display().to_string()));
            return Err(Fault::input(Diagnostic::error(message).help("--scatter writes FILE.svg or FILE.png")));
        };
        Ok(Scatter { file: Artifact::create(path)?, format })
    }

    fn draw(self, judgements: &[Judgement], by: Group) -> Result<(), Fault> {
        self.file.finish(&scatter::draw(judgements, |row| by.label(row), self.format)?)
    }
}

/// The runs beside a constant rate; the shipped ones beside other predictors too.
fn beside(
    judgements: &[Judgement],
    predictor: &Predictor<'_>,
    arguments: &Arguments,
) -> Result<Vec<peers::Line>, Fault> {
    let mut lines = Vec::new();
    for judgement in judgements.iter().filter(|judgement| judgement.kind == TableKind::Runs) {
        lines.extend(peers::beside_constant_rate(judgement));
        if arguments.runs.is_none() {
            lines.extend(peers::beside_peers(judgement, predictor)?);
        }
    }
    Ok(lines)
}

fn tables(arguments: &Arguments) -> Result<Vec<Table>, Fault> {
    let map = arguments.columns.as_deref().map(ColumnMap::read).transpose()?;
    match &arguments.runs {
        Some(path) => Ok(vec![Table::read(path, map.as_ref())?]),
        None => SHIPPED.into_iter().map(|kind| Table::shipped(kind.shipped())).collect(),
    }
}
