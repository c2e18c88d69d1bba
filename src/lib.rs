//! Time, energy, money and carbon of AI training runs.
#![recursion_limit = "256"]
pub mod cli;
pub mod compare;
pub mod design;
pub mod engine;
pub mod fit;
pub mod library;
pub mod model;
pub mod plot;
pub mod report;
pub mod results;
pub mod scenario;
pub mod search;
pub mod supply;
pub mod sweep;
pub mod uncertainty;
pub mod validate;
