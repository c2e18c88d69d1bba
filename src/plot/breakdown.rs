//! What a total consists of: one stacked bar for each design and objective.

use std::collections::BTreeMap;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::search::Objective;

use super::Request;
use super::axis::Axis;
use super::chart::{Cell, Chart, Entry, Label, Layer, Shape, Side};
use super::heatmap::objective_column;
use super::palette::{INK, OTHER, SIGNS, ink_on};
use super::quantity::{Quantity, number, rounded};
use super::rows::{Rows, count, shown};

/// Bars that a page has room for.
const BARS: usize = 24;
/// Thickness of a bar, of the room that it has.
const THICKNESS: f64 = 0.74;
/// Least share of the longest bar that shows its size within.
const SHOWN_SHARE: f64 = 0.07;

/// Columns that a total consists of: `total_part`, or `stem_part_unit` of `stem_unit`.
fn parts<'a>(rows: &Rows<'a>, total: &str) -> Vec<(String, &'a [f64])> {
    let (stem, unit) = total.rsplit_once('_').unwrap_or((total, ""));
    let part = |name: &'a str| {
        let whole = name.strip_prefix(total).and_then(|rest| rest.strip_prefix('_'));
        let inner =
            name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('_')?.strip_suffix(unit)?.strip_suffix('_'));
        let part = whole.or(inner).filter(|part| !part.is_empty() && !part.starts_with("per_"))?;
        Some((part.replace('_', " "), rows.table.numbers(name)?))
    };
    rows.number_columns().into_iter().filter_map(part).collect()
}

/// A bar: the row that it shows, and what it is called.
struct Bar {
    row: usize,
    name: String,
}

/// The best row of every workload, design and objective, the designs of the least total first.
fn bars(rows: &Rows, request: &Request, total: impl Fn(usize) -> f64) -> Vec<Bar> {
    let text = |name: &str, row: usize| rows.table.texts(name).map_or("", |texts| texts[row].as_str());
    let design = rows.identity().unwrap_or("chip");
    let mut best: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for row in (0..rows.len()).filter(|&row| total(row).is_finite() && total(row) > 0.0) {
        let objectives = text("objective", row);
        let first = objectives.split(',').find_map(|word| Objective::parse(word.trim()));
        let judged = rows.table.numbers(objective_column(first.unwrap_or(request.objective)));
        let value = |row: usize| judged.map_or_else(|| total(row), |values| values[row]);
        let held = best.entry((text("workload", row), text(design, row), objectives)).or_insert(row);
        if value(row) < value(*held) {
            *held = row;
        }
    }
    let several = |part: fn(&(&str, &str, &str)) -> String| {
        let mut seen: Vec<String> = best.keys().map(part).collect();
        seen.sort();
        seen.dedup();
        seen.len() > 1
    };
    let (workloads, objectives) = (several(|key| key.0.to_owned()), several(|key| key.2.to_owned()));
    let mut least: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (&(workload, design, _), &row) in &best {
        let held = least.entry((workload, design)).or_insert(f64::INFINITY);
        *held = held.min(total(row));
    }
    let mut bars: Vec<((&str, &str, &str), usize)> = best.into_iter().collect();
    bars.sort_by(|a, b| {
        let of = |key: &(&str, &str, &str)| least[&(key.0, key.1)];
        of(&a.0).total_cmp(&of(&b.0)).then(a.0.cmp(&b.0))
    });
    let chips = rows.table.numbers("chips");
    let name = |(key, row): ((&str, &str, &str), usize)| {
        let mut name = shown(key.1);
        if let Some(chips) = chips.map(|chips| chips[row]).filter(|chips| chips.is_finite()) {
            name += &format!(" ×{}", number(chips));
        }
        if workloads {
            name = format!("{}: {name}", shown(key.0));
        }
        if objectives {
            name += &format!(" ({})", shown(&key.2.replace(',', ", ")));
        }
        Bar { row, name }
    };
    bars.into_iter().map(name).collect()
}

