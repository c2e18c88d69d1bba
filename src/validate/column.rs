//! The columns of a table of measurements, with what each may hold.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field {
    Text,
    Number,
    /// A whole number between two bounds, both included.
    Count(f64, f64),
}

use Field::{Count, Number, Text};

/// Sizes of a plan: products of a few of them still fit into 32 bits.
const SIZE: Field = Count(1.0, 32_768.0);

/// Columns of measured training runs, of measured memory, of measured power and of power caps. A cell may be blank; further columns are
/// passed over.
pub const COLUMNS: &[(&str, Field)] = &[
    ("id", Text),
    ("source", Text),
    ("url_or_ref", Text),
    ("year", Number),
    ("kind", Text),
    ("model_name", Text),
    ("params_total_B", Number),
    ("params_active_B", Number),
    ("layers", Count(1.0, 1e4)),
    ("hidden", Count(1.0, 1e7)),
    ("ffn_hidden", Count(0.0, 1e8)),
    ("heads", Count(1.0, 1e5)),
    ("kv_heads", Count(1.0, 1e5)),
    ("vocab", Count(1.0, 1e8)),
    ("experts", Count(0.0, 65_536.0)),
    ("experts_active", Count(0.0, 65_536.0)),
    ("expert_ffn_hidden", Count(0.0, 1e8)),
    ("seq_len", Count(1.0, 1e9)),
    ("attention", Text),
    ("gated_mlp", Count(0.0, 1.0)),
    ("chip", Text),
    ("chips", Count(1.0, 1e8)),
    ("chips_per_node", Number),
    ("tp", SIZE),
    ("pp", SIZE),
    ("vpp", SIZE),
    ("dp", Count(1.0, 1e8)),
    ("ep", SIZE),
    ("cp", SIZE),
    ("zero_or_fsdp_stage", Number),
    ("micro_batch", Count(1.0, 1e6)),
    ("global_batch_seqs", Count(1.0, 4e9)),
    ("precision", Text),
    ("recompute", Text),
    ("seq_parallel", Count(0.0, 1.0)),
    ("tokens_total", Number),
    ("tflops_per_chip", Number),
    ("mfu_reported", Number),
    ("hfu_reported", Number),
    ("sec_per_iter", Number),
    ("tokens_per_s_per_chip", Number),
    ("days", Number),
    ("chip_hours", Number),
    ("energy_MWh", Number),
    ("avg_chip_W", Number),
    ("pue", Number),
    ("tco2e", Number),
    ("flops_convention", Text),
    ("notes", Text),
    ("confidence", Text),
    ("stack", Text),
    ("nic_gbps_per_chip", Number),
    ("domain_chips", Number),
    ("peak_memory_GiB", Number),
    ("reserved_GiB", Number),
    ("memory_kind", Text),
    ("capacity_GiB", Number),
    ("what", Text),
    ("system", Text),
    ("cooling", Text),
    ("workload", Text),
    ("n_nodes", Count(1.0, 1e7)),
    ("mean_W_per_node", Number),
    ("p90_W_per_node", Number),
    ("min_W_seen", Number),
    ("duration_min", Number),
    ("meter", Text),
    ("gpu", Text),
    ("cap_W", Number),
    ("cap_fraction", Number),
    ("relative_throughput", Number),
    ("relative_power", Number),
    ("relative_energy", Number),
    ("avg_power_W", Number),
];

/// The column of a name and what it holds; case does not matter.
pub fn column(name: &str) -> Option<(&'static str, Field)> {
    COLUMNS.iter().copied().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// The names of all columns.
pub fn names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name)
}
