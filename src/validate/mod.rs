//! Predicted against measured: reads tables of published runs, predicts each row, scores the errors.
//!
//! table → words → workload → plan → prediction → error → summary. No measured column is read for a prediction but the
//! one that it is compared with.

pub mod column;
pub mod column_map;
pub mod convention;
pub mod inference;
pub mod judged;
pub mod memory;
pub mod plan;
pub mod power;
pub mod predict;
pub mod prepared;
pub mod score;
pub mod subject;
pub mod table;
pub mod vocabulary;
