//! The runs that claims are about: a system on a workload, its best plan searched, every choice written down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::part::Part;
use crate::design::{Ask, Design, parse_plan};
use crate::library::diagnostic::Fault;
use crate::library::entry_kind::EntryKind;
use crate::library::overrides::Overrides;
use crate::library::store::Library;
use crate::library::workload::Precision;
use crate::model::Estimate;
use crate::model::roofline::peak;
use crate::report::rates;
use crate::search::{Found, Objective, search};
use crate::uncertainty::chance::Side;
use crate::uncertainty::figures::{Bands, Uncertainty, bands, uncertainty};

/// Sizes that are tried where a claim states none: the first on which the model fits is taken.
pub const SIZES: [f64; 6] = [8.0, 64.0, 512.0, 4096.0, 16_384.0, 65_536.0];

/// Chips from which a run may grow its batch to the critical one, where the claim leaves the batch open.
const GROWING: f64 = 2048.0;

/// Stacks of a vendor that are tried where no plan fits on the newest.
const MOST_STACKS: usize = 4;

/// One side of a claim with every choice made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    pub chip: String,
    pub chips: f64,
    pub precision: Option<Precision>,
    pub workload: String,
    pub tokens: Option<f64>,
    pub seq_len: Option<f64>,
    pub global_batch: Option<u32>,
    pub lora: bool,
    pub stack: Option<String>,
    pub cluster: Option<String>,
    pub site: Option<String>,
    pub plan: Option<String>,
    pub domain_chips: Option<f64>,
    pub power_cap_w: Option<f64>,
    pub pue: Option<f64>,
    pub g_per_kwh: Option<f64>,
    pub usd_per_kwh: Option<f64>,
    pub usd_per_chip_hour: Option<f64>,
}

/// A case with its fastest plan.
#[derive(Clone, Debug)]
pub struct Run {
    pub design: Design,
    pub estimate: Estimate,
    pub uncertainty: Uncertainty,
}

impl Run {
    /// For the draws of chances and ratios.
    pub fn side(&self) -> Side<'_> {
        let setting = &self.design.setting;
        Side {
            stack: &setting.stack.name,
            chip: &setting.chip.name,
            estimate: &self.estimate,
            uncertainty: &self.uncertainty,
        }
    }

    pub fn bands(&self) -> Bands {
        bands(&self.estimate, &self.uncertainty, &self.design.spread)
    }

    /// The middle of the band of its step over the estimate's.
    pub fn slower(&self) -> f64 {
        self.bands().step_s.p50 / self.estimate.step_s
    }

    /// MFU in the middle of its band.
    pub fn mfu(&self) -> f64 {
        rates(&self.design, &self.estimate).mfu / self.slower()
    }

    /// Precision of the layer GEMMs.
    pub fn precision(&self) -> Precision {
        self.estimate.plan.precision
    }
}

/// Why there is no run: in words.
pub type Why = String;

/// Runs over a library, each searched once.
pub struct Runs<'a> {
    pub library: &'a Library,
    done: Mutex<HashMap<String, Arc<Result<Run, Why>>>>,
    evaluated: AtomicU64,
}

impl<'a> Runs<'a> {
    pub fn new(library: &'a Library) -> Runs<'a> {
        Runs { library, done: Mutex::default(), evaluated: AtomicU64::new(0) }
    }

    /// The run of a case.
    pub fn of(&self, case: &Case) -> Result<Arc<Result<Run, Why>>, Fault> {
        let key = format!("{case:?}");
        let known = self.done.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let run = Arc::new(self.search(case)?);
        self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&run));
        Ok(run)
    }

    /// How many plans were evaluated.
    pub fn evaluated(&self) -> u64 {
        self.evaluated.load(Ordering::Relaxed)
    }

    /// The fastest plan of a case; of a case that names no stack on the newest of the vendor's on which one fits.
    fn search(&self, case: &Case) -> Result<Result<Run, Why>, Fault> {
        let newest = self.search_on(case)?;
        if newest.is_ok() || case.stack.is_some() {
            return Ok(newest);
        }
        let Ok(part) = Part::of(self.library, &case.chip) else { return Ok(newest) };
        let mut others: Vec<(u32, String)> = Vec::new();
        for name in self.library.names(EntryKind::Stack) {
            let stack = self.library.stack(&name)?;
            if stack.runs_on(&part.vendor) {
                others.push((stack.year, name));
            }
        }
        others.sort_by_key(|(year, _)| std::cmp::Reverse(*year));
        for (_, name) in others.into_iter().take(MOST_STACKS) {
            let run = self.search_on(&Case { stack: Some(name), ..case.clone() })?;
            if run.is_ok() {
                return Ok(run);
            }
        }
        Ok(newest)
    }

    fn search_on(&self, case: &Case) -> Result<Result<Run, Why>, Fault> {
        let mut overrides = Overrides::default();
        for (key, value) in [("pue.full", case.pue), ("carbon.g_per_kwh", case.g_per_kwh)] {
            if let Some(value) = value {
                overrides.set(EntryKind::Site, key, &format!("{value:?}"))?;
            }
        }
        // A metric that reads one of these was not let through: see `predict`.
        for (key, value) in Part::of(self.library, &case.chip).iter().flat_map(Part::stand_ins) {
            overrides.set(EntryKind::Chip, key, &format!("{value:?}"))?;
        }
        if let Some(chips) = case.domain_chips {
            overrides.set(EntryKind::Cluster, "scale_up.domain_chips", &format!("{chips:.0}"))?;
        }
        if let Some(price) = case.usd_per_chip_hour {
            overrides.set(EntryKind::Chip, "rental_usd_per_h", &format!("{price:?}"))?;
        }
        if case.lora {
            overrides.set(EntryKind::Workload, "run.training", "lora")?;
        }
        let ask = Ask {
            workload: case.workload.clone(),
            chip: case.chip.clone(),
            cluster: case.cluster.clone(),
            stack: case.stack.clone(),
            site: case.site.clone(),
            usd_per_kwh: case.usd_per_kwh,
            chips: Some(case.chips),
            power_cap_w: case.power_cap_w,
            fixed: case.plan.as_deref().map(parse_plan).transpose()?.unwrap_or_default(),
            tokens: case.tokens,
            global_batch: case.global_batch,
            grow_batch: case.global_batch.is_none() && case.chips >= GROWING,
            seq_len: case.seq_len,
            precision: case.precision,
            rental: case.usd_per_chip_hour.is_some(),
            overrides,
            ..Ask::default()
        };
        let design = match Design::resolve(self.library, &ask) {
            Ok(design) => design,
            // What a profile lacks, or what the claim's own figures make impossible, is an answer, not the user's fault.
            Err(fault) => return Ok(Err(fault.message())),
        };
        if let Some(asked) = case.precision.filter(|asked| peak(&design.setting.chip, *asked) <= 0.0) {
            return Ok(Err(format!("{} has no {}", design.setting.chip.name, asked.word())));
        }
        let spaces = design.spaces();
        let found =
            spaces.iter().map(|space| search(&design.setting, space, design.chips)).fold(Found::nothing(), Found::join);
        self.evaluated.fetch_add(found.evaluated, Ordering::Relaxed);
        Ok(match found.by(Objective::Time) {
            Some(estimate) => {
                let uncertainty = uncertainty(&design, estimate);
                Ok(Run { estimate: *estimate, uncertainty, design })
            }
            None => Err(format!("{} fits no plan on {} x {}", case.workload, case.chips, case.chip)),
        })
    }
}
