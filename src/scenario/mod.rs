//! Scenario files: a question over designs, and the space that a sweep covers.
//!
//! A file is read with what it includes into one [`Scenario`]; every fault points at its key. [`Scenario::blocks`] gives the
//! space to `sweep`, [`Scenario::designs`] and [`Scenario::variants`] the sides to `compare`.

pub mod axis;
pub mod block;
pub mod constraints;
pub mod crossover;
mod include;
pub(crate) mod place;
pub mod plan_axes;
pub mod side;

use std::sync::Arc;

use serde::Deserialize;

use crate::compare::crossover::Asked;
use crate::design::Design;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::source_text::SourceText;
use crate::library::store::Library;
use crate::results::fingerprint;
use crate::search::Objective;
use crate::search::space::PlanSpace;
pub use block::{Block, Point, PowerCap, Single};
use block::{Common, MOST_BLOCKS, blocks};
use constraints::Constraints;
use crossover::Sought;
use place::Places;
use plan_axes::Axes;
use side::Side;

/// Most sides that one design makes in `compare`.
pub const MOST_SIDES: u128 = 12;

/// A scenario as its file states it, with what it includes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// A scenario whose keys stand where this one states none.
    pub include: Option<String>,
    pub name: String,
    pub title: String,
    /// The question in one sentence.
    pub question: String,
    /// Where the inputs come from.
    pub source: String,
    /// What the scenario leaves out.
    pub note: String,
    pub workloads: Vec<String>,
    /// The global batch may grow from the workload's to the critical one.
    pub grow_batch: bool,
    /// What designs are judged by; left out, all four.
    pub objectives: Option<Vec<Objective>>,
    #[serde(rename = "design")]
    pub designs: Vec<Side>,
    #[serde(rename = "variant")]
    pub variants: Vec<Side>,
    pub constraints: Constraints,
    /// Axes that `sweep` lays over every design.
    pub sweep: Side,
    pub plans: Axes,
    #[serde(rename = "crossover")]
    pub crossovers: Vec<Sought>,
    #[serde(skip)]
    places: Arc<Places>,
}

impl Scenario {
    /// Reads a scenario by name or path.
    pub fn read(library: &Library, name_or_path: &str) -> Result<Scenario, Fault> {
        let text = library.scenario_text(name_or_path)?;
        Scenario::parse(library, &text)
    }

    /// Parses a scenario file with what it includes; faults point at their line.
    pub fn parse(library: &Library, source: &SourceText) -> Result<Scenario, Fault> {
        let (table, places) = include::read(library, source)?;
        let whole: Result<Scenario, toml::de::Error> = toml::Value::Table(table).try_into();
        let mut scenario = whole.map_err(|error| places.fault(Diagnostic::error(error.message()), &[]))?;
        scenario.places = Arc::new(places);
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), Fault> {
        for (key, text) in [("name", &self.name), ("title", &self.title), ("question", &self.question)] {
            if text.trim().is_empty() {
                return Err(self.places.fault(include::lacks(key), &[key]));
            }
        }
        let fault = |message: String, key: &str, path: &str, help: &str| {
            Err(self.places.fault(Diagnostic::error(message).key(key).help(help), &[path, key]))
        };
        if self.workloads.is_empty() {
            let help = "name at least one, such as workloads = [\"gpt-3-13b\"]";
            return fault("no workload".into(), "workloads", "workloads", help);
        }
        if self.objectives.as_ref().is_some_and(Vec::is_empty) {
            let help = "write some of time, energy, cost, carbon, or leave the key out";
            return fault("no objective".into(), "objectives", "objectives", help);
        }
        if self.designs.is_empty() {
            let help = "add a [[design]] with a name, a chip and a site";
            return fault("no design".into(), "design", "design", help);
        }
        for (at, side) in self.designs.iter().enumerate() {
            let path = if side.name.is_empty() { format!("design.{at}") } else { format!("design.{}", side.name) };
            if side.name.is_empty() || (side.chip.is_none() && self.sweep.chip.is_none()) {
                let message = format!("design {} lacks a name or a chip", at + 1);
                return fault(message, "design", &path, "each [[design]] has name and chip");
            }
            if self.designs[..at].iter().any(|other| other.name == side.name) {
                let message = format!("two designs are called {}", quoted(&side.name));
                return fault(message, &side.name, &path, "give each its own name");
            }
        }
        let names: Vec<&str> = self.designs.iter().map(|d| d.name.as_str()).collect();
        for (at, variant) in self.variants.iter().enumerate() {
            let path =
                if variant.name.is_empty() { format!("variant.{at}") } else { format!("variant.{}", variant.name) };
            let of = variant.of.as_deref().unwrap_or_default();
            if variant.name.is_empty() || !names.contains(&of) {
                let message = format!("variant {} changes no design", quoted(&variant.name));
                let help = format!("give it a name and of = one of {}", names.join(", "));
                return fault(message, "variant", &path, &help);
            }
        }
        let sweep = &self.sweep;
        for (key, stated) in [
            ("name", !sweep.name.is_empty()),
            ("of", sweep.of.is_some()),
            ("title", sweep.title.is_some()),
            ("note", sweep.note.is_some()),
            ("plan", sweep.plan.is_some()),
            ("rental", sweep.rental.is_some()),
        ] {
            if stated {
                let help = "[sweep] takes the fields of a design that may be lists; write this one in the [[design]]";
                return fault(format!("`{key}` is no axis"), key, &format!("sweep.{key}"), help);
            }
        }
        // Every axis is counted, so that a sweep does not find a fault half-way.
        let mut all = Vec::new();
        let workload = self.workloads.first().map_or("", String::as_str);
        for side in &self.designs {
            all.extend(self.blocks_of(side, workload, &[format!("design.{}", side.name)])?);
            all.extend(self.widened(side, workload)?);
        }
        self.asked()?;
        self.constraints.check(&all, &self.places)
    }

