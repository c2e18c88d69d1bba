//! The lines of a log of any size, one at a time.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// Bytes of a line that are read; what lies beyond is skipped.
const LONGEST: u64 = 1 << 20;
/// Bytes at the start of a file in which a zero byte means that it is no text.
const START: usize = 1 << 16;

/// The open file, its name as the user gave it, and the number of the last line.
pub struct Lines {
    file: String,
    reader: BufReader<File>,
    buffer: Vec<u8>,
    number: usize,
}

impl Lines {
    /// Opens a text that is not empty.
    pub fn open(path: &Path) -> Result<Lines, Fault> {
        let file = path.display().to_string();
        let name = quoted(&file);
        let fault = |message: String, help: &str| {
            let diagnostic = Diagnostic::error(message).in_file(file.clone()).key("measured");
            Fault::input(if help.is_empty() { diagnostic } else { diagnostic.help(help) })
        };
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => fault(format!("there is no file {name}"), "check the path"),
            ErrorKind::PermissionDenied => fault(format!("{name} may not be read"), "check its permissions"),
            _ => fault(format!("{name} cannot be read: {error}"), ""),
        };
        let mut reader = BufReader::with_capacity(START, File::open(path).map_err(unreadable)?);
        let start = reader.fill_buf().map_err(unreadable)?;
        if start.is_empty() {
            return Err(fault(format!("{name} is empty"), "name a log that a run has written to"));
        }
        if start.contains(&0) {
            let help = "a log is text in UTF-8; unpack an archive, and save UTF-16 (PowerShell's `>`) as UTF-8";
            return Err(fault(format!("{name} is no text"), help));
        }
        Ok(Lines { file, reader, buffer: Vec::new(), number: 0 })
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    /// The next line without its end, and its number from 1.
    pub fn advance(&mut self) -> Result<Option<(usize, Cow<'_, str>)>, Fault> {
        self.buffer.clear();
        let read = (&mut self.reader).take(LONGEST).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| {
            let message = format!("{} cannot be read on: {error}", quoted(&self.file));
            Fault::input(Diagnostic::error(message).in_file(self.file.clone()).key("measured"))
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.last() != Some(&b'\n') && read as u64 == LONGEST {
            self.skip_line();
        }
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
        let start = if self.number == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Ok(Some((self.number, String::from_utf8_lossy(&self.buffer[start..]))))
    }

    /// Goes on to the end of a line; a fault shows itself at the next read.
    fn skip_line(&mut self) {
        while let Ok(chunk) = self.reader.fill_buf() {
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(length);
            if end.is_some() || length == 0 {
                break;
            }
        }
    }
}
