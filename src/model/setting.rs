//! What one evaluation reads besides the plan, with every figure per rank.

use super::parameters::{Assumptions, Calibration};
use crate::library::chip::Chip;
use crate::library::cluster::Cluster;
use crate::library::site::Site;
use crate::library::stack::Stack;
use crate::library::workload::Workload;

/// Chip, cluster, workload, stack, site and constants of an evaluation.
///
/// Software may see a chip as several ranks (Trainium1 cores, MI250X dies). `chip` and `cluster` hold figures *per
/// rank*, so that no stage has to think about it; [`Setting::ranks_per_chip`] turns results back into chips.
#[derive(Clone, Debug)]
pub struct Setting {
    pub chip: Chip,
    pub cluster: Cluster,
    pub workload: Workload,
    pub stack: Stack,
    pub site: Site,
    pub calibration: Calibration,
    pub assumptions: Assumptions,
    /// Power cap per rank, W.
    pub cap_w: f64,
    pub ranks_per_chip: f64,
    /// Rent the chips instead of owning them.
    pub rental: bool,
}

impl Setting {
    /// Joins the parts of an evaluation. `power_cap_w` is per chip; `None` is the cap under which the part is shipped.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        chip: &Chip,
        cluster: &Cluster,
        workload: &Workload,
        stack: &Stack,
        site: &Site,
        calibration: Calibration,
        assumptions: Assumptions,
        power_cap_w: Option<f64>,
    ) -> Setting {
        let ranks = f64::from(chip.ranks_per_chip);
        let mut rank = chip.clone();
        let cap_w = power_cap_w.unwrap_or(chip.default_cap_w) / ranks;
        // A run that starts later runs on later chips: faster and larger by the gain, at the same watts and price.
        let gain = assumptions.chip_gain_per_year.powf(assumptions.start_delay_years);
        for figure in [
            &mut rank.fp32_flops,
            &mut rank.fp16_flops,
            &mut rank.bf16_flops,
            &mut rank.fp8_flops,
            &mut rank.fp4_flops,
            &mut rank.int8_flops,
            &mut rank.memory_bytes,
            &mut rank.hbm_bytes_per_s,
            &mut rank.scale_up_bytes_per_s,
            &mut rank.nic_bytes_per_s,
        ] {
            *figure = *figure / ranks * gain;
        }
        for figure in [
            &mut rank.tdp_w,
            &mut rank.load_w,
            &mut rank.static_w,
            &mut rank.idle_w,
            &mut rank.default_cap_w,
            &mut rank.cap_min_w,
            &mut rank.cap_max_w,
            &mut rank.all_in_usd,
            &mut rank.server_share_usd,
            &mut rank.chip_usd,
            &mut rank.rental_usd_per_s,
            &mut rank.embodied_kg,
        ] {
            *figure /= ranks;
        }
        rank.cores = (rank.cores / ranks).max(1.0);
        rank.mtbf_s *= ranks;
        let mut racks = cluster.clone();
        racks.node_chips *= ranks;
        racks.domain_chips *= ranks;
        racks.pod_chips *= ranks;
        for figure in [
            &mut racks.scale_up_bytes_per_s,
            &mut racks.nic_bytes_per_s,
            &mut racks.pod_fabric_w,
            &mut racks.spine_fabric_w,
            &mut racks.storage_bytes_per_s,
            &mut racks.storage_w,
        ] {
            *figure /= ranks;
        }
        racks.scale_up_bytes_per_s *= gain;
        racks.nic_bytes_per_s *= gain;
        if racks.scale_up_bytes_per_s > 0.0 {
            rank.scale_up_bytes_per_s = racks.scale_up_bytes_per_s;
        }
        if racks.nic_bytes_per_s > 0.0 {
            rank.nic_bytes_per_s = racks.nic_bytes_per_s;
        }
        Setting {
            chip: rank,
            cluster: racks,
            workload: workload.clone(),
            stack: stack.clone(),
            site: site.clone(),
            calibration,
            assumptions,
            cap_w,
            ranks_per_chip: ranks,
            rental: false,
        }
    }
}
