//! Scenario files: a question over two or more designs, and the space of plans that a sweep covers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::design::{Ask, Design, parse_plan, parse_precision};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::overrides::Overrides;
use crate::library::source_text::SourceText;
use crate::library::store::Library;
use crate::model::plan::{Recompute, Shard};
use crate::search::space::PlanSpace;

/// A scenario as its file states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub title: String,
    /// The question in one sentence.
    pub question: String,
    /// Where the inputs come from.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub note: String,
    pub workloads: Vec<String>,
    /// The global batch may grow from the workload's to the critical one.
    #[serde(default)]
    pub grow_batch: bool,
    #[serde(rename = "design")]
    pub designs: Vec<Side>,
    #[serde(default, rename = "variant")]
    pub variants: Vec<Side>,
    #[serde(default)]
    pub plans: Axes,
}

/// One design of a scenario, or a variant of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Side {
    pub name: String,
    /// Of a variant: the design that it changes.
    pub of: Option<String>,
    pub title: Option<String>,
    pub chip: Option<String>,
    pub cluster: Option<String>,
    pub stack: Option<String>,
    pub site: Option<String>,
    pub price_kind: Option<String>,
    pub usd_per_kwh: Option<f64>,
    pub chips: Option<f64>,
    pub cap_mw: Option<f64>,
    pub power_cap_w: Option<f64>,
    pub tokens: Option<f64>,
    pub global_batch: Option<u32>,
    pub seq_len: Option<f64>,
    pub precision: Option<String>,
    pub plan: Option<String>,
    pub rental: Option<bool>,
    /// Further fields, as `--set` takes them.
    pub set: BTreeMap<String, toml::Value>,
}

/// Axes of the plan space; one left out takes the tool's own values.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Axes {
    pub tp: Option<Vec<u32>>,
    pub cp: Option<Vec<u32>>,
    pub pp: Option<Vec<u32>>,
    pub vpp: Option<Vec<u32>>,
    pub ep: Option<Vec<u32>>,
    pub micro_batch: Option<Vec<u32>>,
    pub recompute: Option<Vec<String>>,
    pub shard: Option<Vec<String>>,
    pub sequence_parallel: Option<Vec<bool>>,
}

impl Side {
    /// The variant's fields over those of the design that it changes.
    fn over(&self, base: &Side) -> Side {
        let mut set = base.set.clone();
        set.extend(self.set.clone());
        let text = |a: &Option<String>, b: &Option<String>| a.clone().or_else(|| b.clone());
        Side {
            name: self.name.clone(),
            of: self.of.clone(),
            title: text(&self.title, &base.title),
            chip: text(&self.chip, &base.chip),
            cluster: text(&self.cluster, &base.cluster),
            stack: text(&self.stack, &base.stack),
            site: text(&self.site, &base.site),
            price_kind: text(&self.price_kind, &base.price_kind),
            usd_per_kwh: self.usd_per_kwh.or(base.usd_per_kwh),
            chips: self.chips.or(base.chips),
            cap_mw: self.cap_mw.or(base.cap_mw),
            power_cap_w: self.power_cap_w.or(base.power_cap_w),
            tokens: self.tokens.or(base.tokens),
            global_batch: self.global_batch.or(base.global_batch),
            seq_len: self.seq_len.or(base.seq_len),
            precision: text(&self.precision, &base.precision),
            plan: text(&self.plan, &base.plan),
            rental: self.rental.or(base.rental),
            set,
        }
    }

    fn ask(&self, workload: &str, grow_batch: bool, common: &[String]) -> Result<Ask, Fault> {
        let mut settings: Vec<String> = self.set.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
        settings.extend(common.iter().cloned());
        Ok(Ask {
            name: self.name.clone(),
            workload: workload.to_owned(),
            chip: self.chip.clone().unwrap_or_default(),
            cluster: self.cluster.clone(),
            stack: self.stack.clone(),
            site: self.site.clone(),
            price_kind: self.price_kind.clone(),
            usd_per_kwh: self.usd_per_kwh,
            chips: self.chips,
            cap_mw: self.cap_mw,
            power_cap_w: self.power_cap_w,
            fixed: parse_plan(self.plan.as_deref().unwrap_or("auto"))?,
            tokens: self.tokens,
            global_batch: self.global_batch,
            grow_batch,
            seq_len: self.seq_len,
            precision: self.precision.as_deref().map(parse_precision).transpose()?,
            rental: self.rental.unwrap_or(false),
            overrides: Overrides::parse(&settings)?,
        })
    }
}

