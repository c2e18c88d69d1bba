//! Time, energy, money and carbon of AI training runs.
pub mod library;
pub mod model;
pub mod search;
