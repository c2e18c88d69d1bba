//! A table with a header, row by row.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::lines::Lines;
use super::recognise::delimiter;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// An open table.
pub struct Table {
    file: String,
    pub names: Vec<String>,
    reader: csv::Reader<BufReader<File>>,
    record: csv::StringRecord,
}

/// A row: values by the place of their column.
pub struct Row<'a> {
    record: &'a csv::StringRecord,
    /// From 1.
    pub line: usize,
}

impl Row<'_> {
    /// The value of a column; empty where the row is short.
    pub fn get(&self, at: usize) -> &str {
        self.record.get(at).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        self.record.iter().collect::<Vec<_>>().join(", ")
    }
}

impl Table {
    pub fn open(path: &Path) -> Result<Table, Fault> {
        let mut lines = Lines::open(path)?;
        let mut separator = b',';
        while let Some((_, line)) = lines.advance()? {
            let text = line.trim();
            if !text.is_empty() && !text.starts_with('#') {
                separator = delimiter(text);
                break;
            }
        }
        let file = lines.file().to_owned();
        let open = File::open(path).map_err(|error| unreadable(&file, &error.to_string()))?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(BufReader::new(open));
        let header = reader.headers().map_err(|error| unreadable(&file, &error.to_string()))?;
        let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        Ok(Table { file, names, reader, record: csv::StringRecord::new() })
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    /// The first column whose name fits.
    pub fn position(&self, fits: impl Fn(&str) -> bool) -> Option<usize> {
        self.names.iter().position(|name| fits(name))
    }

    /// The next row. Bytes that are no UTF-8 are read as what they replace.
    pub fn advance(&mut self) -> Result<Option<Row<'_>>, Fault> {
        let mut bytes = csv::ByteRecord::new();
        match self.reader.read_byte_record(&mut bytes) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = bytes.position().map_or(0, |position| position.line() as usize);
                self.record = csv::StringRecord::from_byte_record_lossy(bytes);
                Ok(Some(Row { record: &self.record, line }))
            }
            Err(error) => Err(unreadable(&self.file, &error.to_string())),
        }
    }
}

fn unreadable(file: &str, error: &str) -> Fault {
    let message = format!("{} cannot be read as a table: {error}", quoted(file));
    Fault::input(Diagnostic::error(message).in_file(file).key("measured"))
}
