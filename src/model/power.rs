//! Power of chip, node, fabric and facility, from the phases of a step.
//!
//! Twin: `shaders/model/power.wgsl`. Each watt belongs to one level: chip, node, fabric, storage, facility.
//!
//! A phase k draws P_k = P_static + (a_k·P_load − P_static)·r·(V(r)/V(1))² at the clock ratio r. A cap holds in every
//! phase by itself and lowers r until P_k ≤ cap: matrix work slows, memory and links keep their pace. That the cap holds
//! phase by phase, not on the mean, is what makes measured power lie below a cap that already costs speed.
//!
//! The law is checked on the cap curves of V100, A40, P100 and RTX 6000 (`evidence/power_caps.csv`). What carries over to
//! newer chips: the form (linear below a voltage floor, steeper above it), a static share near 0.25 and memory-bound
//! phases that a cap spares. What does not: floor and knee. A chip whose GEMM stays below the top clock under TDP
//! (H100, B200, MI300X) starts lower on its V(f), so a cap costs it speed sooner; its floor and knee are derived, not
//! measured, and known to 0.7-1.0. The one check is Meta's 500 W H100.

use super::goodput::Wall;
use super::plan::Plan;
use super::schedule::StepTime;
use super::setting::Setting;
use crate::library::chip::Chip;
use crate::library::site::Site;

/// Dynamic power at a clock ratio over that at ratio 1, the clock of a saturated GEMM under TDP: r·(V(r)/V(1))², V flat
/// below the knee and linear above; r to a stated exponent where that replaces V(f).
pub fn dynamic_share(chip: &Chip, clock: f64) -> f64 {
    if chip.voltage_floor > 0.0 && chip.voltage_knee < 1.0 {
        let rise = ((clock - chip.voltage_knee) / (1.0 - chip.voltage_knee)).max(0.0);
        let volts = chip.voltage_floor + (1.0 - chip.voltage_floor) * rise;
        clock * volts * volts
    } else {
        clock.powf(chip.clock_exponent)
    }
}

/// Highest clock ratio at which a saturated GEMM stays under the cap; `None` where the cap is below the static or the
/// idle power.
pub fn clock_under_cap(chip: &Chip, cap_w: f64) -> Option<f64> {
    if cap_w < chip.idle_w {
        return None;
    }
    if cap_w >= chip.load_w {
        return Some(1.0);
    }
    let share = (cap_w - chip.static_w) / (chip.load_w - chip.static_w);
    if share <= 0.0 || share.is_nan() {
        return None;
    }
    // dynamic_share is monotone in the clock: bisect.
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if dynamic_share(chip, middle) < share { low = middle } else { high = middle }
    }
    let clock = 0.5 * (low + high);
    (clock > 0.05).then_some(clock)
}

/// Watts of a phase that draws `share` of the power of a saturated GEMM, under a cap.
pub fn phase_w(chip: &Chip, share: f64, cap_w: f64) -> f64 {
    (share * chip.load_w).min(cap_w)
}

/// Watts of matrix work at a clock ratio, under a cap.
pub fn matrix_w(chip: &Chip, clock: f64, cap_w: f64) -> f64 {
    let dynamic = chip.load_w - chip.static_w;
    (chip.static_w + dynamic * dynamic_share(chip, clock)).min(cap_w.max(chip.static_w))
}

/// PUE at a part load (IT power over its design peak).
pub fn part_load_pue(pue_full: f64, load: f64) -> f64 {
    1.0 + (pue_full - 1.0) * (0.8 + 0.2 / load.clamp(0.05, 1.0))
}

/// Power while training and averaged over the run, W, and the energy by level, J. All for the whole cluster unless said
/// otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Power {
    /// One rank while training.
    pub rank_training_w: f64,
    pub peak_it_w: f64,
    pub peak_facility_w: f64,
    pub pue: f64,
    /// Energy of the chips in matrix, memory-bound and waiting phases, and standing still.
    pub matrix_j: f64,
    pub memory_bound_j: f64,
    pub waiting_j: f64,
    pub idle_j: f64,
    pub host_j: f64,
    pub fabric_j: f64,
    pub storage_j: f64,
    /// Cooling and power conversion of the facility.
    pub facility_overhead_j: f64,
}

