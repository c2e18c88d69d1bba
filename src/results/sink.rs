//! Where a sweep's rows go: tried before the work, committed as they come, whole at the end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::library::diagnostic::{Diagnostic, Fault, quoted};

use super::file::{Reader, unwritten, write_whole};
use super::format::Format;
use super::header::{Header, differences};
use super::partial::{Hindrance, Partial, Progress};
use super::row::{Field, Row, fields};

/// What is found where a result is to be written.
pub enum Opened {
    /// The result is there, and complete: nothing to do.
    Finished,
    /// Nothing is kept from before.
    Fresh(Sink),
    /// Work to go on with.
    Resumed(Sink, Progress),
}

/// Takes a result's rows. Dropped before it is finished, it keeps what was committed.
pub struct Sink {
    path: PathBuf,
    metadata: BTreeMap<String, String>,
    partial: Option<Partial>,
}

/// The folder in which a result grows, beside its target.
pub fn partial_folder(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".partial");
    path.with_file_name(name)
}

/// Opens a result before any work. An unfinished one is gone on with where `resume` asks for it and it is of the same
/// header; one of another header, or one that nobody asked to go on with, is a fault of the input.
pub fn open(path: &Path, header: &Header, resume: bool) -> Result<Opened, Fault> {
    Format::of(path)?;
    if path.is_dir() {
        return Err(refusal(path, "it is a folder".to_owned(), "name a file in it"));
    }
    let folder = partial_folder(path);
    let metadata = header.metadata();
    let (partial, committed) =
        Partial::open(&folder, metadata.clone()).map_err(|hindrance| hindered(path, &folder, &hindrance))?;
    let sink = |partial| Sink { path: path.to_owned(), metadata: metadata.clone(), partial: Some(partial) };
    let shown = folder.display();
    if let Some((theirs, progress)) = committed {
        let differences = differences(&theirs, &metadata);
        if !differences.is_empty() {
            let why = format!("{shown} holds an unfinished result of something else: {}", differences.join("; "));
            return Err(refusal(path, why, "write to another file, or remove that folder"));
        }
        if !resume {
            let why =
                format!("{shown} holds an unfinished result, done to group {} of {}", progress.groups, header.groups);
            return Err(refusal(path, why, "go on with it by --resume, or remove that folder"));
        }
        return Ok(Opened::Resumed(sink(partial), progress));
    }
    let sink = sink(partial);
    if resume && path.exists() {
        // Dropping the sink removes the folder: nothing was committed there.
        let theirs = Reader::open(path)?.metadata().clone();
        if theirs.is_empty() {
            let why = "nothing says what the file there holds".to_owned();
            return Err(refusal(path, why, "write to another file, or leave --resume out to replace it"));
        }
        let differences = differences(&theirs, &metadata);
        if !differences.is_empty() {
            let why = format!("the file there is of something else: {}", differences.join("; "));
            return Err(refusal(path, why, "write to another file, or leave --resume out to replace it"));
        }
        return Ok(Opened::Finished);
    }
    Ok(Opened::Fresh(sink))
}

fn refusal(path: &Path, why: String, help: &str) -> Fault {
    let shown = path.display().to_string();
    let message = format!("{} cannot be written: {why}", quoted(&shown));
    Fault::input(Diagnostic::error(message).in_file(shown).key("--out").help(help))
}

fn hindered(path: &Path, folder: &Path, hindrance: &Hindrance) -> Fault {
    let shown = folder.display();
    match hindrance {
        Hindrance::Locked => {
            refusal(path, "another process is writing it".to_owned(), "wait for it, or write to another file")
        }
        Hindrance::Damaged(why) => {
            refusal(path, format!("{shown} is damaged: {why}"), "remove that folder, and start afresh")
        }
        Hindrance::Io(error) => refusal(path, error.to_string(), "the folder must exist, and be open for writing"),
    }
}

impl Sink {
    /// The result's own name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes in the rows of the groups before `upto_group`, and the driver's own state after them. Once it returns, a
    /// kill loses nothing of it.
    pub fn commit(&mut self, upto_group: u64, rows: &[Row], state: &[u8]) -> Result<(), Fault> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        let done = partial.groups();
        partial.commit(upto_group, rows, state).map_err(|error| kept(&self.path, partial.folder(), done, &error))
    }

    /// Gives the result its name, whole, and removes what it grew in.
    pub fn finish(self) -> Result<(), Fault> {
        self.finish_with(&[])
    }

    /// The same with last rows, for a result that is known only once all groups are: those are not committed, so that
    /// none of them stands twice where a kill comes between.
    pub fn finish_with(mut self, last: &[Row]) -> Result<(), Fault> {
        let Some(partial) = self.partial.take() else { return Ok(()) };
        let path = self.path.clone();
        self.conclude(partial, fields(), |partial, write| {
            let committed = partial.read(fields(), |rows| rows.iter().try_for_each(&mut *write).map_err(Failure::Io));
            committed
                .and_then(|()| last.iter().try_for_each(write).map_err(Failure::Io))
                .map_err(|failure| failure.into_fault(&path))
        })
    }

    /// Writes rows of other columns, which come as they are asked for.
    pub(super) fn finish_from(
        mut self,
        fields: &[Field],
        rows: impl FnOnce(&mut dyn FnMut(&Row) -> io::Result<()>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(partial) = self.partial.take() else { return Ok(()) };
        self.conclude(partial, fields, |_, write| rows(write))
    }

    fn conclude(
        &mut self,
        partial: Partial,
        fields: &[Field],
        rows: impl FnOnce(&Partial, &mut dyn FnMut(&Row) -> io::Result<()>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let folder = partial.folder().to_owned();
        let written = write_whole(&self.path, &folder, fields, &self.metadata, |write| rows(&partial, write));
        if let Err(mut fault) = written {
            for format in Format::ALL {
                let _ = fs::remove_file(folder.join(format!("whole.{}", format.extension())));
            }
            if let Some(first) = fault.diagnostics.first_mut().filter(|_| partial.has_progress()) {
                first.help = Some(kept_text(&folder, partial.groups()));
            }
            self.partial = Some(partial);
            return Err(fault);
        }
        partial.remove().map_err(|error| unwritten(&self.path, &error))
    }
}

impl Drop for Sink {
    /// A folder in which nothing was committed goes.
    fn drop(&mut self) {
        if let Some(partial) = self.partial.take().filter(|partial| !partial.has_progress()) {
            let _ = partial.remove();
        }
    }
}

/// What may go wrong while rows pass from the partial result to the whole one.
enum Failure {
    Partial(Hindrance),
    Io(io::Error),
}

impl From<Hindrance> for Failure {
    fn from(hindrance: Hindrance) -> Failure {
        Failure::Partial(hindrance)
    }
}

impl Failure {
    fn into_fault(self, path: &Path) -> Fault {
        match self {
            Failure::Io(error) | Failure::Partial(Hindrance::Io(error)) => unwritten(path, &error),
            Failure::Partial(Hindrance::Damaged(why)) => unwritten(path, &io::Error::other(why)),
            Failure::Partial(Hindrance::Locked) => unwritten(path, &io::Error::other("another process is at it")),
        }
    }
}

fn kept(path: &Path, folder: &Path, done: u64, error: &io::Error) -> Fault {
    let mut fault = unwritten(path, error);
    if let Some(first) = fault.diagnostics.first_mut() {
        first.help = Some(kept_text(folder, done));
    }
    fault
}

fn kept_text(folder: &Path, done: u64) -> String {
    format!("{} groups are kept in {}: make room, and go on with --resume", done, folder.display())
}
