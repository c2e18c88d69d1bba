//! `wattline fit`: the constants of the time model from measured runs, with scores on runs left out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::artifact::Artifact;
use super::output::{FAINT, HEADING, signed, size};
use super::{Global, Outcome, output};
use crate::fit::file::{self, rounded, same_but_for_rounding};
use crate::fit::score::{Halves, Ways, halves};
use crate::fit::terms::{Constant, Terms};
use crate::fit::{LeftOut, Origin, Study, Tables, rows_of};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::entry_kind::EntryKind;
use crate::library::shape::figure;
use crate::library::source_text::SourceText;
use crate::model::parameters::Calibration;
use crate::uncertainty::calibrate::calibrate;
use crate::validate::column_map::ColumnMap;
use crate::validate::judged::Judged;
use crate::validate::peers::{self, FACTS};
use crate::validate::predict::Predictor;
use crate::validate::score::{Part, Summary, by, summarise};
use crate::validate::table::Table;

const EXAMPLES: &str = "\
Examples:
  wattline fit                                 fit and scores; writes nothing
  wattline fit --check                         do the shipped constants follow?
  wattline fit --out calibration.toml          then: --library of that folder
  wattline fit ours.csv --quick                our own runs, without scores
  wattline fit --priors mine.toml --json       other priors, rows or loss

What is fitted, with its prior, and which rows take part: evidence/fit.toml.
Every source weighs the same; flagged and recalled rows take no part. vTrain's
measured A100 runs are one more source where WATTLINE_FACTS (or --facts) names
a folder that holds vtrain/.

A row left out by source is predicted with constants fitted without any row of
its source, one left out by chip without any row of its chip.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A CSV of measured runs to fit instead of the published ones (and vTrain's)
    #[arg(value_name = "RUNS.csv")]
    runs: Option<PathBuf>,
    /// A TOML file that maps another lab's columns to ours
    #[arg(long, value_name = "MAP.toml", requires = "runs")]
    columns: Option<PathBuf>,
    /// Constants, priors, rows and loss, in the form of evidence/fit.toml
    #[arg(long, value_name = "FIT.toml")]
    priors: Option<PathBuf>,
    /// A folder of further evidence, instead of the one that WATTLINE_FACTS names
    #[arg(long, value_name = "DIR", conflicts_with = "runs")]
    facts: Option<PathBuf>,
    /// Fit once, and leave out the scores
    #[arg(long)]
    quick: bool,
    /// Exit 1 where the library's constants differ from the fit by more than rounding; implies --quick
    #[arg(long)]
    check: bool,
    /// Write the library's calibration with the fitted constants
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the library's spread, from the residuals of the rows left out by source
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "quick", "check"])]
    spread: Option<PathBuf>,
}

impl Arguments {
    fn facts(&self) -> Option<PathBuf> {
        if self.runs.is_some() { None } else { self.facts.clone().or_else(peers::facts) }
    }
}

/// A fit with all that is printed of it.
struct Report<'s, 't> {
    study: &'s Study<'t>,
    shipped: Calibration,
    /// None with --quick.
    scores: Option<(Ways, Vec<Halves>)>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let calibration_file = arguments.out.as_deref().map(Artifact::create).transpose()?;
    let spread_file = arguments.spread.as_deref().map(Artifact::create).transpose()?;
    let terms = match &arguments.priors {
        Some(path) => Terms::parse(&SourceText::read(path)?)?,
        None => Terms::shipped()?,
    };
    let facts = arguments.facts();
    let tables = tables(arguments, facts.as_deref())?;
    output::diagnostics(&tables.warnings().cloned().collect::<Vec<_>>());
    let library = global.open_library()?;
    let predictor = Predictor::new(&library)?;
    let bar = output::stages();
    let progress = |stage: &str| bar.set_message(stage.to_owned());
    let study = Study::new(&predictor, &tables, terms, &progress)?;
    let scores =
        (!arguments.quick && !arguments.check).then(|| (Ways::of(&study, &progress), halves(&study, &progress)));
    bar.finish_and_clear();
    let report = Report { study: &study, shipped: library.calibration()?, scores };
    if let Some(artifact) = calibration_file {
        let source = library.text(EntryKind::Calibration, "calibration")?;
        let record = library.record(EntryKind::Calibration, "calibration")?;
        let text = file::text(&study, &source, &record, &evidence_words(arguments, facts.is_some()))?;
        write(artifact, &text)?;
    }
    if let (Some(artifact), Some((ways, _))) = (spread_file, &report.scores) {
        write(artifact, &spread_text(&predictor, ways)?)?;
    }
    if global.json {
        output::json(&document(&report))?;
    } else {
        output::answer(&page(&report))?;
    }
    if arguments.check { check(&report) } else { Ok(ExitCode::SUCCESS) }
}

