// Carbon of a run: electricity used, and the making of the equipment spread over its life.
//
// Twin: `src/model/carbon.rs`.

struct Emissions {
    operational: f32,
    embodied: f32,
}

fn emissions_total(e: Emissions) -> f32 {
    return e.operational + e.embodied;
}

fn emissions(setting: Setting, ranks: f32, wall_s: f32, facility_gj: f32) -> Emissions {
    let a = setting.assumptions;
    return Emissions(
        facility_gj * setting.site.kg_per_gj,
        ranks * setting.chip.embodied_kg * wall_s / YEAR_S / a.embodied_life_years / a.utilisation,
    );
}