impl Power {
    /// Energy at the IT equipment's inputs.
    pub fn it_j(&self) -> f64 {
        self.matrix_j
            + self.memory_bound_j
            + self.waiting_j
            + self.idle_j
            + self.host_j
            + self.fabric_j
            + self.storage_j
    }
    /// The same equipment's power behind the meter of a site.
    pub fn at_site(self, site: &Site, wall_s: f64) -> Power {
        let it_j = self.it_j();
        let pue = part_load_pue(site.pue_full, it_j / wall_s / self.peak_it_w);
        Power { peak_facility_w: self.peak_it_w * site.pue_full, pue, facility_overhead_j: it_j * (pue - 1.0), ..self }
    }
    /// Energy at the meter.
    pub fn facility_j(&self) -> f64 {
        self.it_j() + self.facility_overhead_j
    }
    /// Names and joules of the causes; they sum to [`Power::facility_j`].
    pub fn causes(&self) -> [(&'static str, f64); 8] {
        [
            ("chip_matrix", self.matrix_j),
            ("chip_memory_bound", self.memory_bound_j),
            ("chip_waiting", self.waiting_j),
            ("chip_idle", self.idle_j),
            ("host", self.host_j),
            ("fabric", self.fabric_j),
            ("storage", self.storage_j),
            ("cooling_and_losses", self.facility_overhead_j),
        ]
    }
}

/// Fabric watts per rank: switches and optics of the pod, and of the spine where a run spans pods.
pub fn fabric_w(setting: &Setting, ranks: f64) -> f64 {
    let spine = if ranks > setting.cluster.pod_chips { setting.cluster.spine_fabric_w } else { 0.0 };
    setting.cluster.pod_fabric_w + spine
}

/// Peak IT power of a rank with its share of host, fabric and storage: every chip at its cap.
pub fn peak_rank_w(setting: &Setting, ranks: f64) -> f64 {
    setting.cap_w.min(setting.chip.tdp_w)
        + setting.cluster.node_host_w / setting.cluster.node_chips
        + fabric_w(setting, ranks)
        + setting.cluster.storage_w
}

/// Power and energy of a run on `ranks` ranks, of which the plan uses `plan.ranks()` and the rest are spares.
pub fn power(setting: &Setting, plan: &Plan, ranks: f64, clock: f64, step: &StepTime, wall: &Wall) -> Power {
    let (chip, cluster, c) = (&setting.chip, &setting.cluster, &setting.calibration);
    let used = plan.ranks() as f64;
    let spare = ranks - used;
    let matrix_w = matrix_w(chip, clock, setting.cap_w);
    let memory_w = phase_w(chip, c.power_memory_bound, setting.cap_w);
    let waiting_w = phase_w(chip, c.power_waiting, setting.cap_w);
    let total = step.total();
    let matrix_s = wall.training_s * step.matrix() / total;
    let memory_s = wall.training_s * step.memory_bound() / total;
    let waiting_s = wall.training_s * step.waiting() / total + wall.checkpoint_s;
    let matrix_j = used * matrix_w * matrix_s;
    let memory_bound_j = used * memory_w * memory_s;
    let waiting_j = used * waiting_w * waiting_s;
    let idle_j = used * chip.idle_w * wall.idle_s + spare * chip.idle_w * wall.wall_s;
    let host_w = cluster.node_host_w / cluster.node_chips;
    let busy_s = wall.training_s + wall.checkpoint_s;
    let host_j = host_w
        * (used * (busy_s + cluster.host_idle_share * wall.idle_s) + spare * cluster.host_idle_share * wall.wall_s);
    let fabric_j = fabric_w(setting, ranks) * ranks * wall.wall_s;
    let storage_j = cluster.storage_w * ranks * wall.wall_s;
    Power {
        rank_training_w: (matrix_w * step.matrix() + memory_w * step.memory_bound() + waiting_w * step.waiting())
            / total,
        peak_it_w: ranks * peak_rank_w(setting, ranks),
        peak_facility_w: 0.0,
        pue: 1.0,
        matrix_j,
        memory_bound_j,
        waiting_j,
        idle_j,
        host_j,
        fabric_j,
        storage_j,
        facility_overhead_j: 0.0,
    }
    .at_site(&setting.site, wall.wall_s)
}
