//! Who wins over two axes: a cell for each pair of values, in the colour of its best design, or of a figure of it.

use std::collections::{BTreeSet, HashSet};

use crate::library::diagnostic::{Diagnostic, Fault};
use crate::search::Objective;

use super::Request;
use super::axis::Axis;
use super::chart::{Cell, Chart, ColourBar, Entry, Label, Layer, Shape, Side};
use super::palette::{ink_on, shade, viridis};
use super::quantity::Quantity;
use super::rows::{Content, Figure, Rows, count, shown};

/// Values of an axis that are cells of their own; more are binned.
const OWN_CELLS: usize = 64;
const BINS: (usize, usize) = (4, 48);
/// Bins for each value that a design has on an axis: with more, most bins would miss most designs.
const BINS_PER_VALUE: f64 = 0.75;
/// Names on an axis.
const NAMES: usize = 40;
/// Columns that follow from a design, by their start: no axis unasked.
const OUTCOMES: [&str; 18] = [
    "wall_s",
    "step_s",
    "steps",
    "tokens",
    "tflops",
    "mfu",
    "hfu",
    "memory",
    "goodput",
    "avg_",
    "it_energy",
    "facility_energy",
    "cost",
    "co2",
    "electricity_share",
    "index",
    "chips_used",
    "chips_spare",
];
/// Share of the picture's width that a character of a label takes, about.
const CHARACTER: f64 = 0.0105;

/// An axis cut into cells.
struct Lattice {
    axis: Axis,
    /// Cells and one more.
    edges: Vec<f64>,
    /// Cell of every row.
    of_row: Vec<Option<usize>>,
    /// Name of the quantity, and number of bins where its values are too many.
    binned: Option<(String, usize)>,
}

impl Lattice {
    fn cells(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    fn span(&self, cell: usize) -> (f64, f64) {
        (self.edges[cell], self.edges[cell + 1])
    }

    fn of(rows: &Rows, name: &str, designs: Option<&[String]>, log: Option<bool>) -> Result<Lattice, Fault> {
        match rows.content(name)? {
            Content::Texts(texts) => Lattice::named(rows, name, texts),
            Content::Numbers(_) => {
                let figure = rows.figure(name)?;
                let axis = rows.axis(name, &figure, log, true)?;
                Ok(Lattice::numbered(axis, &figure, bins(&figure, designs)))
            }
        }
    }

    fn named(rows: &Rows, name: &str, texts: &[String]) -> Result<Lattice, Fault> {
        let known: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
        if known.len() > NAMES {
            let message = format!("column {name} has {} names, and an axis has room for {NAMES}", known.len());
            let help = "choose a column of numbers, or sweep fewer";
            return Err(Fault::input(Diagnostic::error(message).in_file(rows.file).key(name).help(help)));
        }
        let names: Vec<&str> = known.into_iter().collect();
        let of_row = texts.iter().map(|text| names.binary_search(&text.as_str()).ok()).collect();
        let edges = (0..=names.len()).map(|at| at as f64 + 0.5).collect();
        let axis = Axis::named(Quantity::of(name, "", 1.0).label(), names.into_iter().map(shown).collect());
        Ok(Lattice { axis, edges, of_row, binned: None })
    }

    /// Cells around the values where these are few, even bins where they are many.
    fn numbered(mut axis: Axis, figure: &Figure, bins: usize) -> Lattice {
        let mut values: Vec<f64> = figure.values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| (*a - *b).abs() <= 1e-12 * b.abs());
        let binned = values.len() > OWN_CELLS;
        let edges: Vec<f64> = match values.as_slice() {
            [only] => {
                let room = if *only == 0.0 { 0.5 } else { 0.1 * only.abs() };
                vec![only - room, only + room]
            }
            _ if binned => (0..=bins).map(|at| axis.value(at as f64 / bins as f64)).collect(),
            values => {
                let places: Vec<f64> = values.iter().map(|value| axis.place(*value)).collect();
                let middles = places.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
                let first = 1.5 * places[0] - 0.5 * places[1];
                let last = 1.5 * places[places.len() - 1] - 0.5 * places[places.len() - 2];
                std::iter::once(first).chain(middles).chain([last]).map(|place| axis.value(place)).collect()
            }
        };
        let cells = edges.len() - 1;
        let cell = |value: &f64| {
            value.is_finite().then(|| edges.partition_point(|edge| edge <= value).saturating_sub(1).min(cells - 1))
        };
        let of_row = figure.values.iter().map(cell).collect();
        (axis.low, axis.high) = (edges[0], edges[cells]);
        Lattice { axis, edges, of_row, binned: binned.then(|| (figure.quantity.name.clone(), bins)) }
    }
}