pub fn chart(rows: &Rows, request: &Request) -> Result<Chart, Fault> {
    let total_name = request.y.as_deref().unwrap_or("step_s");
    let parts = parts(rows, total_name);
    if parts.is_empty() {
        rows.figure(total_name)?;
        let message = format!("the file has no columns of which {} consists", quoted(total_name));
        let help = "--y takes step_s, facility_energy_j, cost_usd or co2_kg, whose parts a sweep writes beside them";
        return Err(Fault::input(Diagnostic::error(message).in_file(rows.file).key(total_name).help(help)));
    }
    let positive = |value: f64| if value > 0.0 { value } else { 0.0 };
    let total = |row: usize| parts.iter().map(|(_, values)| positive(values[row])).sum::<f64>();
    let mut bars = bars(rows, request, total);
    let found = bars.len();
    bars.truncate(BARS);
    let longest = bars.iter().map(|bar| total(bar.row)).fold(0.0, f64::max);
    if bars.is_empty() {
        let message = format!("the parts of {} have no value in any row", quoted(total_name));
        return Err(Fault::input(
            Diagnostic::error(message).in_file(rows.file).key(total_name).help("choose another --y"),
        ));
    }
    let unit = rows.table.column(total_name).map_or("", |column| &column.unit);
    let shortest = bars.iter().map(|bar| total(bar.row)).fold(longest, f64::min);
    let quantity = Quantity::of(total_name, unit, (shortest * longest).sqrt());

    // The largest parts lie first; what has no sign of its own comes together.
    let weight = |values: &[f64]| bars.iter().map(|bar| positive(values[bar.row])).sum::<f64>();
    let mut ranked: Vec<(f64, &str, &[f64])> = parts
        .iter()
        .map(|(name, values)| (weight(values), name.as_str(), *values))
        .filter(|part| part.0 > 0.0)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let kept = if ranked.len() > SIGNS.len() { SIGNS.len() - 1 } else { ranked.len() };
    let mut legend: Vec<Entry> = Vec::new();
    for (rank, (_, name, _)) in ranked.iter().take(kept).enumerate() {
        legend.push(Entry { text: (*name).to_owned(), shape: Shape::Cell(super::palette::of(rank)) });
    }
    if ranked.len() > kept {
        legend.push(Entry { text: format!("{} others", ranked.len() - kept), shape: Shape::Cell(OTHER) });
    }
    let mut cells = Vec::new();
    let mut labels = Vec::new();
    for (at, bar) in bars.iter().enumerate() {
        let middle = (bars.len() - at) as f64;
        let y = (middle - 0.5 * THICKNESS, middle + 0.5 * THICKNESS);
        let mut start = 0.0;
        let sizes = ranked.iter().take(kept).map(|(_, _, values)| positive(values[bar.row]));
        let rest: f64 = ranked.iter().skip(kept).map(|(_, _, values)| positive(values[bar.row])).sum();
        for (rank, size) in sizes.chain([rest]).enumerate().filter(|(_, size)| *size > 0.0) {
            let sign = if rank == kept { OTHER } else { super::palette::of(rank) };
            let end = start + size;
            let shown = |value: f64| value / quantity.factor;
            cells.push(Cell { x: (shown(start), shown(end)), y, colour: sign.colour, letter: sign.letter });
            if size > SHOWN_SHARE * longest {
                let text = format!("{:.0} %", 100.0 * size / total(bar.row));
                let at = (shown(0.5 * (start + end)), middle);
                labels.push(Label { at, text, colour: ink_on(sign.colour), side: Side::Centre });
            }
            start = end;
        }
        let text = format!("{} {}", rounded(start / quantity.factor), quantity.unit);
        labels.push(Label { at: (start / quantity.factor, middle), text, colour: INK, side: Side::Right });
    }
    let names = bars.iter().rev().map(|bar| bar.name.clone()).collect();
    let x = Axis::tight(&quantity, (0.0, 1.14 * longest / quantity.factor), false);
    let mut notes = vec![format!("{} of {} designs", count(bars.len()), count(rows.len()))];
    if found > bars.len() {
        notes.push(format!("{} further bars are left out", found - bars.len()));
    }
    Ok(Chart {
        title: format!("{}: {} by part", rows.subject(), quantity.name),
        subtitle: notes.join(" · "),
        x,
        y: Axis::named(String::new(), names),
        layers: vec![Layer::Bars(cells), Layer::Labels(labels)],
        legend_title: String::new(),
        legend,
        bar: None,
    })
}
