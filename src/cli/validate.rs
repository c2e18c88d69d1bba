//! `wattline validate [RUNS.csv]`: predicted against measured.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::{FAINT, HEADING};
use super::{Global, Outcome, output};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::source_text::SourceText;
use crate::library::store::evidence;
use crate::validate::column_map::ColumnMap;
use crate::validate::judged::{Judged, Quantity, Status};
use crate::validate::predict::{Judgement, Predictor};
use crate::validate::score::{Summary, by, summarise};
use crate::validate::table::{Table, TableKind};

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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Group {
    Source,
    Chip,
    Stack,
}

impl Group {
    const ALL: [Group; 3] = [Group::Source, Group::Chip, Group::Stack];

    fn word(self) -> &'static str {
        match self {
            Group::Source => "source",
            Group::Chip => "chip",
            Group::Stack => "stack",
        }
    }

    fn label(self, row: &Judged) -> &str {
        match self {
            Group::Source => &row.source,
            Group::Chip => &row.chip,
            Group::Stack => &row.stack,
        }
    }
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
        output::json(&document(&judgements))?;
    } else {
        output::answer(&page(&judgements, arguments))?;
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

/// The first table's rows and summaries; the further ones under their kinds.
fn document(judgements: &[Judgement]) -> Value {
    let mut documents = judgements.iter().map(|judgement| (judgement.kind.word(), judgement_document(judgement)));
    let Some((_, mut first)) = documents.next() else { return json!({}) };
    for (kind, further) in documents {
        first[kind] = further;
    }
    first
}

fn judgement_document(judgement: &Judgement) -> Value {
    let rows = &judgement.rows;
    let mut summary = summary_document(&summarise(rows));
    for (name, part) in parts(rows) {
        summary[name] = summary_document(&part);
    }
    let mut document = json!({
        "file": judgement.file,
        "kind": judgement.kind.word(),
        "error": "ln(predicted/measured) of time, energy, power or memory, ln(measured/predicted) of rates; positive: too slow or too much",
        "summary": summary,
    });
    for group in Group::ALL {
        let groups: Vec<Value> = by(rows, |row| group.label(row))
            .iter()
            .map(|(name, part)| {
                let mut entry = summary_document(part);
                entry[group.word()] = json!(name);
                entry
            })
            .collect();
        document[format!("by_{}", group.word())] = Value::Array(groups);
    }
    document["rows"] = rows.iter().map(row_document).collect();
    document["warnings"] = judgement.warnings.iter().map(Diagnostic::to_json).collect();
    document
}

fn parts(rows: &[Judged]) -> [(&'static str, Summary); 3] {
    let with = |stated: bool| summarise(rows.iter().filter(|row| row.plan_stated == stated));
    [("stated_plan", with(true)), ("chosen_plan", with(false)), ("all", summarise(rows))]
}

/// Numbers that do not exist are null.
fn summary_document(summary: &Summary) -> Value {
    json!({
        "scored": summary.scored,
        "unscored": summary.unscored,
        "skipped": summary.skipped,
        "median_abs_error": summary.median_abs_error,
        "mean_of_source_medians": summary.mean_of_source_medians,
        "mape": summary.mape,
        "p90_abs_error": summary.p90_abs_error,
        "bias": summary.bias,
        "memory_disagreements": summary.memory_disagreements,
        "facts_met": summary.facts_met,
        "facts_missed": summary.facts_missed,
        "coverage_80": { "by_row": summary.inside, "by_source": summary.inside_by_source },
    })
}

fn row_document(row: &Judged) -> Value {
    json!({
        "id": row.id,
        "source": row.source,
        "kind": row.kind,
        "chip": row.chip,
        "quantity": row.quantity.map(Quantity::word),
        "measured": row.measured,
        "predicted": row.predicted,
        "error": row.error,
        "p10": row.band.map(|band| band.p10),
        "p90": row.band.map(|band| band.p90),
        "inside": row.inside(),
        "status": row.status.word(),
        "reason": (!row.reason.is_empty()).then_some(&row.reason),
        "stack": (!row.stack.is_empty()).then_some(&row.stack),
        "inferred": row.inferred,
        "plan_stated": row.plan_stated,
    })
}

fn page(judgements: &[Judgement], arguments: &Arguments) -> String {
    let mut text = String::new();
    for judgement in judgements {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&section(judgement, arguments));
    }
    text.push_str(&format!(
        "\n{FAINT}error = ln(predicted / measured), of rates the reverse: +0.10 is about 10 %\n\
         too slow or too much. MEDIAN and P90 are of |error|, BIAS is the median error,\n\
         SOURCES the mean of the sources' medians, MAPE of |predicted / measured - 1|.{FAINT:#}\n"
    ));
    text
}

fn section(judgement: &Judgement, arguments: &Arguments) -> String {
    let rows = &judgement.rows;
    let title = match judgement.kind {
        TableKind::Runs => "Training runs",
        TableKind::Memory => "Peak memory",
        TableKind::Power => "Node power",
    };
    let mut text = format!("{HEADING}{title}{HEADING:#}: {}, {} rows\n\n", judgement.file, rows.len());
    if arguments.rows {
        text.push_str(&every_row(rows));
    }
    let group = arguments.by;
    let lines = by(rows, |row| group.label(row)).into_iter().filter(|(_, part)| part.scored > 0);
    let lines = lines.map(|(name, part)| {
        let name = if name.is_empty() { format!("(no {} stated)", group.word()) } else { name };
        vec![
            name,
            format!("{:>5}", part.scored),
            size(part.median_abs_error),
            size(part.p90_abs_error),
            signed(part.bias),
        ]
    });
    let header = [&group.word().to_ascii_uppercase(), "    N", "MEDIAN", "  P90", "  BIAS"];
    text.push_str(&output::table(&header, &[1, 2, 3, 4], lines.collect()));
    text.push('\n');
    text.push_str(&totals(judgement));
    text
}

/// What a group of rows comes to, one line for each way in which its plans are known.
fn totals(judgement: &Judgement) -> String {
    let lines = parts(&judgement.rows).into_iter().filter(|(name, part)| {
        *name == "all" || (judgement.kind == TableKind::Runs && part.scored + part.unscored + part.skipped > 0)
    });
    let lines = lines.map(|(name, part)| {
        vec![
            if name == "all" { "all rows".to_owned() } else { name.replace('_', " ") },
            format!("{:>6}", part.scored),
            format!("{:>8}", part.unscored),
            format!("{:>7}", part.skipped),
            size(part.median_abs_error),
            format!("{:>7}", size(part.mean_of_source_medians).trim()),
            size(part.mape),
            size(part.p90_abs_error),
            signed(part.bias),
        ]
    });
    let header = ["", "SCORED", "UNSCORED", "SKIPPED", "MEDIAN", "SOURCES", " MAPE", "  P90", "  BIAS"];
    let mut text = output::table(&header, &[0, 1, 2, 3, 4, 5, 6, 7, 8], lines.collect());
    let all = summarise(&judgement.rows);
    if all.inside.is_finite() {
        text.push_str(&format!(
            "80 % bands hold {:.0} % of the rows, and {:.0} % of a source's in the mean.\n",
            100.0 * all.inside,
            100.0 * all.inside_by_source
        ));
    }
    let facts = all.facts_met + all.facts_missed;
    if facts > 0 {
        text.push_str(&format!(
            "One-sided facts (fitted, did not, at least) have no error: {} of {facts} agree.\n",
            all.facts_met
        ));
    }
    let stated = summarise(judgement.rows.iter().filter(|row| row.plan_stated));
    if judgement.kind == TableKind::Runs && stated.memory_disagreements > 0 {
        text.push_str(&format!(
            "{} of the {} stated plans would not fit by the memory model, and they ran.\n",
            stated.memory_disagreements, stated.scored
        ));
    }
    text
}

fn every_row(rows: &[Judged]) -> String {
    let (scored, others): (Vec<&Judged>, Vec<&Judged>) = rows.iter().partition(|row| row.status == Status::Scored);
    let mut text = String::new();
    if !scored.is_empty() {
        let lines = scored.iter().map(|row| {
            vec![
                row.id.clone(),
                row.quantity.map_or("", Quantity::word).to_owned(),
                format!("{:>9}", figure(row.predicted)),
                format!("{:>9}", figure(row.measured)),
                signed(row.error),
            ]
        });
        let header = ["ROW", "QUANTITY", "PREDICTED", " MEASURED", " ERROR"];
        text.push_str(&output::table(&header, &[1, 2, 3, 4], lines.collect()));
        text.push('\n');
    }
    if !others.is_empty() {
        let lines = others.iter().map(|row| vec![row.id.clone(), row.status.word().to_owned(), row.reason.clone()]);
        text.push_str(&output::table(&["ROW", "STATUS", "REASON"], &[1], lines.collect()));
        text.push('\n');
    }
    text
}

/// A size of an error; a dash where there is none.
fn size(error: f64) -> String {
    if error.is_finite() { format!("{error:>6.3}") } else { format!("{:>6}", "-") }
}

/// An error with its sign.
fn signed(error: f64) -> String {
    if error.is_finite() { format!("{error:>+6.3}") } else { format!("{:>6}", "-") }
}

/// Four digits of a number.
fn figure(number: f64) -> String {
    if !number.is_finite() || number == 0.0 {
        return if number == 0.0 { "0".to_owned() } else { "-".to_owned() };
    }
    let whole = number.abs().log10().floor() as i32;
    if (-3..9).contains(&whole) { format!("{number:.*}", (3 - whole).max(0) as usize) } else { format!("{number:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::{figure, signed, size};

    #[test]
    fn figures_have_four_digits() {
        assert_eq!(
            [figure(12345.6), figure(1.23456), figure(0.0123456), figure(1e12)],
            ["12346", "1.235", "0.01235", "1.000e12"]
        );
        assert_eq!([figure(0.0), figure(f64::NAN)], ["0", "-"]);
    }

    #[test]
    fn an_error_that_does_not_exist_is_a_dash() {
        assert_eq!(size(f64::NAN).trim(), "-");
        assert_eq!(signed(0.1).trim(), "+0.100");
    }
}
