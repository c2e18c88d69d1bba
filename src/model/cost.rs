//! Money of a run: ownership with an annuity, or rental; electricity; operations; what carbon and days are worth.
//!
//! Twin: `shaders/model/cost.wgsl`.

use super::goodput::DAY_S;
use super::power::peak_pue;
use super::setting::Setting;
use crate::library::site::Site;

/// Seconds in a year of 365.25 days.
pub const YEAR_S: f64 = 365.25 * 86_400.0;

/// Seconds in a month, by which demand is charged.
pub const MONTH_S: f64 = YEAR_S / 12.0;

/// USD of a run by part; they sum to [`Cost::total`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Capital of chips, servers and network.
    pub chips: f64,
    /// Capital of the building and its plant.
    pub facility: f64,
    pub operations: f64,
    /// Energy and demand.
    pub electricity: f64,
    /// In place of chips, facility, operations and electricity.
    pub rental: f64,
    /// On the emissions of the electricity.
    pub carbon_price: f64,
    /// Worth of the days from now until the run is done.
    pub delay: f64,
}

impl Cost {
    /// USD of the run.
    pub fn total(&self) -> f64 {
        self.chips + self.facility + self.operations + self.electricity + self.rental + self.carbon_price + self.delay
    }
}

/// Capital recovery factor: yearly payment on one dollar over `years` at `rate`.
pub fn annuity(rate: f64, years: f64) -> f64 {
    if rate < 1e-6 {
        return 1.0 / years;
    }
    rate / (1.0 - (-years * (1.0 + rate).ln()).exp())
}

/// Price of a rank with its share of server and network: the all-in price where known, else the server share or the
/// chip with a server around it, and the network; never two of them.
pub fn all_in_usd(setting: &Setting) -> f64 {
    let (chip, a) = (&setting.chip, &setting.assumptions);
    if chip.all_in_usd > 0.0 {
        chip.all_in_usd
    } else if chip.server_share_usd > 0.0 {
        chip.server_share_usd / (1.0 - a.network_share)
    } else {
        chip.chip_usd * a.server_overhead / (1.0 - a.network_share)
    }
}

/// Energy that is billed, J: what is used, or the share of the peak that must be taken or paid for.
pub fn billed_j(site: &Site, peak_it_w: f64, wall_s: f64, facility_j: f64) -> f64 {
    facility_j.max(site.take_or_pay * peak_it_w * peak_pue(site) * wall_s)
}

/// Charge on the facility's peak power over the months of a run, USD.
pub fn demand_usd(site: &Site, peak_it_w: f64, wall_s: f64) -> f64 {
    site.demand_usd_per_w_month * peak_it_w * peak_pue(site) * (wall_s / MONTH_S)
}

/// Seconds from now until the run can start.
pub fn start_delay_s(setting: &Setting) -> f64 {
    setting.assumptions.start_delay_years * YEAR_S
}

/// Money of a run on `ranks` ranks (spares included).
pub fn cost(setting: &Setting, ranks: f64, wall_s: f64, peak_it_w: f64, facility_j: f64) -> Cost {
    let (a, site) = (&setting.assumptions, &setting.site);
    let delay = (start_delay_s(setting) + wall_s) / DAY_S * a.value_of_delay_usd_per_day;
    if setting.rental {
        return Cost { rental: ranks * setting.chip.rental_usd_per_s * wall_s, delay, ..Cost::default() };
    }
    let share = wall_s / YEAR_S / a.utilisation;
    let it_capital = ranks * all_in_usd(setting);
    let facility_capital = site.facility_usd_per_w * peak_it_w;
    Cost {
        chips: it_capital * annuity(site.cost_of_capital, a.it_life_years) * share,
        facility: facility_capital * annuity(site.cost_of_capital, a.facility_life_years) * share,
        operations: (it_capital * a.it_operation_share + peak_it_w * a.facility_operation_usd_per_w) * share,
        electricity: billed_j(site, peak_it_w, wall_s, facility_j) * site.usd_per_j()
            + demand_usd(site, peak_it_w, wall_s),
        rental: 0.0,
        carbon_price: facility_j * site.kg_per_j() * site.carbon_usd_per_kg,
        delay,
    }
}
