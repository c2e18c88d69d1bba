//! `--engine`: which engine searches.

use clap::{Args, ValueEnum};

use super::output;
use crate::design::Design;
use crate::engine::{Engine, EngineChoice, EngineFault, select};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::model::setting::Setting;
use crate::search::Found;
use crate::search::space::PlanSpace;

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
    /// A GPU, software adapters included; an error where there is none
    Gpu,
    Cpu,
}

/// Points of a plan space below which waking a device takes longer than the search on the CPU.
const FEW: u64 = 5_000_000;

/// An engine that is ready to search.
pub struct Chosen {
    engine: Engine,
}

impl EngineArgument {
    /// Opens the engine for a search of so many points, and says on stderr why it is this one.
    pub fn select(self, points: u64) -> Result<Chosen, Fault> {
        let choice = match self.engine {
            // Not worth a word: the answer is there at once.
            Choice::Auto if points < FEW => EngineChoice::Cpu,
            Choice::Auto => EngineChoice::Auto,
            Choice::Gpu => EngineChoice::Gpu,
            Choice::Cpu => EngineChoice::Cpu,
        };
        let (engine, why) = select(choice).map_err(refused)?;
        if let Some(why) = why {
            output::remark(&format!("searching on {}: {why}", engine.name()));
        }
        Ok(Chosen { engine })
    }
}

/// No adapter is the command line's fault; one that fails at work is not.
fn refused(fault: EngineFault) -> Fault {
    let diagnostic = Diagnostic::error(fault.to_string()).key("engine").help("`wattline doctor` shows what works here");
    match fault {
        EngineFault::NoAdapter => Fault::input(diagnostic),
        EngineFault::Refused { .. } | EngineFault::Lost { .. } => Fault::work(diagnostic),
    }
}

impl Chosen {
    /// The adapter's name, or `cpu`.
    pub fn name(&self) -> &str {
        self.engine.name()
    }

    /// Best plans of a design with a number of chips, over all its batches.
    pub fn search_design(&self, design: &Design, chips: f64) -> Result<Found, Fault> {
        self.search_spaces(&design.setting, &design.spaces_of(chips), chips)
    }

    /// Best plans of several spaces.
    pub fn search_spaces(&self, setting: &Setting, spaces: &[PlanSpace], chips: f64) -> Result<Found, Fault> {
        let mut found = Found::nothing();
        for space in spaces {
            found = found.join(self.search(setting, space, chips)?);
        }
        Ok(found)
    }

    /// Best plans of one space.
    pub fn search(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Found, Fault> {
        let found = self.engine.search(setting, space, chips).map_err(refused)?;
        if let Some(warning) = self.engine.take_warning() {
            output::warnings(&[Diagnostic::warning(warning).key("engine")]);
        }
        Ok(found)
    }
}
