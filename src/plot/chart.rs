//! A picture before it is drawn: axes, layers from back to front, legend. Values are in the units of the axes.

use super::axis::Axis;
use super::palette::{Colour, Sign};

#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    /// What the title leaves out: rows, what was thinned, what was skipped.
    pub subtitle: String,
    pub x: Axis,
    pub y: Axis,
    pub layers: Vec<Layer>,
    pub legend_title: String,
    pub legend: Vec<Entry>,
    pub bar: Option<ColourBar>,
}

#[derive(Clone, Debug)]
pub enum Layer {
    /// Rows without a name of their own.
    Cloud(Vec<(f64, f64)>),
    /// Rows of a category.
    Points {
        points: Vec<(f64, f64)>,
        sign: Sign,
        size: f64,
        opacity: f64,
    },
    /// Rows with a colour each.
    Shaded {
        points: Vec<(f64, f64, Colour)>,
        size: f64,
    },
    /// A line through points.
    Line(Vec<(f64, f64)>),
    /// Rectangles that share their borders.
    Cells(Vec<Cell>),
    /// Rectangles along a category each.
    Bars(Vec<Cell>),
    /// Lines under the points; a letter stands for them where there are only characters, a space for none.
    Strokes {
        lines: Vec<[(f64, f64); 2]>,
        colour: Colour,
        letter: char,
        width: f64,
    },
    /// Borders between cells.
    Borders(Vec<[(f64, f64); 2]>),
    Labels(Vec<Label>),
}

#[derive(Clone, Debug)]
pub struct Cell {
    pub x: (f64, f64),
    pub y: (f64, f64),
    pub colour: Colour,
    /// What stands for the colour where there is none.
    pub letter: char,
}

#[derive(Clone, Debug)]
pub struct Label {
    pub at: (f64, f64),
    pub text: String,
    pub colour: Colour,
    pub side: Side,
}

/// Where a label stands beside its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Centre,
    Right,
    /// Lower left, where it has room; else wherever it has.
    Free,
}

/// A line of the legend.
#[derive(Clone, Debug)]
pub struct Entry {
    pub text: String,
    pub shape: Shape,
}

#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Marker(Sign),
    Cell(Sign),
    Line,
    /// A short upright line.
    Tick,
    Cloud,
}

/// Which colour stands for which value.
#[derive(Clone, Debug)]
pub struct ColourBar {
    pub axis: Axis,
}

/// Where a value lies on a colour bar.
impl ColourBar {
    pub fn share(&self, value: f64) -> f64 {
        self.axis.place(value)
    }
}
