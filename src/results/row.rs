//! One design as a row of a result file: flat, SI, the unit in the name, nothing that changes between runs.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::design::Design;
use crate::library::site::J_PER_KWH;
use crate::model::Estimate;
use crate::model::power::Power;
use crate::model::schedule::StepTime;
use crate::report::{Rates, rates};
use crate::search::Objective;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// A number, or none.
    Number,
    Flag,
    Text,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Count(u64),
    /// NaN is none; infinities are none too.
    Number(f64),
    Flag(bool),
    Text(Cow<'static, str>),
}

/// A column as its file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Cow<'static, str>,
    /// Empty where the values have none.
    pub unit: Cow<'static, str>,
    pub kind: Kind,
    pub meaning: Cow<'static, str>,
}

/// What a row says beside its design and its estimate.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Number of the design in the space.
    pub index: u64,
    /// Objectives that the row wins; none where every design is kept.
    pub objectives: &'a [Objective],
}

/// Everything that a column reads.
struct Subject<'a> {
    identity: &'a Identity<'a>,
    design: &'a Design,
    estimate: &'a Estimate,
    rates: Rates,
}

type Getter = fn(&Subject) -> Cell;

fn text(word: &str) -> Cell {
    Cell::Text(Cow::Owned(word.to_owned()))
}

fn word(word: &'static str) -> Cell {
    Cell::Text(Cow::Borrowed(word))
}

fn size(n: u32) -> Cell {
    Cell::Count(n.into())
}

/// The objectives of a row as one text.
pub fn objectives_text(objectives: &[Objective]) -> String {
    objectives.iter().map(|objective| objective.word()).collect::<Vec<_>>().join(",")
}

/// Watts of the cap per chip; none where the chip runs under the cap that it ships with.
fn power_cap_w(design: &Design) -> f64 {
    let setting = &design.setting;
    if setting.cap_w == setting.chip.default_cap_w { f64::NAN } else { setting.cap_w * setting.ranks_per_chip }
}

use Cell::{Count, Flag, Number};

/// Every column but the causes of the breakdown: name, unit, kind, meaning, value.
#[rustfmt::skip]
const COLUMNS: &[(&str, &str, Kind, &str, Getter)] = &[
    ("index", "", Kind::Count, "number of the design in the space", |s| Count(s.identity.index)),
    ("workload", "", Kind::Text, "what is trained", |s| text(&s.design.setting.workload.name)),
    ("design", "", Kind::Text, "name of the design in its scenario", |s| text(&s.design.name)),
    ("objective", "", Kind::Text, "objectives that the row wins, with commas between them", |s| text(&objectives_text(s.identity.objectives))),
    ("chip", "", Kind::Text, "", |s| text(&s.design.setting.chip.name)),
    ("cluster", "", Kind::Text, "", |s| text(&s.design.setting.cluster.name)),
    ("stack", "", Kind::Text, "software", |s| text(&s.design.setting.stack.name)),
    ("site", "", Kind::Text, "", |s| text(&s.design.setting.site.name)),
    ("price_kind", "", Kind::Text, "kind of the electricity price", |s| text(&s.design.setting.site.price_kind)),
    ("precision", "", Kind::Text, "number format of the matrix products", |s| word(s.estimate.plan.precision.word())),
    ("chips", "", Kind::Number, "chips that are powered and paid for", |s| Number(s.estimate.chips_used + s.estimate.chips_spare)),
    ("chips_used", "", Kind::Number, "chips that the plan uses", |s| Number(s.estimate.chips_used)),
    ("chips_spare", "", Kind::Number, "chips that stand idle", |s| Number(s.estimate.chips_spare)),
    ("power_cap_w", "W", Kind::Number, "cap per chip; none where it runs under the one that it ships with", |s| Number(power_cap_w(s.design))),
    ("usd_per_kwh", "USD/kWh", Kind::Number, "price of electricity", |s| Number(s.design.setting.site.usd_per_j() * J_PER_KWH)),
    ("g_per_kwh", "gCO2e/kWh", Kind::Number, "carbon of electricity", |s| Number(s.design.setting.site.kg_per_j() * 1e3 * J_PER_KWH)),
    ("tp", "", Kind::Count, "tensor-parallel ranks", |s| size(s.estimate.plan.tp)),
    ("pp", "", Kind::Count, "pipeline stages", |s| size(s.estimate.plan.pp)),
    ("vpp", "", Kind::Count, "interleaved stages per pipeline rank", |s| size(s.estimate.plan.vpp)),
    ("cp", "", Kind::Count, "context-parallel ranks", |s| size(s.estimate.plan.cp)),
    ("ep", "", Kind::Count, "expert-parallel ranks", |s| size(s.estimate.plan.ep)),
    ("etp", "", Kind::Count, "tensor-parallel ranks of an expert", |s| size(s.estimate.plan.etp)),
    ("dp", "", Kind::Count, "data-parallel ranks", |s| size(s.estimate.plan.dp)),
    ("micro_batch", "sequences", Kind::Count, "sequences of a micro-batch", |s| size(s.estimate.plan.micro_batch)),
    ("micro_batches", "", Kind::Count, "micro-batches of a step and replica", |s| size(s.estimate.plan.micro_batches)),
    ("global_batch", "sequences", Kind::Count, "sequences of a step", |s| Count(s.estimate.plan.global_batch())),
    ("recompute", "", Kind::Text, "activations computed again in backward", |s| word(s.estimate.plan.recompute.word())),
    ("shard", "", Kind::Text, "what is sharded over the replicas", |s| word(s.estimate.plan.shard.word())),
    ("sequence_parallel", "", Kind::Flag, "", |s| Flag(s.estimate.plan.sequence_parallel)),
    ("schedule", "", Kind::Text, "pipeline schedule", |s| word(s.estimate.plan.schedule())),
    ("step_s", "s", Kind::Number, "a training step", |s| Number(s.estimate.step_s)),
    ("steps", "", Kind::Number, "steps of the run", |s| Number(s.estimate.steps)),
    ("tokens_per_s", "tokens/s", Kind::Number, "", |s| Number(s.rates.tokens_per_s)),
    ("tokens_per_s_per_chip", "tokens/s", Kind::Number, "per chip in use", |s| Number(s.rates.tokens_per_s_per_chip)),
    ("tflops_per_chip", "TFLOP/s", Kind::Number, "model FLOP per chip in use", |s| Number(s.rates.tflops_per_chip)),
    ("mfu", "", Kind::Number, "model FLOP over the peak of the plan's precision", |s| Number(s.rates.mfu)),
    ("memory_bytes", "B", Kind::Number, "fullest rank", |s| Number(s.estimate.memory.peak())),
    ("goodput", "", Kind::Number, "share of the wall time that trains", |s| Number(s.estimate.wall.goodput)),
    ("start_delay_s", "s", Kind::Number, "from now until the run starts", |s| Number(s.estimate.start_delay_s)),
    ("wall_s", "s", Kind::Number, "the run, stops and hours without power included", |s| Number(s.estimate.wall.wall_s)),
    ("avg_facility_w", "W", Kind::Number, "mean over the run, at the meter", |s| Number(s.estimate.power.facility_j() / s.estimate.wall.wall_s)),
    ("peak_facility_w", "W", Kind::Number, "peak at the meter", |s| Number(s.estimate.power.peak_facility_w)),
    ("it_energy_j", "J", Kind::Number, "equipment", |s| Number(s.estimate.power.it_j())),
    ("facility_energy_j", "J", Kind::Number, "equipment, cooling and losses", |s| Number(s.estimate.power.facility_j())),
    ("cost_usd", "USD", Kind::Number, "total of the run", |s| Number(s.estimate.cost.total())),
    ("cost_chips_usd", "USD", Kind::Number, "capital of chips, servers and network", |s| Number(s.estimate.cost.chips)),
    ("cost_facility_usd", "USD", Kind::Number, "capital of the building", |s| Number(s.estimate.cost.facility)),
    ("cost_operations_usd", "USD", Kind::Number, "", |s| Number(s.estimate.cost.operations)),
    ("cost_electricity_usd", "USD", Kind::Number, "", |s| Number(s.estimate.cost.electricity)),
    ("cost_rental_usd", "USD", Kind::Number, "in place of capital", |s| Number(s.estimate.cost.rental)),
    ("cost_carbon_price_usd", "USD", Kind::Number, "carbon price on the emissions of electricity", |s| Number(s.estimate.cost.carbon_price)),
    ("cost_delay_usd", "USD", Kind::Number, "worth of the days until the run is done", |s| Number(s.estimate.cost.delay)),
    ("electricity_share", "", Kind::Number, "electricity over the total", |s| Number(s.estimate.cost.electricity / s.estimate.cost.total())),
    ("co2_kg", "kgCO2e", Kind::Number, "total of the run", |s| Number(s.estimate.carbon.total())),
    ("co2_operational_kg", "kgCO2e", Kind::Number, "of electricity", |s| Number(s.estimate.carbon.operational)),
    ("co2_embodied_kg", "kgCO2e", Kind::Number, "of making the chips, over their life", |s| Number(s.estimate.carbon.embodied)),
];

