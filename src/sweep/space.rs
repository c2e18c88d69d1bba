//! The designs of a scenario as one numbered space of cells, each with all plans of its size.

use crate::design::{Design, chips_under};
use crate::library::diagnostic::{Diagnostic, Exit, Fault};
use crate::library::site::{J_PER_KWH, Price, Site};
use crate::library::store::Library;
use crate::model::setting::Setting;
use crate::results::fingerprint;
use crate::scenario::{Block, PowerCap, Scenario, Single};
use crate::search::space::PlanSpace;

/// Most groups and cells of a space: numbers beyond are a slip of the pen.
const MOST_GROUPS: u64 = 50_000_000;
const MOST_CELLS: u64 = 1 << 53;

/// A size of a block: chips, or the megawatts that they are derived from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub chips: Option<f64>,
    pub cap_mw: Option<f64>,
}

/// A block with everything looked up.
#[derive(Debug)]
pub struct Blocked {
    pub block: Block,
    /// The block at its first size and site, under each of its power caps.
    pub designs: Vec<Design>,
    pub sizes: Vec<Size>,
    /// The sites as the block pays them, at the megawatts of the first size.
    pub sites: Vec<Site>,
    /// USD/J at every site; empty: the site's own.
    pub prices: Vec<f64>,
    first_cell: u64,
}

/// Cells of one block, size and power cap whose plans take the same time and energy: they differ in site and price alone.
#[derive(Clone, Debug)]
pub struct Group {
    pub block: usize,
    pub size: usize,
    pub cap: usize,
    pub chips: f64,
    pub sites: Vec<u32>,
}

/// A place in the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub block: usize,
    pub size: usize,
    pub cap: usize,
    pub site: usize,
    pub price: usize,
}

/// A block or a group that cannot be built, and why.
#[derive(Clone, Debug)]
pub struct Skipped {
    pub workload: String,
    pub design: String,
    pub chip: String,
    pub detail: String,
}

/// The whole space.
#[derive(Debug)]
pub struct Space {
    pub blocks: Vec<Blocked>,
    pub groups: Vec<Group>,
    pub skipped: Vec<Skipped>,
    pub cells: u64,
}

impl Blocked {
    /// Looks a block up under each of its power caps and at each of its sites.
    fn resolve(library: &Library, scenario: &Scenario, block: Block, common: &[String]) -> Result<Blocked, Fault> {
        let caps: Vec<Option<f64>> = block.cap_mw.iter().copied().map(Some).collect();
        let caps = if caps.is_empty() { vec![None] } else { caps };
        let first = Single {
            chips: block.chips.first().copied(),
            cap_mw: caps[0],
            power_cap: None,
            site: block.sites[0].clone(),
            usd_per_kwh: None,
        };
        let design = |single: &Single| named(scenario.design(library, &block, single, common)?, &block);
        let limits: Vec<Option<PowerCap>> = block.power_cap.iter().copied().map(Some).collect();
        let limits = if limits.is_empty() { vec![None] } else { limits };
        let designs: Vec<Design> = limits
            .iter()
            .map(|limit| design(&Single { power_cap: *limit, ..first.clone() }))
            .collect::<Result<_, _>>()?;
        let chips: Vec<Option<f64>> = block.sizes(&designs[0]).into_iter().map(Some).collect();
        let chips = if chips.is_empty() { vec![None] } else { chips };
        let sizes: Vec<Size> =
            chips.iter().flat_map(|n| caps.iter().map(|mw| Size { chips: *n, cap_mw: *mw })).collect();
        let sites = block
            .sites
            .iter()
            .map(|site| Ok(design(&Single { site: site.clone(), ..first.clone() })?.setting.site))
            .collect::<Result<Vec<Site>, Fault>>()?;
        let prices = block.usd_per_kwh.iter().map(|usd| usd / J_PER_KWH).collect();
        Ok(Blocked { block, designs, sizes, sites, prices, first_cell: 0 })
    }

    fn prices_a_site(&self) -> usize {
        self.prices.len().max(1)
    }

    /// Cells of the block.
    fn cells(&self) -> u64 {
        [self.sizes.len(), self.designs.len(), self.sites.len(), self.prices_a_site()]
            .into_iter()
            .fold(1, |product, n| product.saturating_mul(n as u64))
    }

    /// A site under the megawatts of a size.
    pub fn site(&self, size: usize, site: usize) -> Site {
        let mut place = self.sites[site].clone();
        if let (Some(mw), Some(first)) = (self.sizes[size].cap_mw, self.sizes[0].cap_mw) {
            place.cap_w *= mw / first;
        }
        place
    }

    /// The sites of one size and power cap, parted into groups.
    fn groups(&self, at: usize, size: usize, cap: usize) -> Result<Vec<Group>, Fault> {
        let mut groups: Vec<(Group, [u64; 2])> = Vec::new();
        for site in 0..self.sites.len() {
            let place = self.site(size, site);
            let chips = match self.sizes[size].chips {
                Some(chips) => chips,
                None => {
                    let mut setting: Setting = self.designs[cap].setting.clone();
                    setting.site = place.clone();
                    chips_under(&setting, place.cap_w).min(crate::design::MOST_CHIPS)
                }
            };
            let hours = hours(&place);
            let same = groups.iter_mut().find(|(g, h)| g.chips == chips && *h == hours);
            match same {
                Some((group, _)) => group.sites.push(site as u32),
                None => groups.push((Group { block: at, size, cap, chips, sites: vec![site as u32] }, hours)),
            }
        }
        Ok(groups.into_iter().map(|(group, _)| group).filter(|group| group.chips >= 1.0).collect())
    }
}