/// A TOML value as the command line would write it.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Scenario {
    /// Reads a scenario by name or path.
    pub fn read(library: &Library, name_or_path: &str) -> Result<Scenario, Fault> {
        let text = library.scenario_text(name_or_path)?;
        Scenario::parse(&text)
    }

    /// Parses a scenario file; faults point at their line.
    pub fn parse(source: &SourceText) -> Result<Scenario, Fault> {
        let fault = |message: String, key: &str, help: &str| {
            // The key's own line, where the file names it once.
            let at = if key.is_empty() { None } else { source.text().find(key).map(|at| at..at + key.len()) };
            let mut diagnostic = Diagnostic::error(message).in_file(source.file()).key(key).help(help);
            if let Some(span) = at {
                diagnostic = diagnostic.at(source, span);
            }
            Fault::input(diagnostic)
        };
        let scenario: Scenario = toml::from_str(source.text()).map_err(|error| {
            let mut diagnostic = Diagnostic::error(error.message().to_owned()).in_file(source.file());
            if let Some(span) = error.span() {
                diagnostic = diagnostic.at(source, span);
            }
            Fault::input(diagnostic.help("`wattline show scenario s01-headline` prints a whole one"))
        })?;
        if scenario.workloads.is_empty() {
            return Err(fault(
                "no workload".into(),
                "workloads",
                "name at least one, such as workloads = [\"gpt-3-13b\"]",
            ));
        }
        if scenario.designs.is_empty() {
            return Err(fault("no design".into(), "design", "add a [[design]] with a name, a chip and a site"));
        }
        for (at, side) in scenario.designs.iter().enumerate() {
            if side.name.is_empty() || side.chip.is_none() {
                return Err(fault(
                    format!("design {} lacks a name or a chip", at + 1),
                    "design",
                    "each [[design]] has name and chip",
                ));
            }
            if scenario.designs[..at].iter().any(|other| other.name == side.name) {
                return Err(fault(
                    format!("two designs are called {}", quoted(&side.name)),
                    &side.name,
                    "give each its own name",
                ));
            }
        }
        for variant in &scenario.variants {
            let of = variant.of.as_deref().unwrap_or_default();
            if variant.name.is_empty() || !scenario.designs.iter().any(|d| d.name == of) {
                let names: Vec<&str> = scenario.designs.iter().map(|d| d.name.as_str()).collect();
                let message = format!("variant {} changes no design", quoted(&variant.name));
                return Err(fault(message, "variant", &format!("give it a name and of = one of {}", names.join(", "))));
            }
        }
        Ok(scenario)
    }

    /// The designs for one of the workloads.
    pub fn designs(&self, library: &Library, workload: &str, common: &[String]) -> Result<Vec<Design>, Fault> {
        self.designs.iter().map(|side| self.resolve(library, side, workload, common)).collect()
    }

    /// The variants for one of the workloads, each with the place of the design that it changes.
    pub fn variants(
        &self,
        library: &Library,
        workload: &str,
        common: &[String],
    ) -> Result<Vec<(usize, Design)>, Fault> {
        self.variants
            .iter()
            .filter_map(|variant| {
                let at = self.designs.iter().position(|d| Some(&d.name) == variant.of.as_ref())?;
                Some((at, variant.over(&self.designs[at])))
            })
            .map(|(at, side)| Ok((at, self.resolve(library, &side, workload, common)?)))
            .collect()
    }

    fn resolve(&self, library: &Library, side: &Side, workload: &str, common: &[String]) -> Result<Design, Fault> {
        let mut design = Design::resolve(library, &side.ask(workload, self.grow_batch, common)?)?;
        for input in &mut design.inputs {
            if input.source == "command line" {
                input.source = "scenario".to_owned();
            }
        }
        Ok(design)
    }

    /// Title of a design.
    pub fn title_of(&self, name: &str) -> &str {
        self.designs
            .iter()
            .chain(&self.variants)
            .find(|d| d.name == name)
            .and_then(|d| d.title.as_deref())
            .unwrap_or_default()
    }

    /// The plan spaces of a design under the scenario's axes.
    pub fn spaces(&self, design: &Design) -> Result<Vec<PlanSpace>, Fault> {
        let mut spaces = design.spaces();
        for space in &mut spaces {
            self.plans.narrow(space)?;
        }
        Ok(spaces)
    }
}

impl Axes {
    /// Replaces the axes of a space by the stated ones.
    fn narrow(&self, space: &mut PlanSpace) -> Result<(), Fault> {
        let sizes = [
            ("tp", &self.tp, &mut space.tp),
            ("cp", &self.cp, &mut space.cp),
            ("pp", &self.pp, &mut space.pp),
            ("vpp", &self.vpp, &mut space.vpp),
            ("ep", &self.ep, &mut space.ep),
            ("micro_batch", &self.micro_batch, &mut space.micro_batch),
        ];
        for (name, stated, axis) in sizes {
            if let Some(values) = stated {
                if values.is_empty() || values.iter().any(|v| *v == 0 || *v > 1_000_000) {
                    let help = "list whole numbers from 1 to 1000000";
                    return Err(Fault::input(
                        Diagnostic::error(format!("axis {name} is empty or holds a size that cannot be"))
                            .key(name)
                            .help(help),
                    ));
                }
                axis.clone_from(values);
                axis.sort_unstable();
                axis.dedup();
            }
        }
        let unknown = |axis: &str, word: &str, known: &str| {
            Fault::input(
                Diagnostic::error(format!("unknown word {} in axis {axis}", quoted(word)))
                    .key(axis)
                    .help(format!("write some of {known}")),
            )
        };
        if let Some(words) = &self.recompute {
            space.recompute = words
                .iter()
                .map(|w| Recompute::parse(w).ok_or_else(|| unknown("recompute", w, "none, selective, full")))
                .collect::<Result<_, _>>()?;
        }
        if let Some(words) = &self.shard {
            space.shard = words
                .iter()
                .map(|w| Shard::parse(w).ok_or_else(|| unknown("shard", w, "none, optimizer, grads, full")))
                .collect::<Result<_, _>>()?;
        }
        if let Some(flags) = &self.sequence_parallel {
            space.sequence_parallel.clone_from(flags);
        }
        if space.is_empty() {
            return Err(Fault::input(
                Diagnostic::error("the plan space is empty").key("plans").help("every axis needs a value"),
            ));
        }
        Ok(())
    }
}
