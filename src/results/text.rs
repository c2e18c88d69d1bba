//! Rows as CSV and as JSON lines, out and in. A number is the shortest text that reads back to the same one.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use serde_json::{Map, Value};

use super::row::{Cell, Field, Kind, Row, field};

/// Writes rows under a header line.
pub struct CsvWriter {
    inner: csv::Writer<BufWriter<File>>,
    number: Vec<u8>,
}

impl CsvWriter {
    pub fn new(file: File, fields: &[Field]) -> io::Result<CsvWriter> {
        let mut inner = csv::Writer::from_writer(BufWriter::new(file));
        inner.write_record(fields.iter().map(|field| field.name.as_bytes()))?;
        Ok(CsvWriter { inner, number: Vec::new() })
    }

    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        for cell in &row.cells {
            match cell {
                Cell::Text(text) => self.inner.write_field(text.as_bytes())?,
                Cell::Number(value) if !value.is_finite() => self.inner.write_field(b"")?,
                cell => {
                    self.number.clear();
                    plain(&mut self.number, cell)?;
                    self.inner.write_field(&self.number)?;
                }
            }
        }
        self.inner.write_record(None::<&[u8]>)?;
        Ok(())
    }

    pub fn finish(self) -> io::Result<File> {
        self.inner.into_inner().map_err(|error| io::Error::from(error.error().kind()))?.into_inner().map_err(Into::into)
    }
}

/// Writes rows as one JSON object a line.
pub struct JsonlWriter {
    inner: BufWriter<File>,
    /// The text before each value: comma, name, colon.
    keys: Vec<Vec<u8>>,
}

impl JsonlWriter {
    pub fn new(file: File, fields: &[Field]) -> io::Result<JsonlWriter> {
        let key = |(at, field): (usize, &Field)| {
            let mut text = if at == 0 { b"{".to_vec() } else { b",".to_vec() };
            serde_json::to_writer(&mut text, &field.name)?;
            text.push(b':');
            Ok(text)
        };
        let keys = fields.iter().enumerate().map(key).collect::<io::Result<_>>()?;
        Ok(JsonlWriter { inner: BufWriter::new(file), keys })
    }

    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        for (key, cell) in self.keys.iter().zip(&row.cells) {
            self.inner.write_all(key)?;
            plain(&mut self.inner, cell)?;
        }
        self.inner.write_all(b"}\n")
    }

    pub fn finish(self) -> io::Result<File> {
        self.inner.into_inner().map_err(Into::into)
    }
}

/// A cell as JSON writes it.
fn plain(out: &mut impl Write, cell: &Cell) -> io::Result<()> {
    match cell {
        Cell::Count(value) => serde_json::to_writer(out, value)?,
        // What is not finite becomes null.
        Cell::Number(value) => serde_json::to_writer(out, value)?,
        Cell::Flag(value) => serde_json::to_writer(out, value)?,
        Cell::Text(text) => serde_json::to_writer(out, text)?,
    }
    Ok(())
}

/// A column that this program does not write.
fn foreign(name: &str, kind: Kind) -> Field {
    Field { name: Cow::Owned(name.to_owned()), unit: "".into(), kind, meaning: "".into() }
}

/// What is wrong with a line of a file, and which.
#[derive(Debug)]
pub struct BadLine {
    pub line: u64,
    pub why: String,
}

/// Reads rows under a header line.
pub struct CsvReader {
    inner: csv::Reader<BufReader<File>>,
    fields: Vec<Field>,
    record: csv::StringRecord,
}

