// Power of chip, node, fabric and facility, from the phases of a step; energies in GJ.
//
// Twin: `src/model/power.rs`.

const GJ_PER_J: f32 = 1e-9;

fn dynamic_share(chip: ChipRow, clock: f32) -> f32 {
    if chip.voltage_floor > 0.0 && chip.voltage_knee < 1.0 {
        let rise = max((clock - chip.voltage_knee) / (1.0 - chip.voltage_knee), 0.0);
        let volts = chip.voltage_floor + (1.0 - chip.voltage_floor) * rise;
        return clock * volts * volts;
    }
    return pow(clock, chip.clock_exponent);
}

// 0 where the cap is below the static power (`None` in the twin).
fn clock_under_cap(chip: ChipRow, cap_w: f32) -> f32 {
    if cap_w < chip.idle_w {
        return 0.0;
    }
    if cap_w >= chip.load_w {
        return 1.0;
    }
    let share = (cap_w - chip.static_w) / (chip.load_w - chip.static_w);
    if !(share > 0.0) {
        return 0.0;
    }
    var low = 0.0;
    var high = 1.0;
    for (var i = 0u; i < 30u; i += 1u) {
        let middle = 0.5 * (low + high);
        if dynamic_share(chip, middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    let clock = 0.5 * (low + high);
    return select(0.0, clock, clock > 0.05);
}

fn phase_w(chip: ChipRow, share: f32, cap_w: f32) -> f32 {
    return min(share * chip.load_w, cap_w);
}

fn matrix_w(chip: ChipRow, clock: f32, cap_w: f32) -> f32 {
    let dynamic = chip.load_w - chip.static_w;
    return min(chip.static_w + dynamic * dynamic_share(chip, clock), max(cap_w, chip.static_w));
}

fn part_load_pue(pue_full: f32, load: f32) -> f32 {
    return 1.0 + (pue_full - 1.0) * (0.8 + 0.2 / clamp(load, 0.05, 1.0));
}

fn peak_pue(site: SiteRow) -> f32 {
    return part_load_pue(site.pue_full, site.load_share);
}

struct Power {
    rank_training_w: f32,
    peak_it_w: f32,
    peak_facility_w: f32,
    pue: f32,
    matrix_gj: f32,
    memory_bound_gj: f32,
    waiting_gj: f32,
    idle_gj: f32,
    host_gj: f32,
    fabric_gj: f32,
    storage_gj: f32,
    facility_overhead_gj: f32,
}

fn power_it_gj(p: Power) -> f32 {
    return p.matrix_gj + p.memory_bound_gj + p.waiting_gj + p.idle_gj + p.host_gj + p.fabric_gj + p.storage_gj;
}

fn power_facility_gj(p: Power) -> f32 {
    return power_it_gj(p) + p.facility_overhead_gj;
}

fn fabric_w(setting: Setting, ranks: f32) -> f32 {
    let spine = select(0.0, setting.cluster.spine_fabric_w, ranks > setting.cluster.pod_chips);
    return setting.cluster.pod_fabric_w + spine;
}

fn peak_rank_w(setting: Setting, ranks: f32) -> f32 {
    return min(setting.design.cap_w, setting.chip.tdp_w)
        + setting.cluster.node_host_w / setting.cluster.node_chips
        + fabric_w(setting, ranks)
        + setting.cluster.storage_w;
}

fn power(setting: Setting, plan: Plan, ranks: f32, clock: f32, t: StepTime, hours: Wall) -> Power {
    let chip = setting.chip;
    let cluster = setting.cluster;
    let c = setting.calibration;
    let cap_w = setting.design.cap_w;
    let used = f32(plan_ranks(plan));
    let spare = ranks - used;
    let matrix_watts = matrix_w(chip, clock, cap_w);
    let memory_watts = phase_w(chip, c.power_memory_bound, cap_w);
    let waiting_watts = phase_w(chip, c.power_waiting, cap_w);
    let total = step_total(t);
    let matrix_s = hours.training_s * (step_matrix(t) / total);
    let memory_s = hours.training_s * (step_memory_bound(t) / total);
    let waiting_s = hours.training_s * (step_waiting(t) / total) + hours.checkpoint_s;
    let matrix_gj = used * matrix_watts * matrix_s * GJ_PER_J;
    let memory_bound_gj = used * memory_watts * memory_s * GJ_PER_J;
    let waiting_gj = used * waiting_watts * waiting_s * GJ_PER_J;
    let idle_gj = (used * chip.idle_w * hours.idle_s + spare * chip.idle_w * hours.powered_s) * GJ_PER_J;
    let host_w = cluster.node_host_w / cluster.node_chips;
    let busy_s = hours.training_s + hours.checkpoint_s;
    let host_gj = host_w
        * (used * (busy_s + cluster.host_idle_share * hours.idle_s) + spare * cluster.host_idle_share * hours.powered_s)
        * GJ_PER_J;
    let fabric_gj = fabric_w(setting, ranks) * ranks * hours.powered_s * GJ_PER_J;
    let storage_gj = cluster.storage_w * ranks * hours.powered_s * GJ_PER_J;
    let it_gj = matrix_gj + memory_bound_gj + waiting_gj + idle_gj + host_gj + fabric_gj + storage_gj;
    let peak_it_w = ranks * peak_rank_w(setting, ranks);
    let load = it_gj / GJ_PER_J / hours.powered_s / peak_it_w;
    let pue = part_load_pue(setting.site.pue_full, load * setting.site.load_share);
    return Power(
        (matrix_watts * step_matrix(t) + memory_watts * step_memory_bound(t) + waiting_watts * step_waiting(t)) / total,
        peak_it_w,
        peak_it_w * peak_pue(setting.site),
        pue,
        matrix_gj,
        memory_bound_gj,
        waiting_gj,
        idle_gj,
        host_gj,
        fabric_gj,
        storage_gj,
        it_gj * (pue - 1.0),
    );
}
