//! An unfinished result beside its target: the rows so far, and how far the work is.
//!
//! Rows are appended to one file in blocks, each packed and with its hash. How far the work is, with the driver's own
//! state, stands in another, which is replaced whole. Only bytes that the second file vouches for count, so that a kill
//! between the two costs the last piece alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use super::file::{replace, sync_folder_of};
use super::row::{Cell, Field, Kind, Row};

/// How far the work is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Groups that are done, and need not be done again.
    pub groups: u64,
    /// Rows that are kept.
    pub rows: u64,
    /// What the driver gave to its last commit.
    pub state: Vec<u8>,
}

/// The first line of the progress file.
#[derive(Debug, Deserialize, Serialize)]
struct Stand {
    /// Of this layout of the folder.
    version: u32,
    metadata: BTreeMap<String, String>,
    groups: u64,
    rows: u64,
    /// Of the rows file that count.
    bytes: u64,
    state_bytes: u64,
    state_hash: u64,
}

/// Layout of the folder; another is not read.
const VERSION: u32 = 1;
/// Most rows of a block: reading one back takes a few megabytes.
const BLOCK: usize = 4096;

const ROWS: &str = "rows";
const PROGRESS: &str = "progress";
const LOCK: &str = "lock";

/// The folder of an unfinished result, locked.
pub struct Partial {
    folder: PathBuf,
    metadata: BTreeMap<String, String>,
    lock: File,
    rows: File,
    bytes: u64,
    done: u64,
    kept: u64,
}

/// What stands in the way of a partial result.
#[derive(Debug)]
pub enum Hindrance {
    /// Another process is at it.
    Locked,
    /// It is not what a commit leaves behind.
    Damaged(String),
    Io(io::Error),
}

impl From<io::Error> for Hindrance {
    fn from(error: io::Error) -> Hindrance {
        Hindrance::Io(error)
    }
}

fn damaged(error: impl std::fmt::Display) -> Hindrance {
    Hindrance::Damaged(error.to_string())
}

impl Partial {
    /// Makes and locks the folder; what was committed there comes with it, under the metadata of its own result.
    #[allow(clippy::type_complexity)]
    pub fn open(
        folder: &Path,
        metadata: BTreeMap<String, String>,
    ) -> Result<(Partial, Option<(BTreeMap<String, String>, Progress)>), Hindrance> {
        let lock = lock(folder)?;
        let committed = read_progress(&folder.join(PROGRESS))?;
        let mut rows =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(ROWS))?;
        let bytes = committed.as_ref().map_or(0, |(stand, _)| stand.bytes);
        if rows.metadata()?.len() < bytes {
            return Err(damaged("rows that were committed are missing"));
        }
        rows.seek(SeekFrom::Start(bytes))?;
        let (done, kept) = committed.as_ref().map_or((0, 0), |(stand, _)| (stand.groups, stand.rows));
        let partial = Partial { folder: folder.to_owned(), metadata, lock, rows, bytes, done, kept };
        let committed = committed
            .map(|(stand, state)| (stand.metadata, Progress { groups: stand.groups, rows: stand.rows, state }));
        Ok((partial, committed))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Groups that are done.
    pub fn groups(&self) -> u64 {
        self.done
    }

    /// Whether anything was committed.
    pub fn has_progress(&self) -> bool {
        self.folder.join(PROGRESS).exists()
    }

    /// Takes in the rows of the groups up to one, and the driver's state after it. Durable once it returns.
    pub fn commit(&mut self, groups: u64, rows: &[Row], state: &[u8]) -> io::Result<()> {
        let appended = self.append(rows);
        let Ok(more) = appended else {
            // What was half written does not count; where it cannot be cut off, it does not count either.
            let _ = self.rows.set_len(self.bytes).and_then(|()| self.rows.seek(SeekFrom::Start(self.bytes)));
            return appended.map(drop);
        };
        let stand = Stand {
            version: VERSION,
            metadata: self.metadata.clone(),
            groups,
            rows: self.kept + rows.len() as u64,
            bytes: self.bytes + more,
            state_bytes: state.len() as u64,
            state_hash: XxHash64::oneshot(0, state),
        };
        let mut content = serde_json::to_vec(&stand)?;
        content.push(b'\n');
        content.extend_from_slice(state);
        let written = replace(&self.folder.join(PROGRESS), &self.folder.join("progress.new"), &content);
        if written.is_err() {
            let _ = self.rows.set_len(self.bytes).and_then(|()| self.rows.seek(SeekFrom::Start(self.bytes)));
            return written;
        }
        (self.bytes, self.kept, self.done) = (stand.bytes, stand.rows, groups);
        Ok(())
    }

    /// Bytes appended.
    fn append(&mut self, rows: &[Row]) -> io::Result<u64> {
        let mut bytes = 0;
        for block in rows.chunks(BLOCK) {
            let packed = snap::raw::Encoder::new().compress_vec(&encode(block)).map_err(io::Error::other)?;
            let mut head = (packed.len() as u32).to_le_bytes().to_vec();
            head.extend_from_slice(&(block.len() as u32).to_le_bytes());
            head.extend_from_slice(&XxHash64::oneshot(0, &packed).to_le_bytes());
            self.rows.write_all(&head)?;
            self.rows.write_all(&packed)?;
            bytes += (head.len() + packed.len()) as u64;
        }
        if bytes > 0 {
            self.rows.sync_data()?;
        }
        Ok(bytes)
    }

