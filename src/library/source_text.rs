//! The text of an input file, with the lines that its bytes stand in.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Fault, quoted};

/// Largest text that is read, in bytes: no library file comes near it, and a wrong path may.
pub const MOST_BYTES: u64 = 16 << 20;
/// Largest table that is read, in bytes.
pub const MOST_TABLE_BYTES: u64 = 1 << 30;

/// A text and the name under which messages show it.
#[derive(Clone, Debug)]
pub struct SourceText {
    file: Arc<str>,
    text: Cow<'static, str>,
    /// Byte at which each line starts.
    starts: Vec<u32>,
}

impl SourceText {
    pub fn new(file: &str, text: impl Into<Cow<'static, str>>) -> SourceText {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at as u32 + 1)).collect();
        SourceText { file: file.into(), text, starts }
    }

    /// Reads a library file; whatever stops it is the input's fault.
    pub fn read(path: &Path) -> Result<SourceText, Fault> {
        SourceText::read_at_most(path, MOST_BYTES, "a profile has a few kilobytes: check the path")
    }

    /// Reads a table of measurements, which may be long.
    pub fn read_table(path: &Path) -> Result<SourceText, Fault> {
        SourceText::read_at_most(path, MOST_TABLE_BYTES, "split the table")
    }

    fn read_at_most(path: &Path, most: u64, too_large_help: &str) -> Result<SourceText, Fault> {
        let file = path.display().to_string();
        let fault = |message: String, help: &str| {
            let diagnostic = Diagnostic::error(message).in_file(file.clone());
            Err(Fault::input(if help.is_empty() { diagnostic } else { diagnostic.help(help) }))
        };
        let name = quoted(&file);
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => fault(format!("there is no file {name}"), "check the path"),
            std::io::ErrorKind::PermissionDenied => fault(format!("{name} may not be read"), "check its permissions"),
            _ => fault(format!("{name} cannot be read: {error}"), ""),
        };
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(error),
        };
        if metadata.is_dir() {
            return fault(format!("{name} is a folder"), "name a file in it, or give the folder to --library");
        }
        let too_large = || fault(format!("{name} is larger than {} MiB", most >> 20), too_large_help);
        if metadata.len() > most {
            return too_large();
        }
        let mut bytes = Vec::new();
        if let Err(error) = File::open(path).and_then(|open| open.take(most + 1).read_to_end(&mut bytes)) {
            return unreadable(error);
        }
        if bytes.len() as u64 > most {
            return too_large();
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(SourceText::new(&file, text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(&error.into_bytes()).into_owned();
                let source = SourceText::new(&file, text);
                Err(Fault::input(
                    Diagnostic::error(format!("{name} is not UTF-8"))
                        .at(&source, valid..valid + '\u{fffd}'.len_utf8())
                        .help("save the file as UTF-8 text"),
                ))
            }
        }
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn shared_file(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number (from 1) and bytes, without the line end, of the line that holds a byte.
    pub fn line_at(&self, byte: usize) -> (usize, Range<usize>) {
        let line = self.starts.partition_point(|&start| start as usize <= byte).max(1);
        let start = self.starts.get(line - 1).map_or(0, |&start| start as usize);
        let end = self.starts.get(line).map_or(self.text.len(), |&next| next as usize - 1);
        let end = if end > start && self.text.as_bytes().get(end - 1) == Some(&b'\r') { end - 1 } else { end };
        (line, start..end.max(start))
    }
}
