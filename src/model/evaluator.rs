//! Estimates of many plans of one setting: what plans share is computed once.
//!
//! The time of a layer depends on few fields of a plan, its memory on others, the pace of a run on the ranks alone. Each is
//! kept under the plan with all other fields put aside ([`LayerTime::key`], [`LayerMemory::key`]), so that an estimate is
//! bit by bit that of [`super::estimate`].

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::goodput::{Pace, growth_start, pace};
use super::memory::{LayerMemory, layer_memory, memory_of};
use super::operations::{LayerTime, layer_time};
use super::plan::Plan;
use super::power::clock_under_cap;
use super::setting::Setting;
use super::{Estimate, Rejection, Run, admit, layout};

/// Estimates plan after plan of a setting.
#[derive(Debug)]
pub struct Evaluator<'a> {
    setting: &'a Setting,
    ranks: f64,
    clock: Option<f64>,
    growth_start: f64,
    layers: Memo<Plan, LayerTime>,
    memories: Memo<Plan, LayerMemory>,
    paces: Memo<u64, Pace>,
}

impl<'a> Evaluator<'a> {
    /// For runs on `chips` chips.
    pub fn new(setting: &'a Setting, chips: f64) -> Evaluator<'a> {
        Evaluator {
            setting,
            ranks: chips * setting.ranks_per_chip,
            clock: clock_under_cap(&setting.chip, setting.cap_w),
            growth_start: growth_start(setting),
            layers: Memo::new(),
            memories: Memo::new(),
            paces: Memo::new(),
        }
    }

    /// As [`super::estimate`].
    pub fn estimate(&mut self, plan: &Plan) -> Result<Estimate, Rejection> {
        let setting = self.setting;
        layout::check(setting, plan)?;
        let one = self.memories.get(LayerMemory::key(plan), |key| layer_memory(setting, key));
        let memory = memory_of(setting, plan, one);
        let clock = admit(setting, plan, &memory, self.clock)?;
        let layer = self.layers.get(LayerTime::key(plan), |key| layer_time(setting, key, clock));
        let pace = self.paces.get(plan.ranks(), |ranks| pace(setting, *ranks as f64));
        Run { setting, plan, ranks: self.ranks, clock, memory }.finish(layer, &one.params, *pace, self.growth_start)
    }

    /// Layers that were timed so far.
    pub fn layers_timed(&self) -> u64 {
        self.layers.computed
    }
}

/// Values by key, forgotten all at once where they become many.
#[derive(Debug)]
struct Memo<K, V> {
    values: FxHashMap<K, V>,
    computed: u64,
}

impl<K: Eq + Hash, V> Memo<K, V> {
    /// More than the layers that plans next to each other share; few enough for the cache of a core.
    const MOST: usize = 1024;

    fn new() -> Memo<K, V> {
        Memo { values: FxHashMap::default(), computed: 0 }
    }

    /// The value of a key, computed where it is not at hand.
    fn get(&mut self, key: K, compute: impl FnOnce(&K) -> V) -> &V {
        if self.values.len() >= Self::MOST {
            self.values.clear();
        }
        let computed = &mut self.computed;
        self.values.entry(key).or_insert_with_key(|key| {
            *computed += 1;
            compute(key)
        })
    }
}
