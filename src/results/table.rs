//! A result file in memory: columns of numbers or texts, and what the file says of itself.

use std::collections::BTreeMap;

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    /// Empty where the values have none.
    pub unit: String,
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// NaN where there is no value.
    Number(Vec<f64>),
    Text(Vec<String>),
}

/// Rows of one or several result files, by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    /// Scenario, hashes, what was kept: the keys of the files' own metadata.
    pub metadata: BTreeMap<String, String>,
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::Number(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Numbers of a column; `None` where there is no such column, or it holds text.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match &self.column(name)?.values {
            Values::Number(values) => Some(values),
            Values::Text(_) => None,
        }
    }

    /// Texts of a column; `None` where there is no such column, or it holds numbers.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match &self.column(name)?.values {
            Values::Text(values) => Some(values),
            Values::Number(_) => None,
        }
    }

    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }
}
