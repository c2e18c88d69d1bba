//! Money of a run: ownership with an annuity, or rental; electricity; operations.
//!
//! Twin: `shaders/model/cost.wgsl`.

use super::setting::Setting;

/// Seconds in a year of 365.25 days.
pub const YEAR_S: f64 = 365.25 * 86_400.0;

/// USD of a run by part; they sum to [`Cost::total`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Capital of chips, servers and network.
    pub chips: f64,
    /// Capital of the building and its plant.
    pub facility: f64,
    pub operations: f64,
    pub electricity: f64,
    /// In place of chips, facility and operations.
    pub rental: f64,
}

impl Cost {
    /// USD of the run.
    pub fn total(&self) -> f64 {
        self.chips + self.facility + self.operations + self.electricity + self.rental
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

/// Money of a run on `ranks` ranks (spares included).
pub fn cost(setting: &Setting, ranks: f64, wall_s: f64, peak_it_w: f64, facility_j: f64) -> Cost {
    let (a, site) = (&setting.assumptions, &setting.site);
    let electricity = facility_j * site.usd_per_j();
    if setting.rental {
        return Cost { rental: ranks * setting.chip.rental_usd_per_s * wall_s, electricity: 0.0, ..Cost::default() };
    }
    let share = wall_s / YEAR_S / a.utilisation;
    let it_capital = ranks * all_in_usd(setting);
    let facility_capital = site.facility_usd_per_w * peak_it_w;
    Cost {
        chips: it_capital * annuity(site.cost_of_capital, a.it_life_years) * share,
        facility: facility_capital * annuity(site.cost_of_capital, a.facility_life_years) * share,
        operations: (it_capital * a.it_operation_share + peak_it_w * a.facility_operation_usd_per_w) * share,
        electricity,
        rental: 0.0,
    }
}
