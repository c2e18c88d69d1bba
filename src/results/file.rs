//! A whole result file, out and in, whatever its format.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::library::diagnostic::{Diagnostic, Fault, quoted};

use super::format::Format;
use super::parquet::{ParquetReader, ParquetWriter};
use super::row::{Field, Row};
use super::text::{BadLine, CsvReader, CsvWriter, JsonlReader, JsonlWriter};

/// Where a CSV or JSONL file's metadata lies: beside it, named as the W3C's CSV on the Web names it.
pub fn metadata_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push("-metadata.json");
    path.with_file_name(name)
}

/// What stands in the file beside a CSV or JSONL file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Beside {
    /// Name of the result file.
    pub url: String,
    /// Its size: a file of another size is another's.
    pub bytes: u64,
    pub rows: u64,
    pub metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub columns: Vec<BesideColumn>,
}

/// One column of [`Beside`].
#[derive(Debug, Deserialize, Serialize)]
pub struct BesideColumn {
    pub name: String,
    pub unit: String,
    #[serde(default)]
    pub meaning: String,
}

/// Writes the rows of a result file.
pub enum Writer {
    Parquet(Box<ParquetWriter>),
    Csv(Box<CsvWriter>),
    Jsonl(JsonlWriter),
}

impl Writer {
    pub fn new(
        format: Format,
        file: File,
        fields: &[Field],
        metadata: &BTreeMap<String, String>,
    ) -> io::Result<Writer> {
        Ok(match format {
            Format::Parquet => Writer::Parquet(Box::new(ParquetWriter::new(file, fields, metadata)?)),
            Format::Csv => Writer::Csv(Box::new(CsvWriter::new(file, fields)?)),
            Format::Jsonl => Writer::Jsonl(JsonlWriter::new(file, fields)?),
        })
    }

    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Writer::Parquet(writer) => writer.write(row),
            Writer::Csv(writer) => writer.write(row),
            Writer::Jsonl(writer) => writer.write(row),
        }
    }

    /// The file, complete and on the disk.
    pub fn finish(self) -> io::Result<File> {
        let file = match self {
            Writer::Parquet(writer) => writer.finish(),
            Writer::Csv(writer) => writer.finish(),
            Writer::Jsonl(writer) => writer.finish(),
        }?;
        file.sync_all()?;
        Ok(file)
    }
}

