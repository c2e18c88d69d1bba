//! The f64 reference on all cores.

use crate::model::setting::Setting;
use crate::search::Found;
use crate::search::space::PlanSpace;

/// Evaluates every plan of a space.
pub fn search(setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
    crate::search::search(setting, space, chips)
}
