//! Where a measured run stands: against the roofline, and against the band of the prediction.

use super::benchmark::Benchmark;
use super::power::Scope;
use super::{Measured, Said};
use crate::design::{Ask, Design, parse_precision};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::entry_kind::EntryKind;
use crate::library::overrides::Overrides;
use crate::library::store::Library;
use crate::library::workload::Precision;
use crate::model::Estimate;
use crate::model::roofline::{gemm_format, peak};
use crate::model::weights::model_flop_per_token;
use crate::report;
use crate::search::space::Fixed;
use crate::search::{Found, Objective, search};
use crate::uncertainty::band::{Band, Width};
use crate::uncertainty::figures::{Uncertainty, bands, gemm_is_assumed, uncertainty};

/// How far a file's own TFLOP/s may lie from those of its tokens/s.
const SAME_RATE: f64 = 0.1;

/// What the command line tells of a measured run; it stands over what the files tell.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub chip: Option<String>,
    pub chips: Option<f64>,
    pub workload: Option<String>,
    pub precision: Option<Precision>,
    pub stack: Option<String>,
    pub cluster: Option<String>,
    pub seq_len: Option<f64>,
    pub global_batch: Option<u32>,
    pub tokens: Option<f64>,
    pub metered: Option<Scope>,
    pub plan: Fixed,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    TokensPerSPerChip,
    TflopsPerChip,
    Mfu,
    /// From the start of the clock to the target, evaluations included.
    TimeToTrain,
    ChipW,
    NodeW,
    ChipJPerToken,
    NodeJPerToken,
}

impl Quantity {
    /// As JSON writes it.
    pub fn word(self) -> &'static str {
        match self {
            Quantity::TokensPerSPerChip => "tokens_per_s_per_chip",
            Quantity::TflopsPerChip => "tflops_per_chip",
            Quantity::Mfu => "mfu",
            Quantity::TimeToTrain => "time_to_train",
            Quantity::ChipW => "chip_w",
            Quantity::NodeW => "node_w",
            Quantity::ChipJPerToken => "chip_j_per_token",
            Quantity::NodeJPerToken => "node_j_per_token",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Quantity::TokensPerSPerChip => "tokens/s a chip",
            Quantity::TflopsPerChip => "TFLOP/s a chip",
            Quantity::Mfu => "MFU",
            Quantity::TimeToTrain => "time to train",
            Quantity::ChipW => "power of a chip",
            Quantity::NodeW => "power of a node",
            Quantity::ChipJPerToken => "energy a token, chips",
            Quantity::NodeJPerToken => "energy a token, nodes",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Quantity::TokensPerSPerChip => "tokens/s",
            Quantity::TflopsPerChip => "TFLOP/s",
            Quantity::Mfu => "1",
            Quantity::TimeToTrain => "s",
            Quantity::ChipW | Quantity::NodeW => "W",
            Quantity::ChipJPerToken | Quantity::NodeJPerToken => "J",
        }
    }

    fn is_rate(self) -> bool {
        matches!(self, Quantity::TokensPerSPerChip | Quantity::TflopsPerChip | Quantity::Mfu)
    }
}

/// Where a measured value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    BeyondBound,
    AboveBand,
    InBand,
    BelowBand,
}

impl Place {
    pub fn word(self) -> &'static str {
        match self {
            Place::BeyondBound => "beyond_bound",
            Place::AboveBand => "above_band",
            Place::InBand => "in_band",
            Place::BelowBand => "below_band",
        }
    }
}

/// One quantity of a measured run beside its bound and its prediction.
#[derive(Clone, Debug)]
pub struct Assessed {
    pub quantity: Quantity,
    /// What no run on this chip can exceed: the peak of the precision, or the nameplate.
    pub bound: Option<f64>,
    /// The same at the rate that matrix products sustain.
    pub sustained: Option<f64>,
    pub predicted: Band,
    pub measured: f64,
    /// What the measured value was read from.
    pub from: String,
    pub place: Place,
    /// In words: `4 % above P90`, `inside the band`, `1.31 x the bound`.
    pub position: String,
    /// What may be wrong, or is to be known.
    pub why: Vec<String>,
}

