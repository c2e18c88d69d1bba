//! What `wattline validate` prints for people.

use super::group::Group;
use super::standings::Standings;
use crate::cli::output::{self, FAINT, HEADING, signed, size};
use crate::library::diagnostic::printable;
use crate::validate::judged::{Judged, Quantity, Status};
use crate::validate::peers::Line;
use crate::validate::predict::Judgement;
use crate::validate::score::{LEAST_ROWS, Part, by, quantile, reasons, set_aside, summarise};
use crate::validate::table::TableKind;

/// Reasons that are listed one by one.
const REASONS: usize = 12;

pub fn page(judgements: &[Judgement], standings: &[Standings], beside: &[Line], group: Group, every: bool) -> String {
    let mut text = String::new();
    for (judgement, standings) in judgements.iter().zip(standings) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&section(judgement, group, every));
        text.push_str(&standings.page());
    }
    if !beside.is_empty() {
        text.push_str(&format!("\n{HEADING}Beside others{HEADING:#}\n\n{}", others(beside)));
    }
    text.push_str(&format!(
        "\n{FAINT}error = ln(predicted / measured), of rates the reverse: +0.10 is about 10 %\n\
         too slow or too much. MEDIAN and P90 are of |error|, BIAS is the median error,\n\
         MAPE the mean of |predicted / measured - 1|. SOURCES is the headline: the median\n\
         |error| of each source, averaged over the sources with at least {LEAST_ROWS} rows.{FAINT:#}\n"
    ));
    text
}

