//! The format of a result file, from its extension.

use std::path::Path;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Parquet,
    Csv,
    Jsonl,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Parquet, Format::Csv, Format::Jsonl];

    pub fn extension(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        }
    }

    /// The format of a path; a fault of the input where its extension is none that is known.
    pub fn of(path: &Path) -> Result<Format, Fault> {
        Format::known(path).ok_or_else(|| {
            let known: Vec<String> = Format::ALL.iter().map(|format| format!(".{}", format.extension())).collect();
            let shown = path.display().to_string();
            let message = format!("{} has no extension of a result file", quoted(&shown));
            Fault::input(Diagnostic::error(message).in_file(shown).help(format!("write one of {}", known.join(", "))))
        })
    }

    /// The same, for files that may be of another kind.
    pub fn known(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?;
        Format::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }
}
