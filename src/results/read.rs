//! Result files into memory, by column: one file, or every part in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::{Reader, unreadable};
use super::format::Format;
use super::row::{Cell, Field, Kind, field};
use super::table::{Column, Table, Values};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// The result files of a path: itself, or those in a folder by name.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let found = fs::read_dir(path).map_err(|error| unreadable(path, error.to_string()))?;
    let mut files = Vec::new();
    for entry in found {
        let file = entry.map_err(|error| unreadable(path, error.to_string()))?.path();
        if file.is_file() && Format::known(&file).is_some() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let shown = path.display().to_string();
        let message = format!("{} holds no result file", quoted(&shown));
        return Err(Fault::input(
            Diagnostic::error(message).in_file(shown).help("a result file ends in .parquet, .csv or .jsonl"),
        ));
    }
    Ok(files)
}

/// Reads a result file, or all of a folder as one.
pub fn read(path: &Path) -> Result<Table, Fault> {
    let mut table = Table::default();
    for (at, part) in parts(path)?.iter().enumerate() {
        let mut reader = Reader::open(part)?;
        if at == 0 {
            table.columns = reader.fields().iter().map(empty).collect();
            table.metadata = reader.metadata().clone();
        } else {
            let names = reader.fields().iter().map(|field| field.name.as_ref());
            if !names.eq(table.columns.iter().map(|column| column.name.as_str())) {
                return Err(unreadable(part, "its columns are not those of the parts before it".to_owned()));
            }
            // What the parts do not say alike is said of none.
            let said = reader.metadata();
            table.metadata.retain(|key, value| said.get(key) == Some(value));
        }
        loop {
            let rows = reader.next()?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                for (column, cell) in table.columns.iter_mut().zip(&row.cells) {
                    push(&mut column.values, cell);
                }
            }
        }
    }
    table.columns.iter_mut().for_each(infer);
    Ok(table)
}

fn empty(of: &Field) -> Column {
    let unit = if of.unit.is_empty() { field(&of.name).map_or("", |own| &own.unit) } else { &of.unit };
    let values = match of.kind {
        Kind::Count | Kind::Number => Values::Number(Vec::new()),
        Kind::Flag | Kind::Text => Values::Text(Vec::new()),
    };
    Column { name: of.name.to_string(), unit: unit.to_owned(), values }
}

fn push(values: &mut Values, cell: &Cell) {
    match values {
        Values::Number(values) => values.push(cell.number().unwrap_or(f64::NAN)),
        Values::Text(values) => values.push(match cell {
            Cell::Flag(flag) => flag.to_string(),
            cell => cell.text().unwrap_or_default().to_owned(),
        }),
    }
}

/// A column of another program's CSV whose every value reads as a number holds numbers.
fn infer(column: &mut Column) {
    let Values::Text(texts) = &column.values else { return };
    if field(&column.name).is_some() || texts.iter().all(String::is_empty) {
        return;
    }
    let number = |text: &String| if text.is_empty() { Some(f64::NAN) } else { text.parse().ok() };
    if let Some(numbers) = texts.iter().map(number).collect() {
        column.values = Values::Number(numbers);
    }
}
