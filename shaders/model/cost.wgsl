// Money of a run: ownership with an annuity, or rental; electricity; operations.
//
// Twin: `src/model/cost.rs`.

const YEAR_S: f32 = 31557600.0;

struct Cost {
    chips: f32,
    facility: f32,
    operations: f32,
    electricity: f32,
    rental: f32,
}

fn cost_total(c: Cost) -> f32 {
    return c.chips + c.facility + c.operations + c.electricity + c.rental;
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

fn cost(setting: Setting, ranks: f32, wall_s: f32, peak_it_w: f32, facility_gj: f32) -> Cost {
    let a = setting.assumptions;
    let site = setting.site;
    let electricity = facility_gj * site.usd_per_gj;
    if setting.design.rental != 0u {
        return Cost(0.0, 0.0, 0.0, 0.0, ranks * setting.chip.rental_usd_per_s * wall_s);
    }
    let share = wall_s / YEAR_S / a.utilisation;
    let it_capital = ranks * all_in_usd(setting);
    let facility_capital = site.facility_usd_per_w * peak_it_w;
    return Cost(
        it_capital * annuity(site.cost_of_capital, a.it_life_years) * share,
        facility_capital * annuity(site.cost_of_capital, a.facility_life_years) * share,
        (it_capital * a.it_operation_share + peak_it_w * a.facility_operation_usd_per_w) * share,
        electricity,
        0.0,
    );
}
