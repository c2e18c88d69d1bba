//! What rows are grouped by.

use clap::ValueEnum;

use crate::validate::judged::{Judged, Quantity};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Group {
    Source,
    Chip,
    Stack,
    /// data, fsdp, tensor, pipeline, context, expert, joined by +; chosen where the row states no plan
    Parallelism,
    Precision,
    Quantity,
    Kind,
}

impl Group {
    pub const ALL: [Group; 7] =
        [Group::Source, Group::Chip, Group::Stack, Group::Parallelism, Group::Precision, Group::Quantity, Group::Kind];

    pub fn word(self) -> &'static str {
        match self {
            Group::Source => "source",
            Group::Chip => "chip",
            Group::Stack => "stack",
            Group::Parallelism => "parallelism",
            Group::Precision => "precision",
            Group::Quantity => "quantity",
            Group::Kind => "kind",
        }
    }

    /// The group of a row; empty where the row says nothing of it.
    pub fn label(self, row: &Judged) -> &str {
        match self {
            Group::Source => &row.source,
            Group::Chip => &row.chip,
            Group::Stack => &row.stack,
            Group::Parallelism => &row.parallelism,
            Group::Precision => &row.precision,
            Group::Quantity => row.quantity.map_or("", Quantity::word),
            Group::Kind => &row.kind,
        }
    }
}