    /// Every row that was committed, in order, a block at a time.
    pub fn read<E: From<Hindrance>>(
        &self,
        fields: &[Field],
        mut take: impl FnMut(Vec<Row>) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = File::open(self.folder.join(ROWS)).map_err(Hindrance::Io)?;
        let mut file = BufReader::new(file.take(self.bytes));
        let mut left = self.bytes;
        while left > 0 {
            let (rows, bytes) = read_block(&mut file, left, fields)?;
            left -= bytes;
            take(rows)?;
        }
        Ok(())
    }

    /// Removes the folder.
    pub fn remove(self) -> io::Result<()> {
        let Partial { folder, lock, rows, .. } = self;
        drop(rows);
        // Without its progress the rest counts for nothing, so that goes first.
        for name in [PROGRESS, ROWS, "progress.new", "metadata.json", "whole.parquet", "whole.csv", "whole.jsonl", LOCK]
        {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::remove_dir(&folder)?;
        drop(lock);
        sync_folder_of(&folder)
    }
}

/// Makes the folder and holds its lock; the lock goes with the process, however that ends.
fn lock(folder: &Path) -> Result<File, Hindrance> {
    // Another process that ends may remove the folder between two steps: a few tries see it gone.
    const TRIES: usize = 10;
    let place = folder.join(LOCK);
    for _ in 0..TRIES {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Hindrance::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Ok(()) => {}
        }
        if is_at(&file, &place) {
            return Ok(file);
        }
    }
    Err(Hindrance::Locked)
}

/// Whether an open file still has its name.
#[cfg(unix)]
fn is_at(file: &File, place: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(place)), (Ok(open), Ok(named)) if id(open.clone()) == id(named.clone()))
}

/// Whether an open file still has its name: elsewhere an open file cannot lose it.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

fn read_progress(place: &Path) -> Result<Option<(Stand, Vec<u8>)>, Hindrance> {
    let content = match fs::read(place) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = content.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("its progress has no line"))?;
    let stand: Stand = serde_json::from_slice(&content[..end]).map_err(damaged)?;
    if stand.version != VERSION {
        return Err(damaged("another version of wattline wrote it"));
    }
    let state = content[end + 1..].to_vec();
    if state.len() as u64 != stand.state_bytes || XxHash64::oneshot(0, &state) != stand.state_hash {
        return Err(damaged("its state is not the one that was committed"));
    }
    Ok(Some((stand, state)))
}

/// Cells of a block, column by column.
fn encode(rows: &[Row]) -> Vec<u8> {
    let columns = rows.first().map_or(0, |row| row.cells.len());
    let mut out = Vec::with_capacity(rows.len() * columns * 8);
    for at in 0..columns {
        for cell in rows.iter().filter_map(|row| row.cells.get(at)) {
            match cell {
                Cell::Count(value) => out.extend_from_slice(&value.to_le_bytes()),
                Cell::Number(value) => out.extend_from_slice(&value.to_bits().to_le_bytes()),
                Cell::Flag(value) => out.push((*value).into()),
                Cell::Text(text) => {
                    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    out.extend_from_slice(text.as_bytes());
                }
            }
        }
    }
    out
}

/// The next block, and the bytes that it took.
fn read_block(file: &mut impl Read, left: u64, fields: &[Field]) -> Result<(Vec<Row>, u64), Hindrance> {
    let mut head = [0; 16];
    file.read_exact(&mut head)?;
    let packed = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let mut hash = [0; 8];
    hash.copy_from_slice(&head[8..]);
    let bytes = head.len() as u64 + u64::from(packed);
    if bytes > left || count > BLOCK {
        return Err(damaged("a block of rows is longer than what was committed"));
    }
    let mut block = vec![0; packed as usize];
    file.read_exact(&mut block)?;
    if XxHash64::oneshot(0, &block) != u64::from_le_bytes(hash) {
        return Err(damaged("a block of rows is not the one that was committed"));
    }
    let block = snap::raw::Decoder::new().decompress_vec(&block).map_err(damaged)?;
    let rows = decode(&block, count, fields).ok_or_else(|| damaged("a block of rows has other columns"))?;
    Ok((rows, bytes))
}

fn decode(mut block: &[u8], count: usize, fields: &[Field]) -> Option<Vec<Row>> {
    let mut rows = vec![Row { cells: Vec::with_capacity(fields.len()) }; count];
    for field in fields {
        for row in &mut rows {
            let word = |block: &mut &[u8]| block.split_off(..8)?.try_into().ok().map(u64::from_le_bytes);
            row.cells.push(match field.kind {
                Kind::Count => Cell::Count(word(&mut block)?),
                Kind::Number => Cell::Number(f64::from_bits(word(&mut block)?)),
                Kind::Flag => Cell::Flag(*block.split_off_first()? != 0),
                Kind::Text => {
                    let length = u32::from_le_bytes(block.split_off(..4)?.try_into().ok()?);
                    let text = std::str::from_utf8(block.split_off(..length as usize)?).ok()?;
                    Cell::Text(Cow::Owned(text.to_owned()))
                }
            });
        }
    }
    block.is_empty().then_some(rows)
}
