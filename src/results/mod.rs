//! Result files: the rows of a sweep on disk, whole or not at all.

pub mod table;
