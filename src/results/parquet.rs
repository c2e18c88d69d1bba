//! Rows as Parquet, out and in: typed columns, row groups of bounded size, the header in the file's metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::json;

use super::row::{Cell, Field, Kind, Row, field};

/// Rows of a row group: large enough to scan fast, small enough that the buffers stay under 100 MB.
const GROUP: usize = 65_536;

/// The key under which a file tells unit and meaning of its columns, as JSON.
const COLUMNS: &str = "columns";

/// Rows of a column until their group is full.
enum Buffer {
    Count(Vec<i64>),
    /// Values where there are any, and for every row whether there is one.
    Number(Vec<f64>, Vec<i16>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl Buffer {
    fn new(kind: Kind) -> Buffer {
        match kind {
            Kind::Count => Buffer::Count(Vec::new()),
            Kind::Number => Buffer::Number(Vec::new(), Vec::new()),
            Kind::Flag => Buffer::Flag(Vec::new()),
            Kind::Text => Buffer::Text(Vec::new()),
        }
    }

    fn push(&mut self, cell: &Cell) -> io::Result<()> {
        match (self, cell) {
            (Buffer::Count(values), Cell::Count(value)) => {
                values.push(i64::try_from(*value).map_err(io::Error::other)?);
            }
            (Buffer::Number(values, levels), Cell::Number(value)) => {
                levels.push(value.is_finite().into());
                values.extend(value.is_finite().then_some(*value));
            }
            (Buffer::Flag(values), Cell::Flag(value)) => values.push(*value),
            (Buffer::Text(values), Cell::Text(text)) => {
                // Neighbours mostly say the same: they share their bytes.
                let same = values.last().filter(|last| last.data() == text.as_bytes()).cloned();
                values.push(same.unwrap_or_else(|| ByteArray::from(text.as_ref())));
            }
            _ => return Err(io::Error::other("a row does not fit the columns of its file")),
        }
        Ok(())
    }

    fn clear(&mut self) {
        match self {
            Buffer::Count(values) => values.clear(),
            Buffer::Number(values, levels) => {
                values.clear();
                levels.clear();
            }
            Buffer::Flag(values) => values.clear(),
            Buffer::Text(values) => values.clear(),
        }
    }

    fn write(&self, out: &mut ColumnWriter) -> Result<usize, ParquetError> {
        match (self, out) {
            (Buffer::Count(values), ColumnWriter::Int64ColumnWriter(out)) => out.write_batch(values, None, None),
            (Buffer::Number(values, levels), ColumnWriter::DoubleColumnWriter(out)) => {
                out.write_batch(values, Some(levels), None)
            }
            (Buffer::Flag(values), ColumnWriter::BoolColumnWriter(out)) => out.write_batch(values, None, None),
            (Buffer::Text(values), ColumnWriter::ByteArrayColumnWriter(out)) => out.write_batch(values, None, None),
            _ => Err(ParquetError::General("a column of another type".to_owned())),
        }
    }
}

/// Writes rows in groups.
pub struct ParquetWriter {
    inner: SerializedFileWriter<File>,
    buffers: Vec<Buffer>,
    rows: usize,
}

impl ParquetWriter {
    pub fn new(file: File, fields: &[Field], metadata: &BTreeMap<String, String>) -> io::Result<ParquetWriter> {
        let columns: Vec<_> = fields
            .iter()
            .map(|field| json!({ "name": field.name, "unit": field.unit, "meaning": field.meaning }))
            .collect();
        let pair = |(key, value): (&String, &String)| KeyValue::new(key.clone(), value.clone());
        let mut pairs: Vec<KeyValue> = metadata.iter().map(pair).collect();
        pairs.push(KeyValue::new(COLUMNS.to_owned(), serde_json::to_string(&columns)?));
        let properties =
            WriterProperties::builder().set_compression(Compression::SNAPPY).set_key_value_metadata(Some(pairs));
        let schema = fields.iter().map(column).collect::<Result<Vec<_>, _>>().and_then(|columns| {
            Type::group_type_builder("wattline").with_fields(columns.into_iter().map(Arc::new).collect()).build()
        });
        let schema = Arc::new(schema.map_err(io::Error::other)?);
        let inner = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).map_err(io::Error::other)?;
        Ok(ParquetWriter { inner, buffers: fields.iter().map(|field| Buffer::new(field.kind)).collect(), rows: 0 })
    }

    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        for (buffer, cell) in self.buffers.iter_mut().zip(&row.cells) {
            buffer.push(cell)?;
        }
        self.rows += 1;
        if self.rows == GROUP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            write_group(&mut self.inner, &self.buffers).map_err(io::Error::other)?;
            self.buffers.iter_mut().for_each(Buffer::clear);
            self.rows = 0;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<File> {
        self.flush()?;
        self.inner.into_inner().map_err(io::Error::other)
    }
}

fn write_group(out: &mut SerializedFileWriter<File>, buffers: &[Buffer]) -> Result<(), ParquetError> {
    let mut group = out.next_row_group()?;
    for buffer in buffers {
        if let Some(mut column) = group.next_column()? {
            buffer.write(column.untyped())?;
            column.close()?;
        }
    }
    group.close().map(drop)
}

/// A column's type.
fn column(field: &Field) -> Result<Type, ParquetError> {
    let (physical, logical, repetition) = match field.kind {
        Kind::Count => (Physical::INT64, None, Repetition::REQUIRED),
        Kind::Number => (Physical::DOUBLE, None, Repetition::OPTIONAL),
        Kind::Flag => (Physical::BOOLEAN, None, Repetition::REQUIRED),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
    };
    Type::primitive_type_builder(&field.name, physical).with_logical_type(logical).with_repetition(repetition).build()
}

/// Reads rows, a few at a time, whoever wrote the file.
pub struct ParquetReader {
    inner: SerializedFileReader<File>,
    fields: Vec<Field>,
    metadata: BTreeMap<String, String>,
    /// The row group that is open, with its columns and the rows left in it.
    columns: Vec<ColumnReader>,
    left: usize,
    next_group: usize,
}

/// Rows that a reader decodes at once.
const BATCH: usize = 4096;

impl ParquetReader {
    pub fn new(file: File) -> Result<ParquetReader, ParquetError> {
        let inner = SerializedFileReader::new(file)?;
        let about = inner.metadata().file_metadata();
        let mut metadata: BTreeMap<String, String> = about
            .key_value_metadata()
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)))
            .collect();
        let stated = metadata.remove(COLUMNS).unwrap_or_default();
        let stated: Vec<serde_json::Value> = serde_json::from_str(&stated).unwrap_or_default();
        let fields = about
            .schema_descr()
            .columns()
            .iter()
            .map(|column| {
                let name = column.name();
                let kind = match column.physical_type() {
                    Physical::BOOLEAN => Kind::Flag,
                    Physical::BYTE_ARRAY => Kind::Text,
                    Physical::INT32 | Physical::INT64 if column.self_type().is_optional() => Kind::Number,
                    Physical::INT32 | Physical::INT64 => Kind::Count,
                    Physical::FLOAT | Physical::DOUBLE => Kind::Number,
                    other => return Err(ParquetError::General(format!("column {name} is of type {other}"))),
                };
                if column.max_rep_level() > 0 {
                    return Err(ParquetError::General(format!("column {name} holds lists")));
                }
                // What another program has written back may be optional where ours is not.
                let kind = field(name).map_or(kind, |own| own.kind);
                let said = stated.iter().find(|column| column["name"] == name);
                let say = |key: &str| said.and_then(|said| said[key].as_str()).unwrap_or_default().to_owned();
                Ok(Field {
                    name: name.to_owned().into(),
                    unit: say("unit").into(),
                    kind,
                    meaning: say("meaning").into(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(ParquetReader { inner, fields, metadata, columns: Vec::new(), left: 0, next_group: 0 })
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The next rows; none at the end.
    pub fn next(&mut self) -> Result<Vec<Row>, ParquetError> {
        while self.left == 0 {
            if self.next_group == self.inner.num_row_groups() {
                return Ok(Vec::new());
            }
            let group = self.inner.get_row_group(self.next_group)?;
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.columns = (0..self.fields.len()).map(|at| group.get_column_reader(at)).collect::<Result<_, _>>()?;
            self.next_group += 1;
        }
        let most = self.left.min(BATCH);
        self.left -= most;
        let mut rows = vec![Row { cells: Vec::with_capacity(self.fields.len()) }; most];
        for (field, column) in self.fields.iter().zip(&mut self.columns) {
            let cells = cells(field, column, most)?;
            if cells.len() != most {
                return Err(ParquetError::General(format!("column {} ends early", field.name)));
            }
            for (row, cell) in rows.iter_mut().zip(cells) {
                row.cells.push(cell);
            }
        }
        Ok(rows)
    }
}

/// Values of a column with the gaps of its missing ones.
fn values<T: DataType>(column: &mut ColumnReaderImpl<T>, most: usize) -> Result<Vec<Option<T::T>>, ParquetError> {
    let (mut levels, mut found) = (Vec::new(), Vec::new());
    let (records, values, _) = column.read_records(most, Some(&mut levels), None, &mut found)?;
    if values == records {
        return Ok(found.into_iter().map(Some).collect());
    }
    let mut found = found.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { found.next() } else { None }).collect())
}

/// Cells of a column, as its field wants them.
fn cells(field: &Field, column: &mut ColumnReader, most: usize) -> Result<Vec<Cell>, ParquetError> {
    let misfit = || ParquetError::General(format!("column {} holds what it should not", field.name));
    let whole = |value: Option<i64>| match (field.kind, value) {
        (Kind::Count, Some(value)) => u64::try_from(value).map(Cell::Count).map_err(|_| misfit()),
        (Kind::Number, value) => Ok(Cell::Number(value.map_or(f64::NAN, |value| value as f64))),
        _ => Err(misfit()),
    };
    let number = |value: Option<f64>| match (field.kind, value) {
        (Kind::Number, value) => Ok(Cell::Number(value.unwrap_or(f64::NAN))),
        _ => Err(misfit()),
    };
    let text = |value: Option<ByteArray>| {
        let value = value.unwrap_or_else(|| ByteArray::from(""));
        match (field.kind, value.as_utf8()) {
            (Kind::Text, Ok(text)) => Ok(Cell::Text(Cow::Owned(text.to_owned()))),
            _ => Err(misfit()),
        }
    };
    let flag = |value: Option<bool>| match (field.kind, value) {
        (Kind::Flag, Some(value)) => Ok(Cell::Flag(value)),
        _ => Err(misfit()),
    };
    match column {
        ColumnReader::Int64ColumnReader(column) => values(column, most)?.into_iter().map(whole).collect(),
        ColumnReader::Int32ColumnReader(column) => {
            values(column, most)?.into_iter().map(|value| whole(value.map(i64::from))).collect()
        }
        ColumnReader::DoubleColumnReader(column) => values(column, most)?.into_iter().map(number).collect(),
        ColumnReader::FloatColumnReader(column) => {
            values(column, most)?.into_iter().map(|value| number(value.map(f64::from))).collect()
        }
        ColumnReader::BoolColumnReader(column) => values(column, most)?.into_iter().map(flag).collect(),
        ColumnReader::ByteArrayColumnReader(column) => values(column, most)?.into_iter().map(text).collect(),
        _ => Err(misfit()),
    }
}
