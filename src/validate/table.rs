//! Reads a table of measured runs: our own columns, or another lab's through a column map.

use std::collections::BTreeMap;
use std::path::Path;

use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::nearest::nearest;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Number,
    Text,
}

/// Columns of a table of measured training runs. Every one may be blank; further columns are passed over.
pub const COLUMNS: &[(&str, Field)] = &[
    ("id", Field::Text),
    ("source", Field::Text),
    ("url_or_ref", Field::Text),
    ("year", Field::Number),
    ("kind", Field::Text),
    ("model_name", Field::Text),
    ("params_total_B", Field::Number),
    ("params_active_B", Field::Number),
    ("layers", Field::Number),
    ("hidden", Field::Number),
    ("ffn_hidden", Field::Number),
    ("heads", Field::Number),
    ("kv_heads", Field::Number),
    ("vocab", Field::Number),
    ("experts", Field::Number),
    ("experts_active", Field::Number),
    ("expert_ffn_hidden", Field::Number),
    ("seq_len", Field::Number),
    ("attention", Field::Text),
    ("gated_mlp", Field::Number),
    ("chip", Field::Text),
    ("chips", Field::Number),
    ("chips_per_node", Field::Number),
    ("tp", Field::Number),
    ("pp", Field::Number),
    ("vpp", Field::Number),
    ("dp", Field::Number),
    ("ep", Field::Number),
    ("cp", Field::Number),
    ("zero_or_fsdp_stage", Field::Number),
    ("micro_batch", Field::Number),
    ("global_batch_seqs", Field::Number),
    ("precision", Field::Text),
    ("recompute", Field::Text),
    ("seq_parallel", Field::Number),
    ("tokens_total", Field::Number),
    ("tflops_per_chip", Field::Number),
    ("mfu_reported", Field::Number),
    ("hfu_reported", Field::Number),
    ("sec_per_iter", Field::Number),
    ("tokens_per_s_per_chip", Field::Number),
    ("days", Field::Number),
    ("chip_hours", Field::Number),
    ("energy_MWh", Field::Number),
    ("avg_chip_W", Field::Number),
    ("pue", Field::Number),
    ("tco2e", Field::Number),
    ("flops_convention", Field::Text),
    ("notes", Field::Text),
    ("confidence", Field::Text),
    ("stack", Field::Text),
    ("nic_gbps_per_chip", Field::Number),
    ("domain_chips", Field::Number),
    ("peak_memory_GiB", Field::Number),
    ("memory_kind", Field::Text),
    ("capacity_GiB", Field::Number),
    ("what", Field::Text),
    ("system", Field::Text),
    ("cooling", Field::Text),
    ("workload", Field::Text),
    ("n_nodes", Field::Number),
    ("mean_W_per_node", Field::Number),
    ("duration_min", Field::Number),
    ("meter", Field::Text),
];

/// One measured run.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Line of the file.
    pub line: u64,
    numbers: BTreeMap<&'static str, f64>,
    texts: BTreeMap<&'static str, String>,
}

impl Row {
    /// A number that the row states.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.numbers.get(column).copied()
    }
    /// A whole number of at least 1 that the row states.
    pub fn count(&self, column: &str) -> Option<u32> {
        self.number(column).filter(|n| *n >= 1.0 && *n < 4e9).map(|n| n.round() as u32)
    }
    /// A text that the row states; empty where it does not.
    pub fn text(&self, column: &str) -> &str {
        self.texts.get(column).map_or("", String::as_str)
    }
    /// Whether the row's notes hold a keyword.
    pub fn noted(&self, word: &str) -> bool {
        self.text("notes").to_ascii_lowercase().contains(&word.to_ascii_lowercase())
    }
}

/// Another lab's columns: which of its columns (times a factor) or which constant stands for each of ours.
#[derive(Clone, Debug, Default)]
pub struct ColumnMap {
    constants: BTreeMap<String, String>,
    columns: BTreeMap<String, (String, f64)>,
}

impl ColumnMap {
    /// Reads a map file.
    pub fn read(path: &Path) -> Result<ColumnMap, Fault> {
        let shown = path.display().to_string();
        let fault = |message: String, key: Option<&str>, help: &str| {
            let mut diagnostic = Diagnostic::error(message).in_file(shown.clone()).help(help);
            if let Some(key) = key {
                diagnostic = diagnostic.key(key);
            }
            Fault::input(diagnostic)
        };
        let text = std::fs::read_to_string(path)
            .map_err(|e| fault(format!("cannot read the column map: {e}"), None, "name a TOML file in UTF-8"))?;
        let document: toml::Table = toml::from_str(&text)
            .map_err(|e| fault(format!("not valid TOML: {}", e.message()), None, "see evidence/columns/vtrain.toml"))?;
        let known = |name: &str| COLUMNS.iter().any(|(column, _)| *column == name);
        let mut map = ColumnMap::default();
        for (section, value) in &document {
            match (section.as_str(), value) {
                ("title" | "source" | "kind", _) => {}
                ("constants", toml::Value::Table(table)) => {
                    for (field, value) in table {
                        if !known(field) {
                            let near = nearest(field, COLUMNS.iter().map(|(c, _)| *c), 3).join(", ");
                            return Err(fault(
                                format!("unknown field `{field}`"),
                                Some(field),
                                &format!("did you mean {near}?"),
                            ));
                        }
                        let text = match value {
                            toml::Value::String(s) => s.clone(),
                            other => other.to_string(),
                        };
                        map.constants.insert(field.clone(), text);
                    }
                }
                ("columns", toml::Value::Table(table)) => {
                    for (field, value) in table {
                        if !known(field) {
                            let near = nearest(field, COLUMNS.iter().map(|(c, _)| *c), 3).join(", ");
                            return Err(fault(
                                format!("unknown field `{field}`"),
                                Some(field),
                                &format!("did you mean {near}?"),
                            ));
                        }
                        let entry = match value {
                            toml::Value::String(column) => Some((column.clone(), 1.0)),
                            toml::Value::Table(table) => {
                                let scale = match table.get("scale") {
                                    None => Some(1.0),
                                    Some(toml::Value::Float(f)) => Some(*f),
                                    Some(toml::Value::Integer(i)) => Some(*i as f64),
                                    Some(_) => None,
                                };
                                table
                                    .get("column")
                                    .and_then(toml::Value::as_str)
                                    .zip(scale)
                                    .map(|(c, s)| (c.to_owned(), s))
                            }
                            _ => None,
                        };
                        let Some(entry) = entry else {
                            let help = "write field = \"column\" or field = { column = \"column\", scale = 0.001 }";
                            return Err(fault(format!("`columns.{field}` is no column"), Some(field), help));
                        };
                        map.columns.insert(field.clone(), entry);
                    }
                }
                _ => {
                    let help = "a column map has title, source, kind, [constants] and [columns]";
                    return Err(fault(format!("unknown key `{section}`"), Some(section), help));
                }
            }
        }
        Ok(map)
    }
}