/// A measured run beside its prediction.
#[derive(Clone, Debug)]
pub struct Assessment {
    pub title: String,
    pub files: Vec<String>,
    pub design: Design,
    pub estimate: Estimate,
    pub plans: u64,
    pub quantities: Vec<Assessed>,
    /// What could be assessed too, had it been measured or told.
    pub missing: Vec<String>,
    pub warnings: Vec<Diagnostic>,
}

/// What an option or a file tells, and an error for what neither does.
struct Gather<'a> {
    measured: &'a Measured,
    lacking: Vec<Diagnostic>,
}

impl Gather<'_> {
    fn lack(&mut self, what: &str, option: &str) {
        let file = self.measured.files.first().cloned().unwrap_or_default();
        let key = option.trim_start_matches("--").split(' ').next().unwrap_or_default().replace('-', "_");
        let message = format!("{} does not tell {what}", quoted(&file));
        self.lacking.push(Diagnostic::error(message).in_file(file).key(key).help(format!("add {option}")));
    }

    fn figure(&mut self, told: Option<f64>, said: Option<&Said<f64>>, what: &str, option: &str) -> f64 {
        told.or_else(|| said.map(|said| said.value)).unwrap_or_else(|| {
            self.lack(what, option);
            1.0
        })
    }
}

/// Assesses a record.
pub fn assess(library: &Library, measured: &Measured, told: &Told) -> Result<Assessment, Fault> {
    let ask = ask(library, measured, told)?;
    let design = Design::resolve(library, &ask)?;
    let spaces = design.spaces();
    let found =
        spaces.iter().fold(Found::nothing(), |found, space| found.join(search(&design.setting, space, design.chips)));
    let Some(estimate) = found.by(Objective::Time).copied() else {
        let (reason, detail) = report::nothing_found(&design, &found);
        let message = format!("the measured run has no prediction ({reason}): {detail}");
        let help = "check chips, batch, sequence length and precision; --plan fixes the plan that ran";
        return Err(Fault::infeasible(Diagnostic::error(message).key(reason).help(help)));
    };
    let mut warnings = measured.warnings.clone();
    warnings.extend(design.warnings.iter().cloned());
    let mut scale = Scale::new(&design, &estimate, told, measured);
    let quantities = scale.assess()?;
    let missing = std::mem::take(&mut scale.missing);
    warnings.append(&mut scale.warnings);
    let title = if measured.title.is_empty() { measured.files.join(", ") } else { measured.title.clone() };
    let title =
        if measured.runs > 1 && measured.is_run() { format!("{title} ({} runs)", measured.runs) } else { title };
    Ok(Assessment {
        title,
        files: measured.files.clone(),
        plans: found.evaluated,
        quantities,
        missing,
        warnings,
        estimate,
        design,
    })
}