/// Finishes a file, and says so.
fn write(artifact: Artifact, text: &str) -> Result<(), Fault> {
    let shown = artifact.path().display().to_string();
    artifact.finish(text.as_bytes())?;
    output::remark(&format!("written: {shown}"));
    Ok(())
}

/// The spread of the runs left out by source, and of the metered nodes and memory, on which no constant is fitted here.
fn spread_text(predictor: &Predictor<'_>, ways: &Ways) -> Result<String, Fault> {
    let mut rows = rows_of(ways.by_source.iter().flat_map(|left| &left.rows), &[Origin::Runs]);
    for name in ["memory_measured.csv", "power_measured.csv"] {
        rows.extend(predictor.judge(&Table::shipped(name)?)?.rows);
    }
    let basis =
        "left-out residuals of evidence/published_runs.csv, and those of memory_measured.csv and power_measured.csv";
    Ok(calibrate(&rows).toml(basis))
}

fn tables(arguments: &Arguments, facts: Option<&Path>) -> Result<Tables, Fault> {
    if let Some(path) = &arguments.runs {
        let map = arguments.columns.as_deref().map(ColumnMap::read).transpose()?;
        return Tables::of(Table::read(path, map.as_ref())?);
    }
    if facts.is_none() {
        let message = format!("{FACTS} is not set: vTrain's measurements take no part in the fit");
        let help = "name the folder that holds vtrain/, in the environment or with --facts DIR";
        if arguments.check {
            let why = "the shipped constants are fitted with vTrain's measurements, and they are not at hand";
            return Err(Fault::input(Diagnostic::error(why).key(FACTS).help(help)));
        }
        output::diagnostics(&[Diagnostic::warning(message).key(FACTS).help(help)]);
    }
    Tables::shipped(facts)
}

