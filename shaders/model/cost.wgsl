// Money of a run: ownership with an annuity, or rental; electricity; operations; what carbon and days are worth.
//
// Twin: `src/model/cost.rs`.

const YEAR_S: f32 = 31557600.0;
const MONTH_S: f32 = 2629800.0;

struct Cost {
    chips: f32,
    facility: f32,
    operations: f32,
    electricity: f32,
    rental: f32,
    carbon_price: f32,
    delay: f32,
}

fn cost_total(c: Cost) -> f32 {
    return c.chips + c.facility + c.operations + c.electricity + c.rental + c.carbon_price + c.delay;
}

fn annuity(rate: f32, years: f32) -> f32 {
    if rate < 1e-6 {
        return 1.0 / years;
    }
    return rate / -exp_minus_one(-years * ln_one_plus(rate));
}

fn all_in_usd(setting: Setting) -> f32 {
    let chip = setting.chip;
    let a = setting.assumptions;
    if chip.all_in_usd > 0.0 {
        return chip.all_in_usd;
    }
    if chip.server_share_usd > 0.0 {
        return chip.server_share_usd / (1.0 - a.network_share);
    }
    return chip.chip_usd * a.server_overhead / (1.0 - a.network_share);
}

fn billed_gj(site: SiteRow, peak_it_w: f32, wall_s: f32, facility_gj: f32) -> f32 {
    return max(facility_gj, site.take_or_pay * peak_it_w * peak_pue(site) * wall_s * GJ_PER_J);
}

fn demand_usd(site: SiteRow, peak_it_w: f32, wall_s: f32) -> f32 {
    return site.demand_usd_per_w_month * peak_it_w * peak_pue(site) * (wall_s / MONTH_S);
}

fn start_delay_s(setting: Setting) -> f32 {
    return setting.assumptions.start_delay_years * YEAR_S;
}

fn cost(setting: Setting, ranks: f32, wall_s: f32, peak_it_w: f32, facility_gj: f32) -> Cost {
    let a = setting.assumptions;
    let site = setting.site;
    let delay = (start_delay_s(setting) + wall_s) / DAY_S * a.value_of_delay_usd_per_day;
    if setting.design.rental != 0u {
        return Cost(0.0, 0.0, 0.0, 0.0, ranks * setting.chip.rental_usd_per_s * wall_s, 0.0, delay);
    }
    let share = wall_s / YEAR_S / a.utilisation;
    let it_capital = ranks * all_in_usd(setting);
    let facility_capital = site.facility_usd_per_w * peak_it_w;
    return Cost(
        it_capital * annuity(site.cost_of_capital, a.it_life_years) * share,
        facility_capital * annuity(site.cost_of_capital, a.facility_life_years) * share,
        (it_capital * a.it_operation_share + peak_it_w * a.facility_operation_usd_per_w) * share,
        billed_gj(site, peak_it_w, wall_s, facility_gj) * site.usd_per_gj + demand_usd(site, peak_it_w, wall_s),
        0.0,
        facility_gj * site.kg_per_gj * site.carbon_usd_per_kg,
        delay,
    );
}