/// Bins in which a typical design has a value.
fn bins(figure: &Figure, designs: Option<&[String]>) -> usize {
    let Some(designs) = designs else { return BINS.1 };
    let names: HashSet<&str> = designs.iter().map(String::as_str).collect();
    let pairs: HashSet<(&str, u64)> =
        designs.iter().map(String::as_str).zip(figure.values.iter().map(|v| v.to_bits())).collect();
    let values = pairs.len() as f64 / names.len().max(1) as f64;
    ((BINS_PER_VALUE * values) as usize).clamp(BINS.0, BINS.1)
}

/// The axes that are asked for, or price and megawatts, or the inputs that vary most.
fn axes(rows: &Rows, request: &Request) -> Result<(String, String), Fault> {
    let mut free = candidates(rows).into_iter();
    let mut next = |other: Option<&str>| free.find(|name| Some(name.as_str()) != other);
    let x = request.x.clone().or_else(|| next(request.y.as_deref()));
    let y = request.y.clone().or_else(|| next(x.as_deref()));
    x.zip(y).ok_or_else(|| {
        let message = "the file has no two columns that a map could span: its inputs do not vary";
        let help = "name them: --x COLUMN --y COLUMN; --kind scatter shows outcomes against each other";
        Fault::input(Diagnostic::error(message).in_file(rows.file).help(help))
    })
}

/// Columns that vary, in the order in which they become axes.
fn candidates(rows: &Rows) -> Vec<String> {
    let spread = |name: &str| {
        let (low, high) = rows.figure(name).ok()?.bounds;
        let decades = if low > 0.0 { (high / low).log10() } else { (high - low) / (high.abs() + low.abs()) };
        (high > low).then_some(decades)
    };
    let preferred = ["usd_per_kwh", "peak_facility_w"];
    let mut names: Vec<(f64, &str)> = rows
        .number_columns()
        .into_iter()
        .filter(|name| !OUTCOMES.iter().any(|start| name.starts_with(start)))
        .filter_map(|name| Some((if preferred.contains(&name) { f64::INFINITY } else { spread(name)? }, name)))
        .filter(|(_, name)| spread(name).is_some())
        .collect();
    names.sort_by(|a, b| {
        let rank = |name: &str| preferred.iter().position(|known| *known == name).unwrap_or(preferred.len());
        b.0.total_cmp(&a.0).then(rank(a.1).cmp(&rank(b.1)))
    });
    names.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// The column that an objective minimises.
pub fn objective_column(objective: Objective) -> &'static str {
    match objective {
        Objective::Time => "wall_s",
        Objective::Energy => "facility_energy_j",
        Objective::Cost => "cost_usd",
        Objective::Carbon => "co2_kg",
    }
}

/// Best row of every cell, cell by cell along x.
fn winners(x: &Lattice, y: &Lattice, judged: &Figure) -> Vec<Option<usize>> {
    let mut best: Vec<Option<usize>> = vec![None; x.cells() * y.cells()];
    for (row, value) in judged.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let Some((across, up)) = x.of_row[row].zip(y.of_row[row]) else { continue };
        let cell = &mut best[up * x.cells() + across];
        if cell.is_none_or(|winner| *value < judged.values[winner]) {
            *cell = Some(row);
        }
    }
    best
}