    /// The crossovers that the scenario asks for; none: the standard ones.
    pub fn asked(&self) -> Result<Vec<Asked>, Fault> {
        let sides = self.names()?;
        let sides: Vec<&str> = sides.iter().map(String::as_str).collect();
        let question = |(at, sought): (usize, &Sought)| {
            let table = format!("crossover.{at}");
            sought.asked(&sides).map_err(|fault| self.places.within(fault, &[&table]))
        };
        self.crossovers.iter().enumerate().map(question).collect()
    }

    /// Names of the sides that `compare` has; a design of too many values stands for itself.
    pub fn names(&self) -> Result<Vec<String>, Fault> {
        let workload = self.workloads.first().map_or("", String::as_str);
        let mut names = Vec::new();
        for side in &self.designs {
            let blocks = self.blocks_of(side, workload, &[format!("design.{}", side.name)])?;
            if blocks.iter().map(Block::size).sum::<u128>() > MOST_SIDES {
                names.push(side.name.clone());
                continue;
            }
            for block in blocks {
                names.extend(block.names());
            }
        }
        Ok(names)
    }

    /// What designs are judged by.
    pub fn objectives(&self) -> Vec<Objective> {
        self.objectives.clone().unwrap_or_else(|| Objective::ALL.to_vec())
    }

    /// The space that `sweep` covers: workload by workload, design by design, `[sweep]` laid over each.
    pub fn blocks(&self) -> Result<Vec<Block>, Fault> {
        let mut all = Vec::new();
        for workload in &self.workloads {
            for side in &self.designs {
                all.extend(self.widened(side, workload)?);
                if all.len() as u128 > MOST_BLOCKS {
                    let message = format!("the scenario asks for more than {MOST_BLOCKS} look-ups");
                    let help = "write fewer workloads, designs, chips or values of set";
                    return Err(self.places.fault(Diagnostic::error(message).key("design").help(help), &["design"]));
                }
            }
        }
        Ok(all)
    }

    fn widened(&self, side: &Side, workload: &str) -> Result<Vec<Block>, Fault> {
        self.blocks_of(&side.widened(&self.sweep), workload, &["sweep".to_owned(), format!("design.{}", side.name)])
    }

    fn blocks_of(&self, side: &Side, workload: &str, tables: &[String]) -> Result<Vec<Block>, Fault> {
        let common = Common { workload, grow_batch: self.grow_batch, places: &self.places, tables };
        blocks(side, &common).map_err(|diagnostic| {
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            self.places.within(Fault::input(diagnostic), &tables)
        })
    }

    /// The designs for one of the workloads; one whose fields are lists makes a side of each value.
    pub fn designs(&self, library: &Library, workload: &str, common: &[String]) -> Result<Vec<Design>, Fault> {
        let mut designs = Vec::new();
        for side in &self.designs {
            for (block, single) in self.sides(side, workload, &[format!("design.{}", side.name)])? {
                designs.push(self.design(library, &block, &single, common)?);
            }
        }
        Ok(designs)
    }

