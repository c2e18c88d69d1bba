//! The rows of a result file as a picture needs them: columns by name, with what is wrong where they do not serve.

use crate::library::diagnostic::{Diagnostic, Fault, printable, quoted};
use crate::library::nearest::nearest;
use crate::library::shape::grouped;
use crate::results::table::{Table, Values};

use super::axis::{Axis, bounds, wants_log};
use super::palette::{OTHER, SIGNS, Sign};
use super::quantity::Quantity;

/// Categories that have a name in a legend where there are more than signs.
const NAMED: usize = SIGNS.len() - 1;

pub struct Rows<'a> {
    pub table: &'a Table,
    /// The file's name, as the user gave it.
    pub file: &'a str,
}

/// A column of numbers in the unit that its axis shows.
pub struct Figure {
    pub quantity: Quantity,
    pub values: Vec<f64>,
    pub bounds: (f64, f64),
}

/// What a column holds.
pub enum Content<'a> {
    Numbers(&'a [f64]),
    Texts(&'a [String]),
}

/// The values of a text column by rank: the weightiest first, the rest together.
pub struct Categories {
    pub names: Vec<String>,
    /// Rank of every row.
    pub of_row: Vec<usize>,
    /// Values behind the last name, where that is the rest.
    pub others: usize,
}

impl Categories {
    pub fn sign(&self, rank: usize) -> Sign {
        if self.others > 0 && rank + 1 == self.names.len() { OTHER } else { super::palette::of(rank) }
    }
}

impl<'a> Rows<'a> {
    pub fn new(table: &'a Table, file: &'a str) -> Result<Rows<'a>, Fault> {
        if table.rows() == 0 {
            let message = format!("{} has no rows", quoted(file));
            let help = "a sweep in which nothing is feasible writes none: `wattline sweep` says why";
            return Err(Fault::input(Diagnostic::error(message).in_file(printable(file)).help(help)));
        }
        Ok(Rows { table, file })
    }

    pub fn len(&self) -> usize {
        self.table.rows()
    }

    /// The column that tells designs apart: their names, or what varies under one name.
    pub fn identity(&self) -> Option<&'static str> {
        let varies = |name: &&str| self.table.texts(name).is_some_and(|texts| texts.iter().any(|t| *t != texts[0]));
        let columns = ["design", "chip", "site"];
        columns.into_iter().find(varies).or_else(|| columns.into_iter().find(|name| self.has(name)))
    }

    pub fn has(&self, name: &str) -> bool {
        self.table.column(name).is_some()
    }

    fn fault(&self, key: &str, message: String, help: String) -> Fault {
        Fault::input(Diagnostic::error(message).in_file(printable(self.file)).key(printable(key)).help(help))
    }

    /// A column, whatever it holds.
    pub fn content(&self, name: &str) -> Result<Content<'a>, Fault> {
        match self.table.column(name).map(|column| &column.values) {
            Some(Values::Number(values)) => Ok(Content::Numbers(values)),
            Some(Values::Text(values)) => Ok(Content::Texts(values)),
            None => {
                let known = self.table.columns.iter().map(|column| column.name.as_str());
                let near = nearest(name, known.clone(), 3);
                let help = if near.is_empty() {
                    format!("its columns are {}", known.take(24).map(quoted).collect::<Vec<_>>().join(", "))
                } else {
                    format!("the nearest are {}", near.into_iter().map(quoted).collect::<Vec<_>>().join(", "))
                };
                Err(self.fault(name, format!("the file has no column {}", quoted(name)), help))
            }
        }
    }

    /// A column of numbers of which one at least is finite.
    pub fn figure(&self, name: &str) -> Result<Figure, Fault> {
        let values = match self.content(name)? {
            Content::Numbers(values) => values,
            Content::Texts(_) => {
                let message = format!("column {} holds text, and an axis needs numbers", quoted(name));
                let help = format!("its columns of numbers are {}", self.list(&self.number_columns()));
                return Err(self.fault(name, message, help));
            }
        };
        let Some((low, high)) = bounds(values.iter().copied()) else {
            let message = format!("column {} has no value in any of the {} rows", quoted(name), values.len());
            return Err(self.fault(name, message, "choose another column".to_owned()));
        };
        let unit = self.table.column(name).map_or("", |column| &column.unit);
        // The middle of what a logarithmic axis shows.
        let typical = if low > 0.0 { (low * high).sqrt() } else { low.abs().max(high.abs()) };
        let quantity = Quantity::of(name, unit, typical);
        let values = values.iter().map(|value| value / quantity.factor).collect();
        Ok(Figure { bounds: (low / quantity.factor, high / quantity.factor), quantity, values })
    }

    fn list(&self, names: &[&str]) -> String {
        names.iter().take(16).map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
    }

    /// Columns of numbers.
    pub fn number_columns(&self) -> Vec<&'a str> {
        let numbers = |column: &&'a crate::results::table::Column| matches!(column.values, Values::Number(_));
        self.table.columns.iter().filter(numbers).map(|column| column.name.as_str()).collect()
    }

    /// The axis of a figure; where it is asked to be logarithmic, its values must be positive.
    pub fn axis(&self, name: &str, figure: &Figure, log: Option<bool>, tight: bool) -> Result<Axis, Fault> {
        let (low, high) = figure.bounds;
        if log == Some(true) && low <= 0.0 {
            let rows = figure.values.iter().filter(|value| **value <= 0.0).count();
            let message =
                format!("column {} is zero or less in {rows} rows, which no logarithmic axis shows", quoted(name));
            return Err(self.fault(name, message, "leave --log out, or choose another column".to_owned()));
        }
        let log = log.unwrap_or_else(|| wants_log(low, high));
        Ok(if tight {
            Axis::tight(&figure.quantity, (low, high), log)
        } else {
            Axis::of(&figure.quantity, (low, high), log)
        })
    }

    /// The texts of a column by weight of their rows, seven and the rest; rows without weight count for no category.
    pub fn categories(&self, texts: &[String], weight: impl Fn(usize) -> f64) -> Categories {
        let mut weights: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
        for (row, text) in texts.iter().enumerate() {
            *weights.entry(text).or_default() += weight(row);
        }
        let mut ranked: Vec<(&str, f64)> = weights.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let kept = if ranked.len() > SIGNS.len() { NAMED } else { ranked.len() };
        let others = ranked.len() - kept;
        let mut names: Vec<String> = ranked.iter().take(kept).map(|(name, _)| shown(name)).collect();
        let ranks: std::collections::HashMap<&str, usize> =
            ranked.iter().take(kept).enumerate().map(|(rank, (name, _))| (*name, rank)).collect();
        let of_row = texts.iter().map(|text| ranks.get(text.as_str()).copied().unwrap_or(kept)).collect();
        if others > 0 {
            names.push(format!("{others} others"));
        }
        Categories { names, of_row, others }
    }

    /// What the file says that it is of.
    pub fn subject(&self) -> String {
        let stated = ["title", "scenario"].iter().find_map(|key| self.table.metadata.get(*key));
        let stem = std::path::Path::new(self.file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        shown(&stated.cloned().or(stem).unwrap_or_default())
    }
}

/// A text fit for a picture: one line, not too long.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 48;
    let clean = printable(text).replace('\n', " ");
    let clean = if clean.is_empty() { "(none)".to_owned() } else { clean };
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// A count with its thousands apart.
pub fn count(rows: usize) -> String {
    grouped(rows as f64)
}
