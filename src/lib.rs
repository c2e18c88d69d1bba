//! Time, energy, money and carbon of AI training runs.
pub mod cli;
pub mod library;
pub mod model;
pub mod search;
pub mod validate;