impl CsvReader {
    /// Columns that this program does not write are texts.
    pub fn new(file: File) -> Result<CsvReader, BadLine> {
        let mut inner = csv::Reader::from_reader(BufReader::new(file));
        let names = inner.headers().map_err(|error| BadLine { line: 1, why: error.to_string() })?;
        let fields =
            names.iter().map(|name| field(name).cloned().unwrap_or_else(|| foreign(name, Kind::Text))).collect();
        Ok(CsvReader { inner, fields, record: csv::StringRecord::new() })
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub fn next(&mut self) -> Result<Option<Row>, BadLine> {
        let read = self.inner.read_record(&mut self.record);
        let line = self.record.position().map_or(0, csv::Position::line);
        if !read.map_err(|error| BadLine { line, why: error.to_string() })? {
            return Ok(None);
        }
        let cell = |(field, text): (&Field, &str)| {
            let wrong = |what: &str| BadLine { line, why: format!("{} is `{text}`, not {what}", field.name) };
            match field.kind {
                Kind::Count => text.parse().map(Cell::Count).map_err(|_| wrong("a whole number")),
                Kind::Number if text.is_empty() => Ok(Cell::Number(f64::NAN)),
                Kind::Number => text.parse().map(Cell::Number).map_err(|_| wrong("a number")),
                Kind::Flag => text.parse().map(Cell::Flag).map_err(|_| wrong("true or false")),
                Kind::Text => Ok(Cell::Text(Cow::Owned(text.to_owned()))),
            }
        };
        let cells = self.fields.iter().zip(self.record.iter()).map(cell).collect::<Result<_, _>>()?;
        Ok(Some(Row { cells }))
    }
}

/// Reads one JSON object a line.
pub struct JsonlReader {
    inner: BufReader<File>,
    fields: Vec<Field>,
    line: u64,
    /// The first row, read for its columns.
    first: Option<Row>,
}

impl JsonlReader {
    /// The first line tells the columns.
    pub fn new(file: File) -> Result<JsonlReader, BadLine> {
        let mut reader = JsonlReader { inner: BufReader::new(file), fields: Vec::new(), line: 0, first: None };
        if let Some(object) = reader.object()? {
            let kind = |value: &Value| match value {
                Value::Number(_) | Value::Null => Kind::Number,
                Value::Bool(_) => Kind::Flag,
                _ => Kind::Text,
            };
            let known =
                |(name, value): (&String, &Value)| field(name).cloned().unwrap_or_else(|| foreign(name, kind(value)));
            // Objects are read with their keys sorted: the program's own columns go back into its order.
            let mut fields: Vec<Field> = object.iter().map(known).collect();
            fields.sort_by_key(|field| {
                super::row::fields().iter().position(|own| own.name == field.name).unwrap_or(usize::MAX)
            });
            reader.fields = fields;
            reader.first = Some(reader.row(&object)?);
        } else {
            reader.fields = super::row::fields().to_vec();
        }
        Ok(reader)
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub fn next(&mut self) -> Result<Option<Row>, BadLine> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match self.object()? {
            Some(object) => self.row(&object).map(Some),
            None => Ok(None),
        }
    }

    fn object(&mut self) -> Result<Option<Map<String, Value>>, BadLine> {
        let mut text = String::new();
        self.line += 1;
        let read = self.inner.read_line(&mut text);
        if read.map_err(|error| BadLine { line: self.line, why: error.to_string() })? == 0 {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).map_err(|error| BadLine { line: self.line, why: error.to_string() })
    }

    fn row(&self, object: &Map<String, Value>) -> Result<Row, BadLine> {
        let cell = |field: &Field| {
            let value = object.get(field.name.as_ref()).unwrap_or(&Value::Null);
            let wrong = |what: &str| BadLine { line: self.line, why: format!("{} is {value}, not {what}", field.name) };
            match field.kind {
                Kind::Count => value.as_u64().map(Cell::Count).ok_or_else(|| wrong("a whole number")),
                Kind::Number if value.is_null() => Ok(Cell::Number(f64::NAN)),
                Kind::Number => value.as_f64().map(Cell::Number).ok_or_else(|| wrong("a number")),
                Kind::Flag => value.as_bool().map(Cell::Flag).ok_or_else(|| wrong("true or false")),
                Kind::Text => Ok(Cell::Text(Cow::Owned(match value {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                }))),
            }
        };
        Ok(Row { cells: self.fields.iter().map(cell).collect::<Result<_, _>>()? })
    }
}
