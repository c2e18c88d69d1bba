//! Result files: the rows of a sweep on disk, whole or not at all.

mod file;
mod fingerprint;
mod format;
mod header;
mod join;
mod parquet;
mod partial;
mod read;
mod row;
mod sink;
pub mod table;
mod text;

pub use fingerprint::fingerprint;
pub use format::Format;
pub use header::{Header, Keep};
pub use join::{Joined, join};
pub use partial::Progress;
pub use read::read;
pub use row::{Cell, Field, Identity, Kind, Row, fields};
pub use sink::{Opened, Sink, open};