    /// Looks up the designs that `sweep` would, each block at each of its sites with one size, price and cap, at most so
    /// many; every fault is an error, what the designs warn of comes back.
    pub fn look_up(&self, library: &Library, most: usize) -> Result<Vec<Diagnostic>, Fault> {
        let mut warnings: Vec<Diagnostic> = Vec::new();
        for block in self.blocks()?.iter().take(most) {
            let at_each_site = block.sites.iter().map(|site| Single {
                chips: block.chips.last().copied(),
                cap_mw: block.cap_mw.last().copied(),
                power_cap: block.power_cap.last().copied(),
                site: site.clone(),
                usd_per_kwh: block.usd_per_kwh.last().copied(),
            });
            for single in at_each_site {
                let design = self.design(library, block, &single, &[])?;
                self.spaces(&design)?;
                for warning in design.warnings {
                    let tables: Vec<&str> = block.tables.iter().map(String::as_str).collect();
                    let warning = self.places.of_look_up(warning, &tables);
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
            }
        }
        Ok(warnings)
    }

    /// How many sides `compare` has.
    pub fn side_count(&self) -> Result<usize, Fault> {
        let workload = self.workloads.first().map_or("", String::as_str);
        let mut count = 0;
        for side in &self.designs {
            count += self.sides(side, workload, &[format!("design.{}", side.name)])?.len();
        }
        Ok(count)
    }

    /// The blocks of a side, few enough to stand side by side, each with its designs.
    fn sides(&self, side: &Side, workload: &str, tables: &[String]) -> Result<Vec<(Block, Single)>, Fault> {
        let blocks = self.blocks_of(side, workload, tables)?;
        let count: u128 = blocks.iter().map(Block::size).sum();
        if count > MOST_SIDES {
            let message = format!("design {} stands for {count} designs: too many to compare side by side", side.name);
            let help = format!(
                "`wattline sweep {}` covers them; compare shows at most {MOST_SIDES} of a design: move its axes to [sweep]",
                self.name
            );
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            return Err(self.places.fault(Diagnostic::error(message).key("design").help(help), &tables));
        }
        let singles = |block: Block| block.singles().into_iter().map(move |single| (block.clone(), single));
        Ok(blocks.into_iter().flat_map(singles).collect())
    }

    /// The variants for one of the workloads, each with the place of the design that it changes.
    pub fn variants(
        &self,
        library: &Library,
        workload: &str,
        common: &[String],
    ) -> Result<Vec<(usize, Design)>, Fault> {
        let mut found = Vec::new();
        for variant in &self.variants {
            let mut first = 0;
            for base in &self.designs {
                let tables = [format!("variant.{}", variant.name), format!("design.{}", base.name)];
                if Some(&base.name) == variant.of.as_ref() {
                    for (block, single) in self.sides(&variant.over(base), workload, &tables)? {
                        found.push((first, self.design(library, &block, &single, common)?));
                    }
                }
                first += self.sides(base, workload, &tables[1..])?.len();
            }
        }
        Ok(found)
    }

    /// Title of a design; of one of several values, that of the `[[design]]`.
    pub fn title_of(&self, name: &str) -> &str {
        let stated = |side: &&Side| name == side.name;
        let begun = |side: &&Side| name.strip_prefix(&side.name).is_some_and(|rest| rest.starts_with(' '));
        let mut all = self.designs.iter().chain(&self.variants);
        let side = all.clone().find(stated).or_else(|| all.find(begun));
        side.and_then(|side| side.title.as_deref()).unwrap_or_default()
    }

    /// A hash of all that decides the scenario's designs, with the values of `--set` over it.
    pub fn fingerprint(&self, common: &[String]) -> String {
        let decisive = (&self.workloads, self.grow_batch, &self.objectives, &self.designs, &self.constraints);
        let decisive = format!("{decisive:?} {:?} {:?}", self.sweep, self.plans);
        fingerprint([("scenario", decisive.as_str()), ("set", &common.join("\n"))])
    }

    /// A design of a block, looked up.
    pub fn design(&self, library: &Library, block: &Block, single: &Single, set: &[String]) -> Result<Design, Fault> {
        let mut design = Design::resolve(library, &single.ask(block, set)?).map_err(|fault| block.blame(fault))?;
        for input in &mut design.inputs {
            if input.source == "command line" {
                input.source = "scenario".to_owned();
            }
        }
        Ok(design)
    }

    /// The plan spaces of a design on another number of chips under the scenario's axes.
    pub fn spaces_of(&self, design: &Design, chips: f64) -> Result<Vec<PlanSpace>, Fault> {
        let mut spaces = design.spaces_of(chips);
        for space in &mut spaces {
            self.plans.narrow(space).map_err(|fault| self.places.within(fault, &["plans"]))?;
        }
        Ok(spaces)
    }

    /// The plan spaces of a design under the scenario's axes.
    pub fn spaces(&self, design: &Design) -> Result<Vec<PlanSpace>, Fault> {
        self.spaces_of(design, design.chips)
    }
}
