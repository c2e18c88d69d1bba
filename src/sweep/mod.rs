//! Every design of a scenario, answered exactly without evaluating each.
//!
//! A *design* is a cell (chip, size, power cap, site, price, …) with a plan. Three facts make a billion of them few:
//!
//! 1. Nothing of a site but its hours of power enters the time of a run or the energy of its equipment, so cells that
//!    differ in site and price alone form a [`group`] whose plans are timed once.
//! 2. Money, carbon and the energy at the meter grow with the wall time and the equipment's energy and know nothing else of a
//!    plan ([`crate::model::settle`]), so only the plans on the group's time–energy frontier can be best anywhere
//!    ([`crate::search::frontier::Frontier`]). Where electricity has a negative price, every plan is settled.
//! 3. Cost grows with the price and nothing else depends on it, so of the prices of a site only the least reaches the frontier
//!    over all designs.
//!
//! No plan is left out by chance: each is evaluated, or one of these facts puts another before it.

pub mod answer;
pub mod group;
pub mod run;
pub mod space;