/// Writes a whole file under a temporary name in `folder`, then gives it its own; a CSV or JSONL file gets its metadata
/// beside it first.
pub fn write_whole(
    path: &Path,
    folder: &Path,
    fields: &[Field],
    metadata: &BTreeMap<String, String>,
    rows: impl FnOnce(&mut dyn FnMut(&Row) -> io::Result<()>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let format = Format::of(path)?;
    let temporary = folder.join(format!("whole.{}", format.extension()));
    let fault = |error: io::Error| unwritten(path, &error);
    let mut writer = File::create(&temporary).and_then(|file| Writer::new(format, file, fields, metadata));
    let mut written = 0;
    rows(&mut |row| {
        written += 1;
        match &mut writer {
            Ok(writer) => writer.write(row),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    })?;
    let file = writer.and_then(Writer::finish).map_err(fault)?;
    if format != Format::Parquet {
        let beside = Beside {
            url: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            bytes: file.metadata().map_err(fault)?.len(),
            rows: written,
            metadata: metadata.clone(),
            columns: fields
                .iter()
                .map(|field| BesideColumn {
                    name: field.name.to_string(),
                    unit: field.unit.to_string(),
                    meaning: field.meaning.to_string(),
                })
                .collect(),
        };
        let mut text = serde_json::to_vec_pretty(&beside).map_err(|error| fault(error.into()))?;
        text.push(b'\n');
        replace(&metadata_path(path), &folder.join("metadata.json"), &text).map_err(fault)?;
    }
    fs::rename(&temporary, path).and_then(|()| sync_folder_of(path)).map_err(fault)
}

/// The fault of a result that cannot be written once work has begun.
pub fn unwritten(path: &Path, error: &io::Error) -> Fault {
    let shown = path.display().to_string();
    Fault::work(Diagnostic::error(format!("{} could not be written: {error}", quoted(&shown))).in_file(shown))
}

/// Replaces a file by way of a temporary one, durably.
pub fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync_folder_of(path)
}

/// Makes a new name last: on Unix the folder is a file of its own.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Reads the rows of a result file, a few at a time.
pub struct Reader {
    path: PathBuf,
    inner: Inner,
    fields: Vec<Field>,
    metadata: BTreeMap<String, String>,
}

enum Inner {
    Parquet(Box<ParquetReader>),
    Csv(Box<CsvReader>),
    Jsonl(Box<JsonlReader>),
}

/// Rows that a reader of text takes at once.
const BATCH: usize = 4096;

impl Reader {
    /// Opens a file; a fault of the input where it cannot be read as its extension says.
    pub fn open(path: &Path) -> Result<Reader, Fault> {
        let format = Format::of(path)?;
        let file = File::open(path).map_err(|error| unreadable(path, error.to_string()))?;
        let bad_line = |bad: BadLine| damaged(path, &bad);
        let (inner, metadata) = match format {
            Format::Parquet => {
                let reader = ParquetReader::new(file).map_err(|error| unreadable(path, error.to_string()))?;
                let metadata = reader.metadata().clone();
                (Inner::Parquet(Box::new(reader)), metadata)
            }
            Format::Csv => (Inner::Csv(Box::new(CsvReader::new(file).map_err(bad_line)?)), beside(path)?),
            Format::Jsonl => (Inner::Jsonl(Box::new(JsonlReader::new(file).map_err(bad_line)?)), beside(path)?),
        };
        let fields = match &inner {
            Inner::Parquet(reader) => reader.fields(),
            Inner::Csv(reader) => reader.fields(),
            Inner::Jsonl(reader) => reader.fields(),
        };
        let fields = fields.to_vec();
        Ok(Reader { path: path.to_owned(), inner, fields, metadata })
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What the file, or the one beside it, says of it; empty where nothing does.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The next rows; none at the end.
    pub fn next(&mut self) -> Result<Vec<Row>, Fault> {
        let path = &self.path;
        let mut next: Box<dyn FnMut() -> Result<Option<Row>, BadLine>> = match &mut self.inner {
            Inner::Parquet(reader) => return reader.next().map_err(|error| unreadable(path, error.to_string())),
            Inner::Csv(reader) => Box::new(|| reader.next()),
            Inner::Jsonl(reader) => Box::new(|| reader.next()),
        };
        let mut rows = Vec::new();
        while rows.len() < BATCH {
            match next().map_err(|bad| damaged(path, &bad))? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }
}

/// The metadata beside a CSV or JSONL file, where it is of this very file.
fn beside(path: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let place = metadata_path(path);
    let text = match fs::read_to_string(&place) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(&place, error.to_string())),
    };
    let beside: Beside = serde_json::from_str(&text).map_err(|error| unreadable(&place, error.to_string()))?;
    let bytes = fs::metadata(path).map_err(|error| unreadable(path, error.to_string()))?.len();
    if bytes != beside.bytes {
        return Err(unreadable(path, format!("it has {bytes} bytes, and its metadata says {}", beside.bytes)));
    }
    Ok(beside.metadata)
}

/// The fault of a result file that cannot be read.
pub fn unreadable(path: &Path, why: String) -> Fault {
    let shown = path.display().to_string();
    Fault::input(Diagnostic::error(format!("{} cannot be read: {why}", quoted(&shown))).in_file(shown))
}

fn damaged(path: &Path, bad: &BadLine) -> Fault {
    unreadable(path, format!("line {}: {}", bad.line, bad.why))
}