/// The design that was measured; one fault for all that neither file nor option tells.
fn ask(library: &Library, measured: &Measured, told: &Told) -> Result<Ask, Fault> {
    let mut gather = Gather { measured, lacking: Vec::new() };
    let mut overrides = Overrides::default();
    let named = measured.workload.as_ref().and_then(|said| Benchmark::named(&said.value));
    if told.workload.is_none()
        && let Some(said) = measured.workload.as_ref().filter(|said| Benchmark::is_outside(&said.value))
    {
        let message = format!("{} is no benchmark of a transformer that the library models", quoted(&said.value));
        let known: Vec<&str> = Benchmark::names().collect();
        let file = measured.files.first().cloned().unwrap_or_default();
        let help = format!("these are: {}; or give --workload", known.join(", "));
        return Err(Fault::input(Diagnostic::error(message).in_file(file).key("workload").help(help)));
    }
    let workload = match (&told.workload, named, &measured.workload) {
        (Some(workload), _, _) => workload.clone(),
        (None, Some(benchmark), _) => benchmark.workload.to_owned(),
        (None, None, Some(said)) => said.value.clone(),
        (None, None, None) => {
            gather.lack("what it trained", "--workload NAME");
            String::new()
        }
    };
    if let Some(rank) = &measured.lora_rank {
        overrides.set(EntryKind::Workload, "run.training", "lora")?;
        overrides.set(EntryKind::Workload, "run.lora_rank", &format!("{}", rank.value.round()))?;
    }
    let chip = told.chip.clone().or_else(|| chip_of(library, measured.chip.as_ref()?.value.as_str()));
    let chip = chip.unwrap_or_else(|| {
        let what = match &measured.chip {
            Some(said) => format!("its chip: {} names none of the library", quoted(&said.value)),
            None => "its chip".to_owned(),
        };
        gather.lack(&what, "--chip NAME");
        String::new()
    });
    let chips = gather.figure(told.chips, measured.chips.as_ref(), "how many chips ran", "--chips N");
    let precision = told.precision.or_else(|| precision_of(&measured.precision.as_ref()?.value));
    if precision.is_none() {
        gather.lack("the precision of its matrix products", "--precision fp8 (or bf16, fp16, fp4, tf32)");
    }
    let seq_len =
        gather.figure(told.seq_len, measured.seq_len.as_ref(), "the length of a sequence", "--seq-len TOKENS");
    let batch = measured.global_batch.as_ref();
    let batch = gather.figure(told.global_batch.map(f64::from), batch, "the global batch", "--global-batch SEQUENCES");
    let power = measured.power.as_ref();
    if power.is_some_and(|power| power.scope.is_none()) && told.metered.is_none() {
        gather.lack("what its meter measures", "--metered chip (or node, or all)");
    }
    let only_minutes = measured.run_s.is_some() && Scale::rate_of(measured, 1.0, 1.0, None).is_none();
    if only_minutes && told.tokens.is_none() && power.is_none() {
        gather.lack("how many tokens the run trained", "--tokens N");
    }
    if !gather.lacking.is_empty() {
        let mut diagnostics = gather.lacking;
        diagnostics.extend(measured.warnings.iter().cloned());
        return Err(Fault::inputs(diagnostics));
    }
    Ok(Ask {
        workload,
        chip,
        cluster: told.cluster.clone(),
        stack: told.stack.clone(),
        chips: Some(chips),
        fixed: told.plan.clone(),
        global_batch: Some(batch.round() as u32),
        seq_len: Some(seq_len),
        precision,
        overrides,
        ..Ask::default()
    })
}

/// A precision as a log spells it.
fn precision_of(text: &str) -> Option<Precision> {
    let word = text.to_ascii_lowercase();
    let word = match word.as_str() {
        "bfloat16" | "bf16-mixed" | "bf16_mixed" => "bf16",
        "float16" | "half" | "16-mixed" => "fp16",
        "float32" | "float" => "fp32",
        "float8" | "fp8_hybrid" | "hybrid" => "fp8",
        other => other,
    };
    parse_precision(word).ok()
}

