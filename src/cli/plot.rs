//! `wattline plot RESULTS`: a picture of what a sweep wrote, as a file or in the terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::artifact::Artifact;
use super::{Global, Outcome, output};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::plot::axis::Log;
use crate::plot::{self, Chart, Kind, Request};
use crate::results;
use crate::search::Objective;

const EXAMPLES: &str = "\
Examples:
  wattline sweep s01-headline --keep all --out rows.parquet
  wattline plot rows.parquet                                 cost against time, in the terminal
  wattline plot rows.parquet -o frontier.svg
  wattline plot rows.parquet --kind heatmap -o winners.png   who wins over price and megawatts
  wattline plot rows.parquet --kind heatmap --color-by mfu --x chips --y usd_per_kwh
  wattline plot rows.parquet --kind breakdown --y cost_usd
  wattline plot rows.parquet --kind scatter --x chips --y mfu --color-by chip

A name that ends in .svg or .png decides the format. Axes are logarithmic where
positive values span more than 1.5 decades, unless --log says otherwise.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A file of `sweep --out`: Parquet, CSV or JSONL
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// What to draw
    #[arg(long, value_enum, ignore_case = true, default_value = "frontier")]
    kind: KindArgument,
    /// Column of the horizontal axis
    #[arg(long, value_name = "COLUMN")]
    x: Option<String>,
    /// Column of the vertical axis; with breakdown, the total whose parts are drawn
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// Column of the colours: texts are categories, numbers a scale
    #[arg(long, value_name = "COLUMN")]
    color_by: Option<String>,
    /// By what the winners of a heat map are judged
    #[arg(long, value_enum, ignore_case = true, default_value = "cost")]
    objective: ObjectiveArgument,
    /// Which axes are logarithmic
    #[arg(long, value_enum, ignore_case = true, default_value = "auto")]
    log: LogArgument,
    /// The picture's title, in place of the scenario's name
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Write a picture; without it, the terminal shows one
    #[arg(long, short = 'o', visible_alias = "output", value_name = "FILE.svg|FILE.png")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArgument {
    /// The designs that no other beats, before the cloud of all
    Frontier,
    /// Who wins over two axes
    Heatmap,
    /// What a total consists of
    Breakdown,
    /// Any two columns
    Scatter,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ObjectiveArgument {
    Time,
    Energy,
    Cost,
    Carbon,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogArgument {
    Auto,
    None,
    X,
    Y,
    Both,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Svg,
    Png,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let picture = arguments.out.as_deref().map(Picture::create).transpose()?;
    let table = results::read(&arguments.results)?;
    let file = arguments.results.display().to_string();
    let chart = plot::chart(&table, &file, &request(arguments))?;
    let written = match picture {
        Some(picture) => Some(picture.draw(&chart)?),
        None => None,
    };
    if global.json {
        output::json(&json!({ "title": chart.title, "note": chart.subtitle, "rows": table.rows(), "file": written }))?;
    } else if written.is_none() {
        output::answer(&plot::text(&chart, output::width().into()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn request(arguments: &Arguments) -> Request {
    Request {
        kind: match arguments.kind {
            KindArgument::Frontier => Kind::Frontier,
            KindArgument::Heatmap => Kind::Heatmap,
            KindArgument::Breakdown => Kind::Breakdown,
            KindArgument::Scatter => Kind::Scatter,
        },
        x: arguments.x.clone(),
        y: arguments.y.clone(),
        color: arguments.color_by.clone(),
        log: match arguments.log {
            LogArgument::Auto => Log::Auto,
            LogArgument::None => Log::None,
            LogArgument::X => Log::X,
            LogArgument::Y => Log::Y,
            LogArgument::Both => Log::Both,
        },
        objective: match arguments.objective {
            ObjectiveArgument::Time => Objective::Time,
            ObjectiveArgument::Energy => Objective::Energy,
            ObjectiveArgument::Cost => Objective::Cost,
            ObjectiveArgument::Carbon => Objective::Carbon,
        },
        title: arguments.title.clone(),
    }
}

/// The file that is asked for, tried before any work.
pub(super) struct Picture {
    file: Artifact,
    format: Format,
}

impl Picture {
    pub(super) fn create(path: &Path) -> Result<Picture, Fault> {
        let shown = path.display().to_string();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let format = match extension.to_ascii_lowercase().as_str() {
            "svg" => Format::Svg,
            "png" => Format::Png,
            _ => {
                let message = format!("{} names no picture that can be written", quoted(&shown));
                return Err(Fault::input(Diagnostic::error(message).key("-o").help("-o writes FILE.svg or FILE.png")));
            }
        };
        Ok(Picture { file: Artifact::create(path)?, format })
    }

    /// Writes the picture; returns its name.
    pub(super) fn draw(self, chart: &Chart) -> Result<String, Fault> {
        let content = match self.format {
            Format::Svg => plot::svg(chart),
            Format::Png => plot::png(chart)?,
        };
        let name = self.file.path().display().to_string();
        self.file.finish(&content)?;
        Ok(name)
    }
}
