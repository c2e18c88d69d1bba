//! A chip as the model reads it: SI units, every value present.

use super::record::{Lacking, Record};
use crate::model::memory::GIB;

/// Which GEMM and attention kernels exist for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Architecture {
    /// NVIDIA up to Ada: the attention kernels of 2022-23 were written for these.
    Ampere = 0,
    /// NVIDIA Hopper and later: older kernels miss the asynchronous tensor cores.
    Hopper = 1,
    /// Every other vendor: its own kernels.
    Other = 2,
}

/// V_min over V at the clock of a saturated GEMM under TDP, and the clock below which V stays there over that clock: one pair for the power-cap
/// curves of V100, A40, P100 and RTX 6000 (evidence/power_caps.csv), whose throughput it meets within 5 % on average.
const SHARED_VOLTAGE_FLOOR: f64 = 0.7;
const SHARED_VOLTAGE_KNEE: f64 = 0.7;

/// One chip. Figures are per chip; [`crate::model::setting::Setting`] divides them
/// among the ranks that software sees.
#[derive(Clone, Debug)]
pub struct Chip {
    pub name: String,
    pub title: String,
    pub vendor: String,
    /// Name of the reference cluster.
    pub cluster: String,
    pub announced: bool,
    pub architecture: Architecture,
    pub ranks_per_chip: u32,
    /// Dense peaks, FLOP/s; 0 where the chip lacks the precision.
    pub fp32_flops: f64,
    pub fp16_flops: f64,
    pub bf16_flops: f64,
    pub fp8_flops: f64,
    pub fp4_flops: f64,
    pub int8_flops: f64,
    pub memory_bytes: f64,
    pub hbm_bytes_per_s: f64,
    /// One direction, all links together.
    pub scale_up_bytes_per_s: f64,
    pub nic_bytes_per_s: f64,
    /// Few large matrix units (ramp on all sizes) instead of many small ones (tiles and waves).
    pub systolic: bool,
    pub cores: f64,
    pub tile_m: f64,
    pub tile_n: f64,
    /// Best published large GEMM over the dense peak.
    pub sustained_half: f64,
    pub sustained_eight: f64,
    pub sustained_four: f64,
    pub hbm_fraction: f64,
    pub tdp_w: f64,
    pub load_w: f64,
    pub static_w: f64,
    pub idle_w: f64,
    /// Power cap under which the part is shipped (TDP unless stated).
    pub default_cap_w: f64,
    pub cap_min_w: f64,
    pub cap_max_w: f64,
    pub clock_exponent: f64,
    /// V_min over V at the clock of a GEMM under TDP; 0 where an exponent stands in its place.
    pub voltage_floor: f64,
    /// Clock below which V is at its minimum, over the same clock.
    pub voltage_knee: f64,
    /// Server and network, no building; 0 where it must be derived.
    pub all_in_usd: f64,
    pub server_share_usd: f64,
    pub chip_usd: f64,
    pub rental_usd_per_s: f64,
    pub embodied_kg: f64,
    pub mtbf_s: f64,
}

impl Chip {
    /// Reads a chip; the error names every key that an estimate needs and the entry lacks.
    pub fn from_record(record: &Record) -> Result<Chip, Lacking> {
        let mut need = record.needs();
        let tera = |key: &str| record.number(key).unwrap_or(0.0) * 1e12;
        let tdp_w = need.number("tdp_w");
        let load_w = record.number("load_w").unwrap_or(0.95 * tdp_w);
        // Where neither V(f) nor an exponent is stated, the V(f) that the cap curves of four older cards share.
        let stated_exponent = record.number("clock_exponent").filter(|_| record.number("voltage_floor").is_none());
        let voltage = |key: &str, shared: f64| {
            if stated_exponent.is_some() { 0.0 } else { record.number(key).unwrap_or(shared) }
        };
        let chip = Chip {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            vendor: record.text("vendor").unwrap_or_default().to_owned(),
            cluster: record.text("cluster").unwrap_or_default().to_owned(),
            announced: record.text("status") == Some("announced"),
            architecture: match record.text("architecture").unwrap_or("other") {
                "volta" | "pascal" | "ampere" | "ada" => Architecture::Ampere,
                "hopper" | "blackwell" | "rubin" => Architecture::Hopper,
                _ => Architecture::Other,
            },
            ranks_per_chip: record.integer("ranks_per_chip").unwrap_or(1) as u32,
            fp32_flops: tera("fp32_tflops"),
            fp16_flops: tera("fp16_tflops"),
            bf16_flops: tera("bf16_tflops"),
            fp8_flops: tera("fp8_tflops"),
            fp4_flops: tera("fp4_tflops"),
            int8_flops: tera("int8_tops"),
            memory_bytes: need.number("memory_gib") * GIB,
            hbm_bytes_per_s: need.number("hbm_gb_per_s") * 1e9,
            scale_up_bytes_per_s: need.number("scale_up_gb_per_s") * 1e9,
            nic_bytes_per_s: need.number("nic_gb_per_s") * 1e9,
            systolic: need.word("matrix_unit") == "systolic",
            cores: need.integer("cores") as f64,
            tile_m: need.integer("tile_m") as f64,
            tile_n: need.integer("tile_n") as f64,
            sustained_half: need.number("sustained_gemm_16bit"),
            sustained_eight: record.number("sustained_gemm_8bit").unwrap_or(0.0),
            sustained_four: record.number("sustained_gemm_4bit").unwrap_or(0.0),
            hbm_fraction: need.number("hbm_fraction"),
            tdp_w,
            load_w,
            static_w: record.number("static_w").unwrap_or(0.25 * load_w),
            idle_w: need.number("idle_w"),
            default_cap_w: record.number("default_cap_w").unwrap_or(tdp_w),
            cap_min_w: record.number("cap_min_w").unwrap_or(0.0),
            cap_max_w: record.number("cap_max_w").unwrap_or(tdp_w),
            clock_exponent: stated_exponent.unwrap_or(2.2),
            voltage_floor: voltage("voltage_floor", SHARED_VOLTAGE_FLOOR),
            voltage_knee: voltage("voltage_knee", SHARED_VOLTAGE_KNEE),
            all_in_usd: record.number("all_in_usd").unwrap_or(0.0),
            server_share_usd: record.number("server_share_usd").unwrap_or(0.0),
            chip_usd: record.number("chip_usd").unwrap_or(0.0),
            rental_usd_per_s: record.number("rental_usd_per_h").unwrap_or(0.0) / 3600.0,
            embodied_kg: need.number("embodied_kg"),
            mtbf_s: need.number("mtbf_h") * 3600.0,
        };
        if chip.bf16_flops == 0.0 && chip.fp16_flops == 0.0 {
            need.lack("bf16_tflops");
        }
        if chip.all_in_usd == 0.0 && chip.server_share_usd == 0.0 && chip.chip_usd == 0.0 {
            need.lack("all_in_usd");
        }
        need.finish(chip)
    }
}
