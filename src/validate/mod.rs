//! Predicted against measured: reads tables of published runs, predicts each row, scores the errors.
//!
//! table → words → workload → plan → prediction → error → summary. No measured column is read for a prediction but the
//! one that it is compared with.

pub mod baseline;
pub mod benchmark;
pub mod blind;
pub mod column;
pub mod column_map;
pub mod convention;
pub mod exclusion;
pub mod inference;
pub mod judged;
pub mod memory;
pub mod parallelism;
pub mod peers;
pub mod plan;
pub mod power;
pub mod power_caps;
pub mod predict;
pub mod prepared;
pub mod scatter;
pub mod score;
pub mod standing;
pub mod subject;
pub mod table;
pub mod vocabulary;