fn section(judgement: &Judgement, group: Group, every: bool) -> String {
    let rows = &judgement.rows;
    let title = match judgement.kind {
        TableKind::Runs => "Training runs",
        TableKind::Memory => "Peak memory",
        TableKind::Power => "Node power",
        TableKind::PowerCaps => "Power caps",
    };
    let mut text = format!("{HEADING}{title}{HEADING:#}: {}, {} rows\n\n", printable(&judgement.file), rows.len());
    if every {
        text.push_str(&every_row(rows));
    }
    // Throughput and energy under a cap are two quantities of the same rows: their errors have nothing in common.
    let caps = judgement.kind == TableKind::PowerCaps;
    let group = if caps && matches!(group, Group::Source) { Group::Quantity } else { group };
    let lines = by(rows, |row| group.label(row)).into_iter().filter(|(_, part)| part.scored > 0);
    let lines = lines.map(|(name, part)| {
        let name = if name.is_empty() { format!("(no {} stated)", group.word()) } else { shown(&name) };
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

/// What the rows come to, one line for each part of them, and what became of the rest.
fn totals(judgement: &Judgement) -> String {
    let rows = &judgement.rows;
    let parts = Part::ALL.into_iter().map(|part| (part, part.summary(rows))).filter(|(part, summary)| {
        *part == Part::All
            || (judgement.kind == TableKind::Runs && summary.scored + summary.unscored + summary.skipped > 0)
    });
    let lines = parts.map(|(part, summary)| {
        vec![
            part_title(part).to_owned(),
            format!("{:>6}", summary.scored),
            format!("{:>8}", summary.unscored),
            format!("{:>7}", summary.skipped),
            size(summary.median_abs_error),
            format!("{:>7}", size(summary.mean_of_source_medians).trim()),
            size(summary.mape),
            size(summary.p90_abs_error),
            signed(summary.bias),
        ]
    });
    let header = ["", "SCORED", "UNSCORED", "SKIPPED", "MEDIAN", "SOURCES", " MAPE", "  P90", "  BIAS"];
    let mut text = output::table(&header, &[0, 1, 2, 3, 4, 5, 6, 7, 8], lines.collect());
    for remark in remarks(judgement) {
        text.push_str(&wrapped(&remark));
    }
    text.push_str(&left_out(rows));
    text
}

fn part_title(part: Part) -> &'static str {
    match part {
        Part::All => "all rows",
        Part::StatedPlan => "stated plan",
        Part::ChosenPlan => "chosen plan",
        Part::Converted => "converted",
    }
}

/// What the figures do not show by themselves.
fn remarks(judgement: &Judgement) -> Vec<String> {
    let all = summarise(&judgement.rows);
    let stated = Part::StatedPlan.summary(&judgement.rows);
    let mut remarks = Vec::new();
    if all.missed > 0 {
        remarks.push(format!(
            "{} unscored rows state a speed: each counts as a factor of two (|error| = ln 2) in every figure but the bias.",
            all.missed
        ));
    }
    if all.inside.is_finite() {
        remarks.push(format!(
            "80 % bands hold {:.0} % of the rows, and {:.0} % of a source's in the mean.",
            100.0 * all.inside,
            100.0 * all.inside_by_source
        ));
    }
    let facts = all.facts_met + all.facts_missed;
    if facts > 0 {
        remarks.push(format!(
            "One-sided facts (fitted, did not, at least) have no error: {} of {facts} agree.",
            all.facts_met
        ));
    }
    if judgement.kind == TableKind::Runs && Part::Converted.summary(&judgement.rows).scored > 0 {
        remarks.push("Converted: the row states TFLOP/s or MFU alone, counted as its source counts FLOP.".to_owned());
    }
    if judgement.kind == TableKind::Runs && stated.memory_disagreements > 0 {
        remarks.push(format!(
            "{} of the {} stated plans would not fit by the memory model, and they ran: scored all the same.",
            stated.memory_disagreements, stated.scored
        ));
    }
    remarks
}

/// Counts of the rows without a score, by reason, and how far off those of them are that could be predicted.
fn left_out(rows: &[Judged]) -> String {
    let reasons = reasons(rows);
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = "\n".to_owned();
    let rest: usize = reasons.iter().skip(REASONS).map(|(_, _, count)| count).sum();
    let mut lines: Vec<Vec<String>> = reasons
        .iter()
        .take(REASONS)
        .map(|(status, reason, count)| vec![status.word().to_owned(), format!("{count:>4}"), printable(reason)])
        .collect();
    if rest > 0 {
        lines.push(vec![String::new(), format!("{rest:>4}"), "other reasons: --rows lists them".to_owned()]);
    }
    text.push_str(&output::table(&["NOT SCORED", "ROWS", "REASON"], &[0, 1], lines));
    let mut aside = set_aside(rows);
    if !aside.is_empty() {
        let count = aside.len();
        text.push_str(&wrapped(&format!(
            "Of the skipped rows {count} could be predicted: median |error| {:.3}, P90 {:.3}, in no figure above.",
            quantile(&mut aside, 0.5),
            quantile(&mut aside, 0.9)
        )));
    }
    text
}

/// Errors of other predictors on the same rows, and on whole sets where theirs are known.
fn others(lines: &[Line]) -> String {
    let mut set = "";
    let cells = lines.iter().map(|line| {
        let first = if line.set == set { String::new() } else { line.set.clone() };
        set = &line.set;
        let rows = if line.rows > 0 { format!("{:>5}", line.rows) } else { "    -".to_owned() };
        let errors = [line.median_abs_error, line.p90_abs_error, line.mape].map(size);
        [vec![first, line.predictor.clone(), rows], errors.to_vec()].concat()
    });
    output::table(&["ROWS", "PREDICTOR", "    N", "MEDIAN", "  P90", " MAPE"], &[0, 2, 3, 4, 5], cells.collect())
}

fn every_row(rows: &[Judged]) -> String {
    let (scored, others): (Vec<&Judged>, Vec<&Judged>) = rows.iter().partition(|row| row.status == Status::Scored);
    let mut text = String::new();
    if !scored.is_empty() {
        let lines = scored.iter().map(|row| {
            vec![
                shown(&row.id),
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
        let lines = others.iter().map(|row| vec![shown(&row.id), row.status.word().to_owned(), printable(&row.reason)]);
        text.push_str(&output::table(&["ROW", "STATUS", "REASON"], &[1], lines.collect()));
        text.push('\n');
    }
    text
}

/// A sentence, broken where the page ends.
pub fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > usize::from(output::width()) {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

/// A name from a table, fit for a cell of the page.
fn shown(name: &str) -> String {
    const MOST: usize = 60;
    let mut clean: String = printable(name).replace('\n', " ").chars().take(MOST).collect();
    if name.chars().count() > MOST {
        clean.push('…');
    }
    clean
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
    use super::{figure, shown};

    #[test]
    fn figures_have_four_digits() {
        assert_eq!(
            [figure(12345.6), figure(1.23456), figure(0.0123456), figure(1e12)],
            ["12346", "1.235", "0.01235", "1.000e12"]
        );
        assert_eq!([figure(0.0), figure(f64::NAN)], ["0", "-"]);
    }

    #[test]
    fn a_monstrous_name_keeps_to_its_column() {
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 61);
        assert_eq!(shown("a\x1b[31mb"), "a\\u{1b}[31mb");
    }
}
