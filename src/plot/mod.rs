//! Pictures of result files: what is drawn (a chart), and how (a page, a terminal).

pub mod axis;
mod breakdown;
mod chart;
pub mod claims;
mod cloud;
mod frontier;
mod heatmap;
mod palette;
mod quantity;
mod rows;
mod scatter;
mod scene;
mod terminal;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::results::table::Table;
use crate::search::Objective;

use self::axis::Log;
pub use self::chart::Chart;
use self::rows::{Rows, count};
pub use self::scene::{png, svg};
pub use self::terminal::text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Frontier,
    Heatmap,
    Breakdown,
    Scatter,
}

/// What to draw; columns left open are chosen by the kind.
#[derive(Clone, Debug)]
pub struct Request {
    pub kind: Kind,
    pub x: Option<String>,
    pub y: Option<String>,
    pub color: Option<String>,
    pub log: Log,
    /// By what a heat map's winners are judged.
    pub objective: Objective,
    pub title: Option<String>,
}

/// The picture of a table that was read from a file.
pub fn chart(table: &Table, file: &str, request: &Request) -> Result<Chart, Fault> {
    let rows = Rows::new(table, file)?;
    let mut chart = match request.kind {
        Kind::Frontier => frontier::chart(&rows, request),
        Kind::Heatmap => heatmap::chart(&rows, request),
        Kind::Breakdown => breakdown::chart(&rows, request),
        Kind::Scatter => scatter::chart(&rows, request),
    }?;
    if let Some(title) = &request.title {
        chart.title = rows::shown(title);
    }
    Ok(chart)
}

/// Points of two columns where both are finite.
fn finite<'a>(x: &'a [f64], y: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| x.is_finite() && y.is_finite())
}

/// What a picture says of rows that lack a value.
fn skipped(rows: usize) -> Option<String> {
    (rows > 0).then(|| format!("{} rows without a value are left out", count(rows)))
}

/// What a picture says of rows that it does not draw.
fn thinning(drawn: usize, of: usize) -> Option<String> {
    (drawn < of).then(|| format!("cloud thinned to {} points, one a bin", count(drawn)))
}

impl Rows<'_> {
    /// Two columns that never have a value in the same row.
    fn disjoint(&self, x: &str, y: &str) -> Fault {
        let message = format!("no row has a value of both {} and {}", quoted(x), quoted(y));
        Fault::input(Diagnostic::error(message).in_file(self.file).key(x).help("choose other columns"))
    }
}