/// The chip that the longest run of words of a text names: `NVIDIA H100 80GB HBM3` names h100-80gb.
fn chip_of(library: &Library, text: &str) -> Option<String> {
    let spelt = text.to_ascii_lowercase();
    let words: Vec<&str> = spelt.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `8xh100` counts chips of that name.
    let counted = |word: &&str| match word.split_once('x') {
        Some((count, rest)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => rest.to_owned(),
        _ => (*word).to_owned(),
    };
    let words: Vec<String> = words.iter().map(counted).collect();
    let lengths = (1..=words.len().min(6)).rev();
    let mut names = lengths.flat_map(|length| words.windows(length).map(|window| window.join("-")));
    names.find_map(|name| library.chip(&name).ok()).map(|chip| chip.name)
}

/// The figures that all quantities of a run share.
struct Scale<'a> {
    design: &'a Design,
    estimate: &'a Estimate,
    told: &'a Told,
    measured: &'a Measured,
    uncertainty: Uncertainty,
    /// Model FLOP of a token.
    flop: f64,
    /// Peak and sustained rate of a chip, FLOP/s.
    peak: f64,
    sustained: f64,
    missing: Vec<String>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Scale<'a> {
    fn new(design: &'a Design, estimate: &'a Estimate, told: &'a Told, measured: &'a Measured) -> Scale<'a> {
        let setting = &design.setting;
        let run = &setting.workload.run;
        let ranks = setting.ranks_per_chip;
        Scale {
            design,
            estimate,
            told,
            measured,
            uncertainty: uncertainty(design, estimate),
            flop: model_flop_per_token(&setting.workload.architecture, run, false),
            peak: peak(&setting.chip, run.precision) * ranks,
            sustained: gemm_format(&setting.chip, run.precision).flops * ranks,
            missing: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn assess(&mut self) -> Result<Vec<Assessed>, Fault> {
        let mut quantities = Vec::new();
        let rate = self.measured_rate();
        match &rate {
            Some(rate) => {
                quantities.push(self.rate(Quantity::TokensPerSPerChip, 1.0, rate));
                quantities.push(self.rate(Quantity::TflopsPerChip, self.flop * 1e-12, rate));
                quantities.push(self.rate(Quantity::Mfu, self.flop / self.peak, rate));
                quantities.extend(self.time_to_train());
                self.check_stated_flops(rate.value);
            }
            None => self.missing.push("tokens/s: no file times the steps of a run".to_owned()),
        }
        let Some(power) = &self.measured.power else {
            self.missing.push("watts: add a power log to the files".to_owned());
            return Ok(quantities);
        };
        let (training_w, _) = power.training_w();
        let from = format!("{}, mean of {} meters while training", power.from, power.count());
        let scope = self.told.metered.or(power.scope).unwrap_or(Scope::Node);
        let nodes = self.nodes();
        let measured_w = if scope == Scope::All { training_w * power.count() as f64 / nodes } else { training_w };
        let most = if scope == Scope::Chip { self.design.chips } else { nodes.max(1.0) };
        if power.count() as f64 > most {
            let message = format!("{} meters of a {} for a run of {most} of them", power.count(), scope.word());
            let help = "their mean is used; check --chips and --metered";
            self.warnings.push(Diagnostic::warning(message).key("metered").help(help));
        }
        let per_chip = scope == Scope::Chip;
        let watts = self.watts(per_chip, measured_w, from.clone());
        let predicted_w = watts.predicted.p50;
        quantities.push(watts);
        if let Some(rate) = rate {
            quantities.push(self.energy(per_chip, measured_w, predicted_w, &rate, &from));
        }
        Ok(quantities)
    }

    fn nodes(&self) -> f64 {
        self.design.chips * self.design.setting.ranks_per_chip / self.design.setting.cluster.node_chips
    }

    /// Tokens/s of a chip as the files tell it, for so many chips and sequences of so many tokens.
    fn rate_of(measured: &Measured, chips: f64, seq_len: f64, batch: Option<f64>) -> Option<Said<f64>> {
        let per = |said: &Said<f64>, factor: f64| Said::new(said.value * factor, said.from.clone());
        let over = |work: &Said<f64>, factor: f64| {
            let seconds = measured.training_s.as_ref()?;
            Some(Said::new(work.value * factor / seconds.value / chips, work.from.clone()))
        };
        (measured.tokens.as_ref().and_then(|tokens| over(tokens, 1.0)))
            .or_else(|| measured.samples.as_ref().and_then(|samples| over(samples, seq_len)))
            .or_else(|| measured.tokens_per_s_per_chip.clone())
            .or_else(|| measured.tokens_per_s.as_ref().map(|rate| per(rate, 1.0 / chips)))
            .or_else(|| measured.samples_per_s.as_ref().map(|rate| per(rate, seq_len / chips)))
            .or_else(|| {
                let step = measured.step_s.as_ref()?;
                Some(Said::new(batch? * seq_len / step.value / chips, step.from.clone()))
            })
    }

    fn measured_rate(&self) -> Option<Said<f64>> {
        let run = &self.design.setting.workload.run;
        let batch = self.design.ask.global_batch.map(f64::from);
        let chips = self.design.chips;
        // An option stands over the file's length, and so over its tokens.
        let mut measured = self.measured.clone();
        if self.told.seq_len.is_some() && measured.samples.is_some() {
            measured.tokens = None;
        }
        Scale::rate_of(&measured, chips, run.seq_len, batch.or(Some(1.0)))
            .or_else(|| {
                let stated = self.measured.tflops_per_chip.as_ref()?;
                Some(Said::new(stated.value * 1e12 / self.flop, stated.from.clone()))
            })
            .or_else(|| {
                let stated = self.measured.mfu.as_ref()?;
                Some(Said::new(stated.value * self.peak / self.flop, stated.from.clone()))
            })
            .or_else(|| {
                let (seconds, tokens) = (self.measured.run_s.as_ref()?, self.told.tokens?);
                Some(Said::new(tokens / seconds.value / chips, format!("--tokens over {}", seconds.from)))
            })
    }

    /// A rate, in tokens/s a chip times a factor.
    fn rate(&self, quantity: Quantity, factor: f64, rate: &Said<f64>) -> Assessed {
        let (design, estimate) = (self.design, self.estimate);
        let step = bands(estimate, &self.uncertainty, &design.spread).step_s;
        let tokens = estimate.plan.global_batch() as f64 * design.setting.workload.run.seq_len;
        let of = |step_s: f64| tokens / step_s / estimate.chips_used * factor;
        let predicted = Band { p10: of(step.p90), p50: of(step.p50), p90: of(step.p10) };
        let bound = self.peak / self.flop * factor;
        let sustained = self.sustained / self.flop * factor;
        let mut assessed = Assessed::new(quantity, rate.value * factor, rate.from.clone(), predicted, Some(bound));
        assessed.sustained = Some(sustained);
        assessed.why = self.why(&assessed);
        assessed
    }

    /// The time of a run whose steps are counted: the steps as predicted, and what the log spends beside them.
    fn time_to_train(&self) -> Option<Assessed> {
        let (design, measured) = (self.design, self.measured);
        let run_s = measured.run_s.as_ref()?;
        let (samples, training_s) = (measured.samples.as_ref()?, measured.training_s.as_ref()?);
        let runs = measured.runs as f64;
        let beside_s = (run_s.value - training_s.value / runs).max(0.0);
        let used = self.estimate.plan.global_batch() as f64 * design.chips / self.estimate.chips_used;
        let steps = samples.value / runs / used;
        let step = bands(self.estimate, &self.uncertainty, &design.spread).step_s;
        let of = |step_s: f64| steps * step_s + beside_s;
        let predicted = Band { p10: of(step.p10), p50: of(step.p50), p90: of(step.p90) };
        let flop = samples.value / runs * design.setting.workload.run.seq_len * self.flop / design.chips;
        let least = flop / self.peak + beside_s;
        let from = format!("{}, of which {beside_s:.1} s are no steps", run_s.from);
        let mut assessed = Assessed::new(Quantity::TimeToTrain, run_s.value, from, predicted, Some(least));
        assessed.sustained = Some(flop / self.sustained + beside_s);
        Some(assessed)
    }

    /// What explains a rate that lies where none should.
    fn why(&self, assessed: &Assessed) -> Vec<String> {
        let mut why = Vec::new();
        let Some(bound) = assessed.bound else { return why };
        let chips = self.design.chips;
        let measured = assessed.measured;
        if assessed.quantity == Quantity::TokensPerSPerChip
            && self.measured.training_s.is_none()
            && self.measured.run_s.is_some()
        {
            why.push(
                "the run's minutes hold its start and its evaluations; the prediction is of steps alone".to_owned(),
            );
        }
        let direct = self.measured.tokens_per_s_per_chip.is_some() && self.measured.tokens.is_none();
        if assessed.place == Place::BeyondBound {
            let over = measured / bound;
            why.push(format!(
                "no run does so: it would take {over:.2} x the peak of {} in {}",
                self.design.setting.chip.name,
                self.design.setting.workload.run.precision.word()
            ));
            why.extend(self.faster_precision(over));
            if direct && measured / chips < bound {
                why.push(format!(
                    "the chip count may be in it: over {chips} chips it is {}",
                    rounded(measured / chips)
                ));
            } else {
                why.push(format!("the chip count may be wrong: it takes at least {:.0} chips", (chips * over).ceil()));
            }
            why.push(format!(
                "or the tokens: padding, or sequences shorter than the {} counted, by a factor of {over:.2} at least",
                self.design.setting.workload.run.seq_len
            ));
        } else if assessed.sustained.is_some_and(|sustained| measured > sustained) {
            let known = if gemm_is_assumed(self.design) { "an assumption" } else { "a published measurement" };
            why.push(format!("above the rate that matrix products sustain by the library, which is {known}"));
        } else if assessed.place == Place::BelowBand && chips > 1.0 {
            let all = measured * chips;
            if assessed.predicted.holds(all) {
                why.push(format!(
                    "times {chips} chips it is inside the band: the file may state it for one chip already"
                ));
            }
        } else if assessed.place == Place::AboveBand && direct && assessed.predicted.holds(measured / chips) {
            why.push(format!("over {chips} chips it is inside the band: the file may state it for all chips"));
        }
        why
    }

    /// The precision in which a rate beyond the bound could be true.
    fn faster_precision(&self, over: f64) -> Option<String> {
        let setting = &self.design.setting;
        let own = setting.workload.run.precision;
        let others = [Precision::Bf16, Precision::Fp16, Precision::Fp8, Precision::Int8, Precision::Fp4];
        let of = |precision: Precision| peak(&setting.chip, precision) * setting.ranks_per_chip;
        let enough = others.into_iter().filter(|other| *other != own && of(*other) >= self.peak * over);
        let least = enough.min_by(|a, b| of(*a).total_cmp(&of(*b)))?;
        let share = 100.0 * self.peak * over / of(least);
        Some(format!("the precision may be wrong: in {} it is {share:.0} % of the peak", least.word()))
    }

    /// Where a file states tokens/s and TFLOP/s or MFU, one may count FLOP that the model does not need.
    fn check_stated_flops(&mut self, tokens_per_s: f64) {
        let own = tokens_per_s * self.flop;
        let stated = self.measured.tflops_per_chip.as_ref().map(|said| (said, said.value * 1e12, "TFLOP/s"));
        let used = || self.measured.mfu.as_ref().map(|said| (said, said.value * self.peak, "MFU"));
        let Some((said, flops, what)) = stated.or_else(used) else { return };
        if (flops / own - 1.0).abs() > SAME_RATE {
            let message =
                format!("the {what} of the file ({}) are {:.2} x those of its tokens/s", said.from, flops / own);
            let help =
                "they may count recompute, attention without the causal mask, or another peak; tokens/s are used";
            self.warnings.push(Diagnostic::warning(message).key("measured").help(help));
        }
    }

    fn watts(&self, per_chip: bool, measured_w: f64, from: String) -> Assessed {
        let setting = &self.design.setting;
        let ranks = if per_chip { setting.ranks_per_chip } else { setting.cluster.node_chips };
        let host_w = if per_chip { 0.0 } else { setting.cluster.node_host_w };
        let predicted =
            Band::around(self.estimate.power.rank_training_w * ranks + host_w, self.uncertainty.power.width);
        let nameplate = setting.cap_w.min(setting.chip.tdp_w) * ranks + host_w;
        let quantity = if per_chip { Quantity::ChipW } else { Quantity::NodeW };
        let mut assessed = Assessed::new(quantity, measured_w, from, predicted, Some(nameplate));
        if assessed.measured > nameplate {
            assessed.why.push(if per_chip {
                "more than the chip's nameplate: another part, a raised limit, or a meter of several chips".to_owned()
            } else {
                "more than nameplate and host: another node, or a meter of several nodes (--metered all)".to_owned()
            });
        }
        let plate_half = assessed.measured < 0.25 * predicted.p50;
        if plate_half && !per_chip {
            assessed
                .why
                .push("less than a quarter of a node: the meter may be of one chip (--metered chip)".to_owned());
        }
        assessed
    }

    fn energy(&self, per_chip: bool, measured_w: f64, predicted_w: f64, rate: &Said<f64>, from: &str) -> Assessed {
        let (design, estimate) = (self.design, self.estimate);
        let chips = if per_chip { 1.0 } else { design.setting.cluster.node_chips / design.setting.ranks_per_chip };
        let step = bands(estimate, &self.uncertainty, &design.spread).step_s;
        let tokens = estimate.plan.global_batch() as f64 * design.setting.workload.run.seq_len;
        let predicted_rate = tokens / step.p50 / estimate.chips_used;
        let width = Width::of_time(&self.uncertainty.step, &design.spread).and(self.uncertainty.power.width);
        let predicted = Band::around(predicted_w / (predicted_rate * chips), width);
        let quantity = if per_chip { Quantity::ChipJPerToken } else { Quantity::NodeJPerToken };
        let measured = measured_w / (rate.value * chips);
        Assessed::new(quantity, measured, format!("{from}; {}", rate.from), predicted, None)
    }
}

impl Assessed {
    fn new(quantity: Quantity, measured: f64, from: String, predicted: Band, bound: Option<f64>) -> Assessed {
        let place = match bound {
            // A nameplate is no law of nature: boosts and fans draw more.
            Some(bound) if quantity.is_rate() && measured > bound => Place::BeyondBound,
            Some(bound) if quantity == Quantity::TimeToTrain && measured < bound => Place::BeyondBound,
            _ if measured > predicted.p90 => Place::AboveBand,
            _ if measured < predicted.p10 => Place::BelowBand,
            _ => Place::InBand,
        };
        let position = match place {
            Place::BeyondBound => format!("{:.2} x the bound", measured / bound.unwrap_or(f64::NAN)),
            Place::AboveBand => apart(measured / predicted.p90, "above P90", "P90"),
            Place::BelowBand => apart(measured / predicted.p10, "below P10", "P10"),
            Place::InBand => "inside the band".to_owned(),
        };
        let share = bound.filter(|bound| measured <= *bound && quantity.is_rate());
        let position = match share {
            Some(bound) => format!("{position}, {:.0} % of the bound", 100.0 * measured / bound),
            None => position,
        };
        Assessed { quantity, bound, sustained: None, predicted, measured, from, place, position, why: Vec::new() }
    }
}

/// How far a value lies from an edge: in percent where it is near, else as a factor.
fn apart(ratio: f64, side: &str, edge: &str) -> String {
    let percent = 100.0 * (ratio - 1.0).abs();
    match ratio {
        _ if (0.5..=2.0).contains(&ratio) => format!("{percent:.0} % {side}"),
        r if r < 0.1 => format!("{r:.2e} x {edge}"),
        r => format!("{r:.2} x {edge}"),
    }
}

/// Four significant digits.
pub fn rounded(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { 3 - value.abs().log10().floor() as i32 };
    format!("{value:.*}", digits.clamp(0, 8) as usize)
}
