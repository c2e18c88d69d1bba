//! Claims against predictions: a row for each, its band, the bound of the hardware, what was measured, what is claimed.

use std::collections::BTreeMap;

use super::axis::{Axis, bounds};
use super::chart::{Cell, Chart, Entry, Label, Layer, Shape, Side};
use super::palette::{Colour, FAINT, INK, Marker, OTHER, SIGNS, Sign};
use super::quantity::{Quantity, number};
use super::rows::{count, shown};
use crate::library::diagnostic::{Diagnostic, Fault};

/// One claim: absolute values in any one unit.
#[derive(Clone, Debug)]
pub struct ClaimMark {
    pub label: String,
    /// The verdict's word, such as `plausible`.
    pub verdict: String,
    /// Lowest and highest claimed value; the same where one is claimed.
    pub claimed: (f64, f64),
    /// P10, P50 and P90.
    pub predicted: Option<(f64, f64, f64)>,
    pub bound: Option<f64>,
    pub measured: Option<f64>,
}

/// Factors from P50 beyond which a value is drawn at the edge of the axis.
const FARTHEST: f64 = 300.0;
/// The axis reaches at least so far to either side.
const NEAREST: f64 = 1.5;
/// Half of a band's and of a bound's height, in rows.
const BAND: f64 = 0.26;
const TICK: f64 = 0.34;
/// Characters of a label.
const LABEL: usize = 52;
/// Rows above which a picture is taller than a screen.
const TALL: usize = 40;
const GRID: Colour = (232, 232, 232);
const BAND_SIGN: Sign = Sign { colour: (205, 214, 224), marker: Marker::Square, letter: '░' };
const MEASURED: Sign = Sign { colour: INK, marker: Marker::Diamond, letter: '◆' };

/// Verdicts from the best to the worst, each with its place in the palette.
const VERDICTS: [(&str, usize, char); 7] = [
    ("conservative", 5, 'c'),
    ("plausible", 2, 'p'),
    ("only_if", 0, 'i'),
    ("overstated", 4, 'O'),
    ("contradicted", 3, 'C'),
    ("impossible", 1, 'X'),
    ("not_testable", 6, 'n'),
];

/// Rank of a verdict, and its dot.
fn sign(verdict: &str) -> (usize, Sign) {
    let spelt = verdict.trim().to_lowercase().replace([' ', '-'], "_");
    match VERDICTS.iter().position(|(word, ..)| *word == spelt) {
        Some(rank) => {
            let (_, place, letter) = VERDICTS[rank];
            (rank, Sign { marker: Marker::Circle, letter, ..SIGNS[place] })
        }
        None => (VERDICTS.len(), Sign { marker: Marker::Circle, letter: 'o', ..OTHER }),
    }
}

/// A claim over its P50.
struct Row<'a> {
    mark: &'a ClaimMark,
    rank: usize,
    sign: Sign,
    claimed: (f64, f64),
    band: (f64, f64),
    bound: Option<f64>,
    measured: Option<f64>,
}

