//! Predicted against measured: reads tables of published runs, predicts each row, scores the errors.

pub mod inference;
pub mod predict;
pub mod score;
pub mod table;
