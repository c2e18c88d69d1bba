//! Tables of throughputs by step: the median of the steady part.

use std::path::Path;

use super::column::{self, Rate, RateColumn, number, words};
use super::recognise::Format;
use super::table::Table;
use super::{Measured, Said};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// How near to the steady rate a step lies that is no warm-up.
const NEAR: f64 = 0.1;
/// Steps in a row that must be near.
const STEADY: usize = 3;
/// P90 over P10 of the steady part above which a warning is due.
const RESTLESS: f64 = 1.3;
/// Utilisations above this are percentages.
const MOST_MFU: f64 = 1.5;

/// Columns that say what ran, the same in every row.
const CONSTANTS: [(&str, &[&str]); 6] = [
    ("chips", &["chips", "gpus", "num gpus", "n gpus", "world size", "devices", "number of gpus", "number of chips"]),
    ("seq_len", &["seq len", "seqlen", "sequence length", "seq length", "max seq len", "context length"]),
    ("global_batch", &["global batch", "global batch size", "gbs", "batch size global"]),
    ("precision", &["precision", "dtype"]),
    ("workload", &["workload", "model", "model name"]),
    ("chip", &["chip", "gpu name", "gpu type", "accelerator", "hardware"]),
];

struct Series {
    column: RateColumn,
    at: usize,
    name: String,
    values: Vec<f64>,
}

pub fn read(path: &Path) -> Result<Measured, Fault> {
    let mut table = Table::open(path)?;
    let file = table.file().to_owned();
    let mut measured = Measured::of(&file, Format::Throughput);
    let mut series: Vec<Series> = Vec::new();
    for (at, name) in table.names.iter().enumerate() {
        if let Some(column) = column::rate(name) {
            series.push(Series { column, at, name: name.clone(), values: Vec::new() });
        }
    }
    let constants: Vec<(&str, usize)> = CONSTANTS
        .iter()
        .filter_map(|(key, names)| {
            Some((*key, table.position(|name| names.contains(&words(name).join(" ").as_str()))?))
        })
        .collect();
    let mut told: Vec<Option<String>> = vec![None; constants.len()];
    let (mut varies, mut unread) = (Vec::new(), None);
    while let Some(row) = table.advance()? {
        for one in &mut series {
            match number(row.get(one.at)).map(|value| value * one.column.factor).filter(|value| *value > 0.0) {
                Some(value) => one.values.push(value),
                None => {
                    let (line, text) = (row.line, row.text());
                    unread.get_or_insert((line, text, one.name.clone(), 0)).3 += 1;
                }
            }
        }
        for ((key, at), known) in constants.iter().zip(&mut told) {
            let value = row.get(*at);
            match known {
                None if !value.is_empty() => *known = Some(value.to_owned()),
                Some(first) if !value.is_empty() && first != value && !varies.contains(key) => varies.push(key),
                _ => {}
            }
        }
    }
    if let Some((line, text, name, count)) = unread {
        let message = format!("{count} values are no rates, here that of {}", quoted(&name));
        let warning = Diagnostic::warning(message).at_line(file.as_str(), line, &text);
        measured.warnings.push(warning.help("they are left out"));
    }
    series.retain(|one| !one.values.is_empty());
    if series.is_empty() {
        let message = format!("{} has a header, but no row with a rate", quoted(&file));
        let help = "each row needs a positive number in a column such as tokens/s";
        return Err(Fault::input(Diagnostic::error(message).in_file(file).key("measured").help(help)));
    }
    for ((key, _), value) in constants.iter().zip(told) {
        let Some(value) = value else { continue };
        if varies.contains(key) {
            let message = format!("the column of {key} changes in the file");
            let help = "a file of one setting is read; split it";
            let warning = Diagnostic::warning(message).in_file(file.as_str()).key(*key);
            measured.warnings.push(warning.help(help));
            continue;
        }
        tell(&mut measured, key, value);
    }
    for one in &series {
        keep(&mut measured, one);
    }
    Ok(measured)
}