impl<'a> Row<'a> {
    /// The row of a claim that has a prediction.
    fn of(mark: &'a ClaimMark) -> Option<Row<'a>> {
        let (p10, p50, p90) = mark.predicted?;
        let over = |value: f64| Some(value / p50).filter(|ratio| ratio.is_finite() && *ratio > 0.0);
        let (low, high) = (over(mark.claimed.0)?, over(mark.claimed.1)?);
        let band = (over(p10)?, over(p90)?);
        let (rank, sign) = sign(&mark.verdict);
        Some(Row {
            mark,
            rank,
            sign,
            claimed: (low.min(high), low.max(high)),
            band: (band.0.min(band.1), band.0.max(band.1)),
            bound: mark.bound.and_then(over),
            measured: mark.measured.and_then(over),
        })
    }

    /// Where the dot stands.
    fn dot(&self) -> f64 {
        (self.claimed.0 * self.claimed.1).sqrt()
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        [self.claimed.0, self.claimed.1, self.band.0, self.band.1].into_iter().chain(self.bound).chain(self.measured)
    }
}

/// The claims of one verdict.
struct Group {
    sign: Sign,
    words: String,
    dots: Vec<(f64, f64)>,
    ranges: Vec<[(f64, f64); 2]>,
}

impl Group {
    fn of(sign: Sign, words: String) -> Group {
        Group { sign, words, dots: Vec::new(), ranges: Vec::new() }
    }
}

/// The picture of claims, the boldest on top.
pub fn chart(marks: &[ClaimMark], title: &str) -> Result<Chart, Fault> {
    let mut rows: Vec<Row<'_>> = marks.iter().filter_map(Row::of).collect();
    if rows.is_empty() {
        let message = format!("none of {} claims has a prediction to be drawn against", marks.len());
        let help = "choose claims of training that name a system and a number";
        return Err(Fault::input(Diagnostic::error(message).key("-o").help(help)));
    }
    rows.sort_by(|a, b| b.dot().total_cmp(&a.dot()).then_with(|| a.mark.label.cmp(&b.mark.label)));
    let (least, most) = bounds(rows.iter().flat_map(Row::values)).unwrap_or((1.0, 1.0));
    let span = (least.clamp(1.0 / FARTHEST, 1.0 / NEAREST), most.clamp(NEAREST, FARTHEST));
    let quantity = Quantity {
        name: "claimed / predicted (1 is the predicted median)".to_owned(),
        unit: String::new(),
        factor: 1.0,
        more_is_better: false,
    };
    let x = Axis::of(&quantity, span, true);
    let place = |value: f64| value.clamp(x.low, x.high);
    let beyond = rows.iter().filter(|row| row.dot() < x.low || row.dot() > x.high).count();

    let mut bands = Vec::new();
    let mut ticks = Vec::new();
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    let mut diamonds = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let y = (rows.len() - at) as f64;
        let (low, high) = (place(row.band.0), place(row.band.1));
        let cell = Cell { x: (low, high), y: (y - BAND, y + BAND), colour: BAND_SIGN.colour, letter: BAND_SIGN.letter };
        bands.push(cell);
        if let Some(bound) = row.bound {
            ticks.push([(place(bound), y - TICK), (place(bound), y + TICK)]);
        }
        if let Some(measured) = row.measured {
            diamonds.push((place(measured), y));
        }
        let words = row.mark.verdict.replace('_', " ");
        let group = groups.entry(row.rank).or_insert_with(|| Group::of(row.sign, words));
        group.dots.push((place(row.dot()), y));
        if row.claimed.0 < row.claimed.1 {
            group.ranges.push([(place(row.claimed.0), y), (place(row.claimed.1), y)]);
        }
    }
    let mut legend = vec![Entry { text: "predicted, P10 to P90".to_owned(), shape: Shape::Cell(BAND_SIGN) }];
    let strokes = |lines: Vec<[(f64, f64); 2]>, colour, letter, width| Layer::Strokes { lines, colour, letter, width };
    let middle = vec![[(1.0, 0.5), (1.0, rows.len() as f64 + 0.5)]];
    let top = rows.len() as f64 + 0.5;
    let marks_of_axis: Vec<f64> = marks_between(x.low, x.high).collect();
    let grid = marks_of_axis.iter().map(|mark| [(*mark, 0.5), (*mark, top)]).collect();
    let mut layers = vec![strokes(grid, GRID, ' ', 1.0), Layer::Bars(bands), strokes(middle, FAINT, '┊', 1.5)];
    if !ticks.is_empty() {
        legend.push(Entry { text: "hardware bound (tick)".to_owned(), shape: Shape::Tick });
        layers.push(strokes(ticks, INK, '┃', 3.0));
    }
    for Group { sign, words, dots, ranges } in groups.into_values() {
        legend.push(Entry { text: format!("claimed: {words}"), shape: Shape::Marker(sign) });
        layers.push(strokes(ranges, sign.colour, '─', 3.0));
        layers.push(Layer::Points { points: dots, sign, size: 6.5, opacity: 1.0 });
    }
    if !diamonds.is_empty() {
        legend.push(Entry { text: "measured".to_owned(), shape: Shape::Marker(MEASURED) });
        layers.push(Layer::Points { points: diamonds, sign: MEASURED, size: 5.0, opacity: 1.0 });
    }
    let mut notes = vec![format!("{} of {} claims", count(rows.len()), count(marks.len()))];
    if rows.len() < marks.len() {
        notes.push("the others have no prediction".to_owned());
    }
    if beyond > 0 {
        notes.push(format!("{} more than {FARTHEST} x away are drawn at the edge", count(beyond)));
    }
    let names: Vec<String> = rows.iter().rev().map(|row| shortened(&shown(&row.mark.label))).collect();
    let mut y = Axis::named(String::new(), names);
    if rows.len() > TALL {
        // Whoever reads the top of a tall picture sees no axis below.
        y.high += 1.0;
        let label = |mark: &f64| Label { at: (*mark, top + 0.4), text: number(*mark), colour: INK, side: Side::Centre };
        layers.push(Layer::Labels(marks_of_axis.iter().map(label).collect()));
    }
    Ok(Chart {
        title: title.to_owned(),
        subtitle: notes.join(" · "),
        x,
        y,
        layers,
        legend_title: String::new(),
        legend,
        bar: None,
    })
}

/// 1, 2 and 5 of every decade.
fn marks_between(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let marks = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10.0_f64.powi(power)));
    marks.filter(move |mark| (low..=high).contains(mark))
}

/// The start of a long label.
fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL {
        return label.to_owned();
    }
    let start: String = label.chars().take(LABEL - 1).collect();
    format!("{}…", start.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(label: &str, claimed: f64, predicted: Option<(f64, f64, f64)>) -> ClaimMark {
        let verdict = "plausible".to_owned();
        ClaimMark {
            label: label.to_owned(),
            verdict,
            claimed: (claimed, claimed),
            predicted,
            bound: None,
            measured: None,
        }
    }

    #[test]
    fn a_claim_lies_at_its_share_of_the_median_the_boldest_on_top() -> Result<(), Fault> {
        let marks = [
            mark("timid", 50.0, Some((80.0, 100.0, 125.0))),
            mark("bold", 900.0, Some((200.0, 300.0, 400.0))),
            mark("vague", 1.0, None),
        ];
        let chart = chart(&marks, "claims")?;
        assert_eq!(chart.y.names, ["timid", "bold"]);
        assert_eq!(chart.subtitle, "2 of 3 claims · the others have no prediction");
        let points = chart.layers.iter().find_map(|layer| match layer {
            Layer::Points { points, .. } => Some(points.clone()),
            _ => None,
        });
        // 900 / 300 in the upper row, 50 / 100 in the lower.
        assert_eq!(points, Some(vec![(3.0, 2.0), (0.5, 1.0)]));
        Ok(())
    }

    #[test]
    fn claims_without_a_prediction_are_no_picture() {
        assert!(chart(&[mark("vague", 1.0, None)], "claims").is_err());
    }
}
