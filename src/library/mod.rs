//! What is known of chips, clusters, workloads, stacks and sites: the files, their reader, the typed entries.
pub mod attribute;
pub mod chip;
pub mod cluster;
pub mod entry_kind;
pub mod record;
pub mod site;
pub mod stack;
pub mod workload;