/// Enters what a column tells in every row.
fn tell(measured: &mut Measured, key: &str, value: String) {
    let from = format!("the column of {key}");
    let figure = number(&value).filter(|figure| *figure >= 1.0).map(|figure| Said::new(figure, from.clone()));
    match key {
        "chips" => measured.chips = figure,
        "seq_len" => measured.seq_len = figure,
        "global_batch" => measured.global_batch = figure,
        "precision" => measured.precision = Some(Said::new(value, from)),
        "workload" => measured.workload = Some(Said::new(value, from)),
        _ => measured.chip = Some(Said::new(value, from)),
    }
}

/// Enters the steady rate of a column; the first column of a rate holds.
fn keep(measured: &mut Measured, series: &Series) {
    let file = measured.files.first().cloned().unwrap_or_default();
    let steady = steady(&series.values);
    let rows = series.values.len();
    let dropped = if steady.warm_up > 0 { format!(", {} of warm-up dropped", steady.warm_up) } else { String::new() };
    let from = format!("median of {} rows of {}{dropped}", rows - steady.warm_up, quoted(&series.name));
    let RateColumn { rate, per_chip, .. } = series.column;
    let mut value = steady.median;
    if rate == Rate::Mfu && value > MOST_MFU {
        value *= 0.01;
    }
    let slot = match (rate, per_chip) {
        (Rate::Tokens, false) => &mut measured.tokens_per_s,
        (Rate::Tokens, true) => &mut measured.tokens_per_s_per_chip,
        (Rate::Samples, _) => &mut measured.samples_per_s,
        (Rate::Step, _) => &mut measured.step_s,
        (Rate::Tflops, _) => &mut measured.tflops_per_chip,
        (Rate::Mfu, _) => &mut measured.mfu,
    };
    if slot.is_some() {
        return;
    }
    // What all chips do together, or samples of one, is brought to the usual form once their number is known.
    if (rate == Rate::Tflops && !per_chip) || (rate == Rate::Samples && per_chip) {
        let message = format!("the column {} is left out", quoted(&series.name));
        let help = "write tokens/s, samples/s or TFLOP/s/chip";
        measured.warnings.push(Diagnostic::warning(message).in_file(file).key("measured").help(help));
        return;
    }
    *slot = Some(Said::new(value, from));
    if rows - steady.warm_up < STEADY {
        let message = format!("{} has only {} steady rows", quoted(&series.name), rows - steady.warm_up);
        measured.warnings.push(Diagnostic::warning(message).in_file(file).key("measured").help("log more steps"));
    } else if steady.spread > RESTLESS {
        let message =
            format!("{} varies by a factor of {:.2} between P10 and P90", quoted(&series.name), steady.spread);
        let help = "its median is used; evaluations, checkpoints or stragglers may be in it";
        measured.warnings.push(Diagnostic::warning(message).in_file(file).key("measured").help(help));
    }
}

struct Steady {
    /// Rows before the steady part.
    warm_up: usize,
    median: f64,
    /// P90 over P10.
    spread: f64,
}

/// The steady part begins with the first steps in a row that are near the median of the second half.
fn steady(values: &[f64]) -> Steady {
    let late = quantile(&values[values.len() / 2..], 0.5);
    let near = |value: &f64| (value / late - 1.0).abs() <= NEAR;
    let starts = values.windows(STEADY).position(|window| window.iter().all(near));
    let warm_up = starts.filter(|start| *start <= values.len() / 2).unwrap_or(0);
    let steady = &values[warm_up..];
    Steady { warm_up, median: quantile(steady, 0.5), spread: quantile(steady, 0.9) / quantile(steady, 0.1) }
}

/// A quantile, linear between values.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    let at = |index: usize| sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN);
    let (below, rest) = (place.floor(), place.fract());
    at(below as usize) * (1.0 - rest) + at(below as usize + 1) * rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slow_steps_are_warm_up() {
        let found = steady(&[100.0, 400.0, 900.0, 1000.0, 1010.0, 990.0, 1000.0, 1005.0]);
        // From 900, which is within 10 % of the late median 1002.5? It is not: 0.898. From 1000 on.
        assert_eq!((found.warm_up, found.median), (3, 1000.0));
    }

    #[test]
    fn a_table_without_a_steady_part_is_taken_whole() {
        let found = steady(&[1.0, 5.0, 2.0, 9.0]);
        assert_eq!((found.warm_up, found.median), (0, 3.5));
        assert!(found.spread > RESTLESS);
    }
}