pub fn chart(rows: &Rows, request: &Request) -> Result<Chart, Fault> {
    let (x_name, y_name) = axes(rows, request)?;
    let named = request.color.as_deref().or_else(|| rows.identity());
    let designs = named.and_then(|name| rows.table.texts(name));
    let x = Lattice::of(rows, &x_name, designs, request.log.x())?;
    let y = Lattice::of(rows, &y_name, designs, request.log.y())?;
    let objective = objective_column(request.objective);
    let judged = rows.figure(objective)?;
    let best = winners(&x, &y, &judged);
    let filled = best.iter().flatten().count();
    if filled == 0 {
        return Err(rows.disjoint(&x_name, &y_name));
    }
    let cell =
        |at: usize, colour, letter| Cell { x: x.span(at % x.cells()), y: y.span(at / x.cells()), colour, letter };
    let name = named.unwrap_or(objective);
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let mut bar = None;
    let title = match rows.content(name)? {
        Content::Numbers(_) => {
            let figure = rows.figure(name)?;
            let log = rows.axis(name, &figure, None, true)?.log;
            let seen = super::axis::bounds(best.iter().flatten().map(|row| figure.values[*row]));
            let seen = seen.ok_or_else(|| rows.disjoint(name, objective))?;
            // One value alone has no middle.
            let seen = if seen.0 < seen.1 {
                seen
            } else {
                (seen.0 - 0.5 * seen.0.abs().max(1.0), seen.1 + 0.5 * seen.1.abs().max(1.0))
            };
            let colours = ColourBar { axis: Axis::tight(&figure.quantity, seen, log && seen.0 > 0.0) };
            let cells = best.iter().enumerate().filter_map(|(at, row)| {
                let share = colours.share(figure.values[(*row)?]);
                share.is_finite().then(|| cell(at, viridis(share), shade(share)))
            });
            layers.push(Layer::Cells(cells.collect()));
            bar = Some(colours);
            let of = if name == objective {
                String::new()
            } else {
                format!(" of the design of least {}", judged.quantity.name)
            };
            format!("{}: {}{of}", rows.subject(), figure.quantity.name)
        }
        Content::Texts(texts) => {
            let mut wins = vec![0.0; rows.len()];
            best.iter().flatten().for_each(|row| wins[*row] += 1.0);
            let categories = rows.categories(texts, |row| wins[row]);
            let ranks: Vec<Option<usize>> = best.iter().map(|row| row.map(|row| categories.of_row[row])).collect();
            let cells = ranks.iter().enumerate().filter_map(|(at, rank)| {
                let sign = categories.sign((*rank)?);
                Some(cell(at, sign.colour, sign.letter))
            });
            layers.push(Layer::Cells(cells.collect()));
            layers.push(Layer::Borders(borders(&x, &y, &ranks)));
            let mut labels = Vec::new();
            for (rank, text) in categories.names.iter().enumerate() {
                let sign = categories.sign(rank);
                let won = ranks.iter().filter(|other| **other == Some(rank)).count();
                let share = format!("{text} ({:.0} %)", 100.0 * won as f64 / filled as f64);
                legend.push(Entry { text: share, shape: Shape::Cell(sign) });
                labels.extend(widest(&x, &y, &ranks, rank, text).map(|at| Label {
                    at,
                    text: text.clone(),
                    colour: ink_on(sign.colour),
                    side: Side::Centre,
                }));
            }
            layers.push(Layer::Labels(labels));
            format!("{}: {} of least {}", rows.subject(), name.replace('_', " "), judged.quantity.name)
        }
    };
    let mut notes = vec![format!("best of {} designs in {} cells", count(rows.len()), count(filled))];
    let empty = best.len() - filled;
    if empty > 0 {
        notes.push(format!("white: {} cells without a design", count(empty)));
    }
    let binned = [&x, &y].into_iter().filter_map(|lattice| lattice.binned.as_ref());
    notes.extend(binned.map(|(name, bins)| format!("{name} in {bins} bins")));
    let legend_title =
        if bar.is_some() { String::new() } else { format!("{} (share of cells)", name.replace('_', " ")) };
    Ok(Chart { title, subtitle: notes.join(" · "), x: x.axis, y: y.axis, layers, legend_title, legend, bar })
}

/// Where the winner changes between neighbours.
fn borders(x: &Lattice, y: &Lattice, ranks: &[Option<usize>]) -> Vec<[(f64, f64); 2]> {
    let mut lines = Vec::new();
    let changes = |a: Option<usize>, b: Option<usize>| a.is_some() && b.is_some() && a != b;
    for up in 0..y.cells() {
        for across in 0..x.cells() {
            let here = ranks[up * x.cells() + across];
            let ((left, right), (low, high)) = (x.span(across), y.span(up));
            if across + 1 < x.cells() && changes(here, ranks[up * x.cells() + across + 1]) {
                lines.push([(right, low), (right, high)]);
            }
            if up + 1 < y.cells() && changes(here, ranks[(up + 1) * x.cells() + across]) {
                lines.push([(left, high), (right, high)]);
            }
        }
    }
    lines
}

/// Middle of the widest row of cells of a winner; of the middle one among equals; none where the name has no room.
fn widest(x: &Lattice, y: &Lattice, ranks: &[Option<usize>], rank: usize, name: &str) -> Option<(f64, f64)> {
    let mut runs: Vec<(f64, f64, f64)> = Vec::new();
    for up in 0..y.cells() {
        let mut across = 0;
        while across < x.cells() {
            let start = across;
            while across < x.cells() && ranks[up * x.cells() + across] == Some(rank) {
                across += 1;
            }
            if across > start {
                let (from, to) = (x.axis.place(x.edges[start]), x.axis.place(x.edges[across]));
                let (low, high) = y.span(up);
                runs.push((to - from, 0.5 * (from + to), 0.5 * (y.axis.place(low) + y.axis.place(high))));
            }
            across += 1;
        }
    }
    let most = runs.iter().map(|run| run.0).fold(0.0, f64::max);
    if most < CHARACTER * name.chars().count() as f64 {
        return None;
    }
    let wide: Vec<_> = runs.into_iter().filter(|run| run.0 >= 0.999 * most).collect();
    let (_, across, up) = *wide.get(wide.len() / 2)?;
    Some((x.axis.value(across), y.axis.value(up)))
}