/// The rows of a table, with what was passed over.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub rows: Vec<Row>,
    pub warnings: Vec<String>,
}

impl Table {
    /// Parses a CSV; `name` is shown in diagnostics.
    pub fn parse(name: &str, text: &str, map: Option<&ColumnMap>) -> Result<Table, Fault> {
        let fault = |message: String, key: &str, help: &str| {
            Fault::input(Diagnostic::error(message).in_file(name).key(key).help(help))
        };
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
        let headers: Vec<String> = match reader.headers() {
            Ok(headers) => headers.iter().map(|h| h.trim().trim_start_matches('\u{feff}').to_owned()).collect(),
            Err(error) => return Err(fault(format!("not a CSV: {error}"), "", "the first line names the columns")),
        };
        let find = |column: &str| headers.iter().position(|h| h.eq_ignore_ascii_case(column));
        // (our field, its kind, column, factor)
        let mut wanted: Vec<(&'static str, Field, usize, f64)> = Vec::new();
        let mut constants: Vec<(&'static str, Field, &str)> = Vec::new();
        for (field, kind) in COLUMNS {
            let mapped = map.and_then(|m| m.columns.get(*field));
            match mapped {
                Some((column, scale)) => match find(column) {
                    Some(at) => wanted.push((field, *kind, at, *scale)),
                    None => {
                        let near = nearest(column, headers.iter().map(String::as_str), 3).join(", ");
                        let help =
                            if near.is_empty() { "mend the map".to_owned() } else { format!("did you mean {near}?") };
                        return Err(fault(format!("no column `{column}` for `{field}`"), field, &help));
                    }
                },
                None => {
                    if let Some(at) = find(field) {
                        wanted.push((field, *kind, at, 1.0));
                    } else if let Some(value) = map.and_then(|m| m.constants.get(*field)) {
                        constants.push((field, *kind, value));
                    }
                }
            }
        }
        let has = |field: &str| wanted.iter().any(|w| w.0 == field) || constants.iter().any(|c| c.0 == field);
        let runs = ["chip", "chips", "layers", "hidden", "heads"];
        let power = ["system", "mean_W_per_node"];
        if !power.iter().all(|c| has(c)) {
            for column in runs {
                if !has(column) {
                    let near = nearest(column, headers.iter().map(String::as_str), 3).join(", ");
                    let help = if near.is_empty() {
                        "a table of runs needs chip, chips, layers, hidden and heads; map other names with --columns MAP.toml".to_owned()
                    } else {
                        format!("did you mean `{near}`? Map other names with --columns MAP.toml")
                    };
                    return Err(fault(format!("missing column `{column}`"), column, &help));
                }
            }
        }
        let mut warnings = Vec::new();
        let passed: Vec<&str> = headers
            .iter()
            .enumerate()
            .filter(|(at, _)| !wanted.iter().any(|w| w.2 == *at))
            .map(|(_, h)| h.as_str())
            .collect();
        if !passed.is_empty() && map.is_none() {
            warnings.push(format!("columns passed over: {}", passed.join(", ")));
        }
        let mut rows = Vec::new();
        for (number, record) in reader.records().enumerate() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    return Err(fault(
                        format!("line {}: {error}", number + 2),
                        "",
                        "each line has as many cells as the first",
                    ));
                }
            };
            let line = record.position().map_or(number as u64 + 2, csv::Position::line);
            let mut row = Row { line, ..Row::default() };
            let cells =
                wanted.iter().map(|(field, kind, at, scale)| (*field, *kind, record.get(*at).unwrap_or(""), *scale));
            let fixed = constants.iter().map(|(field, kind, value)| (*field, *kind, *value, 1.0));
            for (field, kind, cell, scale) in cells.chain(fixed) {
                let cell = cell.trim();
                if cell.is_empty() {
                    continue;
                }
                match kind {
                    Field::Text => {
                        row.texts.insert(field, cell.to_owned());
                    }
                    Field::Number => match cell.parse::<f64>() {
                        Ok(value) if value.is_finite() => {
                            row.numbers.insert(field, value * scale);
                        }
                        _ => {
                            return Err(fault(
                                format!("line {line}: `{field}` is `{cell}`, a number belongs there"),
                                field,
                                "leave the cell empty where nothing was stated",
                            ));
                        }
                    },
                }
            }
            if row.text("id").is_empty() {
                row.texts.insert("id", (number + 1).to_string());
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(fault("no rows".to_owned(), "", "the table has a heading and nothing else"));
        }
        Ok(Table { name: name.to_owned(), rows, warnings })
    }
}
