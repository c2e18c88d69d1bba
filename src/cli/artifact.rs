//! A file that a command writes: its place is tried before the work, and it appears whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// A file under a name of its own beside the wanted one, until it is whole.
pub struct Artifact {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl Artifact {
    /// Opens a file beside the wanted one; a fault of the input where that cannot be.
    pub fn create(path: &Path) -> Result<Artifact, Fault> {
        let shown = path.display().to_string();
        let fault = |why: String, help: &str| {
            Fault::input(Diagnostic::error(format!("{} cannot be written: {why}", quoted(&shown))).help(help))
        };
        let Some(name) = path.file_name() else {
            return Err(fault("it names no file".to_owned(), "name a file"));
        };
        if path.is_dir() {
            return Err(fault("it is a folder".to_owned(), "name a file in it"));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let help = "the folder must exist, and be open for writing";
        let file = File::create(&temporary).map_err(|error| fault(error.to_string(), help))?;
        Ok(Artifact { path: path.to_owned(), temporary, file })
    }

    /// The wanted name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the content and gives the file its name.
    pub fn finish(mut self, content: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all(content).and_then(|()| self.file.sync_all());
        written.and_then(|()| fs::rename(&self.temporary, &self.path)).map_err(|error| {
            let message = format!("{} could not be written: {error}", quoted(&self.path.display().to_string()));
            Fault::work(Diagnostic::error(message))
        })
    }
}

impl Drop for Artifact {
    /// Removes what was not finished; where it is finished, that name is gone.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}