/// What of a site enters the time of a run.
fn hours(site: &Site) -> [u64; 2] {
    [site.availability.to_bits(), site.stops_per_day.to_bits()]
}

impl Space {
    /// Looks up every design of a scenario.
    pub fn new(library: &Library, scenario: &Scenario, common: &[String]) -> Result<Space, Fault> {
        let mut space = Space { blocks: Vec::new(), groups: Vec::new(), skipped: Vec::new(), cells: 0 };
        let blocks = scenario.blocks()?;
        let (mut cells, mut groups) = (0_u64, 0_u64);
        for block in &blocks {
            let sizes = block.chips.len().max(1) as u64 * block.cap_mw.len().max(1) as u64;
            let sizes = sizes.saturating_mul(block.power_cap.len().max(1) as u64);
            groups = groups.saturating_add(sizes);
            cells = cells.saturating_add(u64::try_from(block.size()).unwrap_or(u64::MAX));
        }
        if groups > MOST_GROUPS || cells > MOST_CELLS {
            let message = format!("{groups} sizes with {cells} places are more than a sweep takes");
            let help =
                format!("keep within {MOST_GROUPS} sizes (design x chips x caps): coarser steps, or shorter lists");
            return Err(Fault::input(Diagnostic::error(message).key("design").help(help)));
        }
        for block in blocks {
            let (workload, design, chip) = (block.workload.clone(), block.design.clone(), block.point.chip.clone());
            match Blocked::resolve(library, scenario, block, common) {
                Ok(mut blocked) => {
                    blocked.first_cell = space.cells;
                    space.cells += blocked.cells();
                    let at = space.blocks.len();
                    for size in 0..blocked.sizes.len() {
                        for cap in 0..blocked.designs.len() {
                            space.groups.extend(blocked.groups(at, size, cap)?);
                        }
                    }
                    space.blocks.push(blocked);
                }
                // One chip of a list that lacks a figure does not end the sweep of the others.
                Err(fault) if fault.exit == Exit::Infeasible => {
                    space.skipped.push(Skipped { workload, design, chip, detail: fault.message() });
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(space)
    }

    /// A hash of all that decides the answer: the scenario, `--set`, and every profile as it was read, from whatever file.
    pub fn fingerprint(&self, scenario: &Scenario, common: &[String]) -> String {
        let blocks: Vec<String> = self
            .blocks
            .iter()
            .map(|b| {
                let settings: Vec<&Setting> = b.designs.iter().map(|d| &d.setting).collect();
                format!("{settings:?} {:?} {:?} {:?}", b.sizes, b.sites, b.prices)
            })
            .collect();
        let scenario = scenario.fingerprint(common);
        fingerprint(blocks.iter().map(|b| ("block", b.as_str())).chain([("scenario", scenario.as_str())]))
    }

    /// The number of a cell.
    pub fn index(&self, cell: Cell) -> u64 {
        let b = &self.blocks[cell.block];
        let at = (cell.size * b.designs.len() + cell.cap) * b.sites.len() + cell.site;
        b.first_cell + at as u64 * b.prices_a_site() as u64 + cell.price as u64
    }

    /// The cell of a number.
    pub fn cell(&self, index: u64) -> Cell {
        let block = self.blocks.partition_point(|b| b.first_cell <= index).saturating_sub(1);
        let b = &self.blocks[block];
        let rest = (index - b.first_cell) as usize;
        let (rest, price) = (rest / b.prices_a_site(), rest % b.prices_a_site());
        let (rest, site) = (rest / b.sites.len(), rest % b.sites.len());
        Cell { block, size: rest / b.designs.len(), cap: rest % b.designs.len(), site, price }
    }

    /// Cells of a group.
    pub fn places(&self, group: &Group) -> u64 {
        group.sites.len() as u64 * self.blocks[group.block].prices_a_site() as u64
    }

    /// The plans of a group, one space for each batch.
    pub fn plans(&self, scenario: &Scenario, group: &Group) -> Result<Vec<PlanSpace>, Fault> {
        scenario.spaces_of(&self.blocks[group.block].designs[group.cap], group.chips)
    }

    /// The setting of a group, at its first site and without the site's limit: that is a cell's affair.
    pub fn setting(&self, group: &Group) -> Setting {
        let block = &self.blocks[group.block];
        let mut setting = block.designs[group.cap].setting.clone();
        setting.site = block.site(group.size, group.sites[0] as usize);
        setting.site.cap_w = f64::INFINITY;
        setting
    }

    /// A cell as a design with all its inputs and their sources, looked up anew.
    pub fn design(
        &self,
        library: &Library,
        scenario: &Scenario,
        common: &[String],
        index: u64,
    ) -> Result<Design, Fault> {
        let cell = self.cell(index);
        let b = &self.blocks[cell.block];
        let single = Single {
            chips: b.sizes[cell.size].chips,
            cap_mw: b.sizes[cell.size].cap_mw,
            power_cap: b.block.power_cap.get(cell.cap).copied(),
            site: b.block.sites[cell.site].clone(),
            usd_per_kwh: b.block.usd_per_kwh.get(cell.price).copied(),
        };
        named(scenario.design(library, &b.block, &single, common)?, &b.block)
    }
}

/// A design under its name in the scenario: the values of the axes stand beside it.
fn named(design: Design, block: &Block) -> Result<Design, Fault> {
    Ok(Design { name: block.design.clone(), ..design })
}

/// A site at one of the block's prices.
pub fn at_price(site: &mut Site, prices: &[f64], price: usize) {
    if let Some(usd_per_j) = prices.get(price) {
        site.price = Price::Flat { usd_per_j: *usd_per_j };
    }
}
