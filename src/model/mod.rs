//! The physics.
pub mod parameters;
pub mod plan;