/// The columns of a result file, in order: the table above, then each cause of the step's time and of the energy.
pub fn fields() -> &'static [Field] {
    static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
        let cause = |figure: &str, unit: &'static str, name: &str| Field {
            name: Cow::Owned(format!("{figure}_{name}")),
            unit: Cow::Borrowed(unit),
            kind: Kind::Number,
            meaning: Cow::Owned(format!("part of {figure}: {}", name.replace('_', " "))),
        };
        let stated = COLUMNS.iter().map(|&(name, unit, kind, meaning, _)| Field {
            name: name.into(),
            unit: unit.into(),
            kind,
            meaning: meaning.into(),
        });
        let step = StepTime::default().causes();
        let energy = Power::default().causes();
        stated
            .chain(step.iter().map(|(name, _)| cause("step_s", "s", name)))
            .chain(energy.iter().map(|(name, _)| cause("facility_energy_j", "J", name)))
            .collect()
    });
    &FIELDS
}

/// The column of a name.
pub fn field(name: &str) -> Option<&'static Field> {
    fields().iter().find(|field| field.name == name)
}

/// One row; its cells lie in the order of [`fields`], or of the file that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub cells: Vec<Cell>,
}

impl Row {
    /// The row of an estimate.
    pub fn new(identity: &Identity, design: &Design, estimate: &Estimate) -> Row {
        let subject = Subject { identity, design, estimate, rates: rates(design, estimate) };
        let step = estimate.step.causes();
        let energy = estimate.power.causes();
        let causes = step.iter().chain(&energy).map(|(_, value)| Number(*value));
        Row { cells: COLUMNS.iter().map(|column| column.4(&subject)).chain(causes).map(Cell::finite).collect() }
    }
}

impl Cell {
    /// What has no finite value has none.
    fn finite(self) -> Cell {
        match self {
            Number(value) if !value.is_finite() => Number(f64::NAN),
            cell => cell,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Number(value) => Some(*value),
            Count(value) => Some(*value as f64),
            Flag(_) | Cell::Text(_) => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }
}
