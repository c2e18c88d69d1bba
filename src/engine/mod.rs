//! Which machine searches a space of plans: the CPU with the f64 reference, or a GPU with its f32 twin.
//!
//! The device only chooses the winners; the reference re-estimates them, so that every figure comes from one model.

pub mod gpu;
pub mod rows;
pub mod shaders;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gpu::Gpu;

use crate::model::setting::Setting;
use crate::search::space::PlanSpace;
use crate::search::{self, Found};

/// What the user asked for with `--engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The best hardware adapter, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// Any adapter, software ones included; an error where there is none.
    Gpu,
}

impl EngineChoice {
    pub const ALL: [EngineChoice; 3] = [EngineChoice::Auto, EngineChoice::Gpu, EngineChoice::Cpu];

    pub fn word(self) -> &'static str {
        match self {
            EngineChoice::Auto => "auto",
            EngineChoice::Cpu => "cpu",
            EngineChoice::Gpu => "gpu",
        }
    }

    pub fn parse(word: &str) -> Option<EngineChoice> {
        EngineChoice::ALL.into_iter().find(|c| c.word().eq_ignore_ascii_case(word))
    }
}

/// Why an engine cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineFault {
    /// `--engine gpu` on a machine without any adapter.
    NoAdapter,
    /// The adapter gave no device, or refused the kernels.
    Refused { adapter: String, why: String },
    /// The device stopped answering.
    Lost { adapter: String, why: String },
}

impl fmt::Display for EngineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineFault::NoAdapter => f.write_str(
                "no GPU adapter was found (Vulkan, Metal or DirectX 12); install its driver, or use `--engine cpu`",
            ),
            EngineFault::Refused { adapter, why } => {
                write!(f, "{adapter} cannot run the kernels: {why}; use `--engine cpu`")
            }
            EngineFault::Lost { adapter, why } => write!(f, "{adapter} stopped answering: {why}; use `--engine cpu`"),
        }
    }
}

impl std::error::Error for EngineFault {}

/// What searches.
#[derive(Debug)]
enum Machine {
    Cpu,
    Gpu(Box<Gpu>),
}

/// An engine at work, to be shared by all threads.
#[derive(Debug)]
pub struct Engine {
    machine: Machine,
    /// Set when the device was lost and the CPU took over.
    warning: Mutex<Option<String>>,
    told: AtomicBool,
}

impl Engine {
    /// The f64 reference on all cores.
    pub fn cpu() -> Engine {
        Engine { machine: Machine::Cpu, warning: Mutex::new(None), told: AtomicBool::new(false) }
    }

    /// A device.
    pub fn gpu(gpu: Gpu) -> Engine {
        Engine { machine: Machine::Gpu(Box::new(gpu)), warning: Mutex::new(None), told: AtomicBool::new(false) }
    }

    /// The adapter's name, or `cpu`.
    pub fn name(&self) -> &str {
        match &self.machine {
            Machine::Cpu => "cpu",
            Machine::Gpu(gpu) => gpu.name(),
        }
    }

    /// The device, where there is one.
    pub fn device(&self) -> Option<&Gpu> {
        match &self.machine {
            Machine::Cpu => None,
            Machine::Gpu(gpu) => Some(gpu),
        }
    }

    /// The best plans of a space for a run on `chips` chips. A device that is lost on the way hands this search and all
    /// further ones to the CPU; [`Engine::take_warning`] then says so.
    pub fn search(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Found, EngineFault> {
        let Machine::Gpu(gpu) = &self.machine else {
            return Ok(search::search(setting, space, chips));
        };
        match gpu.search(setting, space, chips) {
            Err(EngineFault::Lost { adapter, why }) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    let warning = format!("{adapter} stopped answering ({why}); the CPU searches the rest");
                    *gpu::lock(&self.warning) = Some(warning);
                }
                Ok(search::search(setting, space, chips))
            }
            outcome => outcome,
        }
    }

    /// What the user should be told, once.
    pub fn take_warning(&self) -> Option<String> {
        gpu::lock(&self.warning).take()
    }
}

/// Picks an engine, with one line that says why where the user left the choice open.
pub fn select(choice: EngineChoice) -> Result<(Engine, Option<String>), EngineFault> {
    match choice {
        EngineChoice::Cpu => Ok((Engine::cpu(), None)),
        EngineChoice::Gpu => {
            let adapters = gpu::adapters();
            let adapter = adapters.first().ok_or(EngineFault::NoAdapter)?;
            let why = gpu::is_software(&adapter.get_info())
                .then(|| format!("{} is a software adapter; `--engine cpu` is likely faster", adapter.get_info().name));
            Ok((Engine::gpu(Gpu::open(adapter)?), why))
        }
        EngineChoice::Auto => {
            let adapters = gpu::adapters();
            let Some(adapter) = adapters.iter().find(|a| !gpu::is_software(&a.get_info())) else {
                let why = match adapters.first() {
                    Some(software) => format!("only a software adapter here ({})", software.get_info().name),
                    None => "no GPU adapter here".to_owned(),
                };
                return Ok((Engine::cpu(), Some(why)));
            };
            match Gpu::open(adapter) {
                Ok(gpu) => {
                    let why = format!("{} is the best adapter here", gpu.name());
                    Ok((Engine::gpu(gpu), Some(why)))
                }
                Err(fault) => Ok((Engine::cpu(), Some(fault.to_string()))),
            }
        }
    }
}
