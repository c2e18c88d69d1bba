//! Time, energy, money and carbon of AI training runs.
pub mod engine;
pub mod library;
pub mod model;
pub mod search;