/// What a written constant says of where it comes from.
fn evidence_words(arguments: &Arguments, facts: bool) -> String {
    match &arguments.runs {
        Some(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        None if facts => "evidence/published_runs.csv and vTrain's A100 measurements".to_owned(),
        None => "evidence/published_runs.csv".to_owned(),
    }
}

/// The library's constants against the fit.
fn check(report: &Report<'_, '_>) -> Outcome {
    let fitted = file::constants(report.study);
    let differing = report.study.terms.constants.iter().filter_map(|constant| {
        let (shipped, fit) = (report.shipped.get(constant.key)?, fitted.get(constant.key)?);
        let differs = !same_but_for_rounding(shipped, fit);
        differs.then(|| format!("{} is {}, the fit gives {}", constant.key, figure(shipped), figure(fit)))
    });
    let differing: Vec<String> = differing.collect();
    if differing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!("the library's calibration is not what the fit gives: {}", differing.join("; "));
    let help = "`wattline fit --out evidence/calibration.toml` writes it anew";
    Err(Fault::work(Diagnostic::error(message).in_file("evidence/calibration.toml").help(help)).into())
}

/// A constant with all that the fit says of it.
struct Line {
    key: &'static str,
    prior: f64,
    prior_sd: f64,
    fit: f64,
    /// Relative.
    posterior_sd: f64,
    /// Distance from the prior in its sd.
    moved: f64,
    /// Relative sd over the fits without one source.
    spread: Option<f64>,
    shipped: f64,
    identified: bool,
}

fn lines(report: &Report<'_, '_>) -> Vec<Line> {
    let study = report.study;
    let mut free = study.fit.coordinates.iter().zip(&study.fit.narrowing);
    let constants = study.terms.constants.iter().zip(&study.identified).zip(&study.narrowing);
    let line = |((constant, identified), narrowing): ((&Constant, &bool), &f64)| {
        let (moved, narrowing) = if *identified {
            free.next().map_or((0.0, *narrowing), |(moved, narrowing)| (*moved, *narrowing))
        } else {
            (0.0, *narrowing)
        };
        Line {
            key: constant.key,
            prior: constant.prior,
            prior_sd: constant.sd,
            fit: study.fit.calibration.get(constant.key).unwrap_or(f64::NAN),
            posterior_sd: narrowing * constant.relative_slope(moved),
            moved,
            spread: report.scores.as_ref().map(|(ways, _)| spread(&ways.by_source, constant.key)),
            shipped: report.shipped.get(constant.key).unwrap_or(f64::NAN),
            identified: *identified,
        }
    };
    constants.map(line).collect()
}

/// Relative sd of a constant over fits.
fn spread(fits: &[LeftOut], key: &str) -> f64 {
    let fits = fits.iter().filter(|left| left.group.is_some());
    let values: Vec<f64> = fits.filter_map(|left| left.calibration.get(key)).map(f64::ln).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn document(report: &Report<'_, '_>) -> Value {
    let study = report.study;
    let constants = lines(report).into_iter().map(|line| {
        json!({
            "key": line.key,
            "prior": line.prior,
            "prior_relative_sd": line.prior_sd,
            "fit": line.fit,
            "rounded": rounded(line.fit),
            "relative_sd": line.posterior_sd,
            "moved_prior_sds": line.moved,
            "left_out_relative_sd": line.spread,
            "shipped": line.shipped,
            "identified": line.identified,
        })
    });
    let mut document = json!({
        "fitted_rows": study.fit.rows,
        "steps": study.fit.steps,
        "constants": constants.collect::<Vec<_>>(),
    });
    let Some((ways, halves)) = &report.scores else { return document };
    let rows = ways.rows(&[Origin::Runs]);
    for part in PARTS {
        let scores = rows.iter().map(|(way, rows)| ((*way).to_owned(), score_document(&part.summary(rows))));
        document["scores"][part.word()] = Value::Object(scores.collect());
    }
    for (name, label) in LABELS {
        document[format!("by_{name}")] = groups(&rows, label).into_iter().map(|group| {
            json!({
                name: group.name, "scored": group.count, "in_sample": group.inside, "left_out_by_source": group.out,
                "bias_left_out_by_source": group.bias, "left_out_by_chip": group.chip, "bias_left_out_by_chip": group.chip_bias,
            })
        }).collect();
    }
    let left_document = |left: &LeftOut| left_document(study, left);
    document["left_out_by_source"] =
        ways.by_source.iter().filter(|left| left.group.is_some()).map(left_document).collect();
    document["left_out_by_chip"] = ways.by_chip.iter().filter(|left| left.group.is_some()).map(left_document).collect();
    for (origin, word) in VTRAIN {
        let rows = ways.rows(&[origin]);
        if rows.iter().all(|(_, rows)| rows.is_empty()) {
            continue;
        }
        for (way, rows) in &rows {
            document["vtrain"][word][way] = json!({ "scored": rows.len(), "mape": summarise(rows).mape });
        }
        for half in halves {
            let summary = if origin == Origin::SingleNode { half.single } else { half.multi };
            document["vtrain"][word][half.word] = json!({ "scored": summary.scored, "mape": summary.mape });
        }
    }
    document
}

const VTRAIN: [(Origin, &str); 2] = [(Origin::SingleNode, "single_node"), (Origin::MultiNode, "multi_node")];

fn score_document(score: &Summary) -> Value {
    json!({
        "scored": score.scored,
        "sources": score.sources,
        "mean_of_source_medians": score.mean_of_source_medians,
        "median_abs_error": score.median_abs_error,
        "p90_abs_error": score.p90_abs_error,
        "bias": score.bias,
        "mape": score.mape,
    })
}

/// The constants of a fit without some rows, and these rows' errors.
fn left_document(study: &Study<'_>, left: &LeftOut) -> Value {
    let rows: Vec<&Judged> = left.rows.iter().map(|(_, row)| row).collect();
    let summary = summarise(rows.iter().copied());
    let constants =
        study.free().into_iter().map(|constant| (constant.key.to_owned(), left.calibration.get(constant.key).into()));
    json!({
        "without": left.group,
        "constants": Value::Object(constants.collect()),
        "scored": summary.scored,
        "median_abs_error": summary.median_abs_error,
        "bias": summary.bias,
        "errors": rows.iter().map(|row| json!([row.id, row.error])).collect::<Vec<_>>(),
    })
}

/// Rows that are scored by themselves.
const PARTS: [Part; 3] = [Part::StatedPlan, Part::ChosenPlan, Part::All];

/// What rows are grouped by.
type Label = fn(&Judged) -> &str;
const LABELS: [(&str, Label); 2] = [("source", |row| &row.source), ("chip", |row| &row.chip)];

/// Median |error| of a group in sample and left out.
struct GroupErrors {
    name: String,
    count: usize,
    inside: f64,
    out: f64,
    bias: f64,
    chip: f64,
    chip_bias: f64,
}

fn groups(ways: &[(&'static str, Vec<Judged>); 4], label: Label) -> Vec<GroupErrors> {
    let [_, inside, out, chip] = ways.each_ref().map(|(_, rows)| by(rows, label));
    let at = |groups: &[(String, Summary)], name: &str| {
        let found = groups.iter().find(|(group, _)| group == name);
        found.map_or((f64::NAN, f64::NAN), |(_, summary)| (summary.median_abs_error, summary.bias))
    };
    let group = |(name, summary): &(String, Summary)| {
        let ((out, bias), (chip, chip_bias)) = (at(&out, name), at(&chip, name));
        GroupErrors {
            name: name.clone(),
            count: summary.scored,
            inside: summary.median_abs_error,
            out,
            bias,
            chip,
            chip_bias,
        }
    };
    inside.iter().map(group).collect()
}

fn page(report: &Report<'_, '_>) -> String {
    let study = report.study;
    let mut text = format!("{HEADING}Constants{HEADING:#}: {} rows fitted\n\n", study.fit.rows);
    let constants = lines(report).into_iter().map(|line| {
        vec![
            line.key.to_owned(),
            format!("{:>8}", figure(rounded(line.prior))),
            format!("{:>8}", figure(rounded(line.fit))),
            if line.identified { format!("{:>+6.1}", line.moved) } else { format!("{:>6}", "-") },
            format!("{:>5.1}%", 100.0 * line.posterior_sd),
            line.spread.map_or(format!("{:>6}", "-"), |spread| format!("{:>5.1}%", 100.0 * spread)),
            format!("{:>8}", figure(rounded(line.shipped))),
        ]
    });
    let header = ["CONSTANT", "   PRIOR", "     FIT", " MOVED", "    SD", "SPREAD", " LIBRARY"];
    text.push_str(&output::table(&header, &[0, 1, 2, 3, 4, 5, 6], constants.collect()));
    text.push_str(&format!(
        "\n{FAINT}MOVED: distance of the fit from the prior, in the prior's sd; a dash: the rows\n\
         do not determine it, and it stays at its prior. SD: of the posterior. SPREAD:\n\
         sd over the fits that leave one source out.{FAINT:#}\n"
    ));
    let Some((ways, halves)) = &report.scores else { return text };
    let rows = ways.rows(&[Origin::Runs]);
    text.push_str(&format!("\n{HEADING}Errors{HEADING:#}\n\n"));
    let scores = PARTS.into_iter().flat_map(|part| {
        rows.iter().map(move |(way, rows)| {
            let score = part.summary(rows);
            vec![
                part.word().replace('_', " "),
                way.replace('_', " "),
                format!("{:>5}", score.scored),
                size(score.mean_of_source_medians),
                size(score.median_abs_error),
                size(score.p90_abs_error),
                signed(score.bias),
            ]
        })
    });
    let header = ["PLAN", "CONSTANTS", "    N", "SOURCES", "MEDIAN", "   P90", "  BIAS"];
    text.push_str(&output::table(&header, &[0, 1, 2, 3, 4, 5, 6], scores.collect()));
    for (name, label) in LABELS {
        text.push('\n');
        let lines = groups(&rows, label).into_iter().map(|group| {
            let (out, bias) = if name == "chip" { (group.chip, group.chip_bias) } else { (group.out, group.bias) };
            vec![group.name, format!("{:>5}", group.count), size(group.inside), size(out), signed(bias)]
        });
        let header = [&name.to_uppercase(), "    N", "    IN", "   OUT", "  BIAS"];
        text.push_str(&output::table(&header, &[1, 2, 3, 4], lines.collect()));
    }
    text.push_str(&vtrain(ways, halves));
    text.push_str(&format!(
        "\n{FAINT}SOURCES: mean of the medians of |error| of the sources with at least 4 rows.\n\
         IN: in sample; OUT and BIAS: left out with its source, or with its chip.{FAINT:#}\n"
    ));
    text
}

/// Mean absolute percentage errors of vTrain's rows.
fn vtrain(ways: &Ways, halves: &[Halves]) -> String {
    let columns = VTRAIN.map(|(origin, _)| ways.rows(&[origin]));
    let [single, multi] = &columns;
    if single.iter().chain(multi).all(|(_, rows)| rows.is_empty()) {
        return String::new();
    }
    let percent = |mape: f64| if mape.is_finite() { format!("{:>5.1}%", 100.0 * mape) } else { format!("{:>6}", "-") };
    let mut lines: Vec<Vec<String>> = single
        .iter()
        .zip(multi)
        .map(|((way, single), (_, multi))| {
            vec![way.replace('_', " "), percent(summarise(single).mape), percent(summarise(multi).mape)]
        })
        .collect();
    lines.extend(halves.iter().map(|half| {
        vec![format!("halves: {}", half.word.replace('_', " ")), percent(half.single.mape), percent(half.multi.mape)]
    }));
    let header = ["VTRAIN, MEAN ABSOLUTE ERROR", " 1 NODE", "SEVERAL"];
    format!("\n{}", output::table(&header, &[1, 2], lines))
}
