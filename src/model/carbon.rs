//! Carbon of a run: electricity used, and the making of the equipment spread over its life.
//!
//! Twin: `shaders/model/carbon.wgsl`.

use super::cost::YEAR_S;
use super::setting::Setting;

/// kgCO2e of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Emissions {
    pub operational: f64,
    pub embodied: f64,
}

impl Emissions {
    /// kgCO2e of the run.
    pub fn total(&self) -> f64 {
        self.operational + self.embodied
    }
}

/// Emissions of a run on `ranks` ranks (spares included).
pub fn emissions(setting: &Setting, ranks: f64, wall_s: f64, facility_j: f64) -> Emissions {
    let a = &setting.assumptions;
    Emissions {
        operational: facility_j * setting.site.kg_per_j(),
        embodied: ranks * setting.chip.embodied_kg * wall_s / YEAR_S / a.embodied_life_years / a.utilisation,
    }
}
