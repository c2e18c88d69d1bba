//! A chip as a claim about data sheets needs it: its peaks and its watts, whatever else the profile lacks.

use crate::library::entry_kind::EntryKind;
use crate::library::record::{Kind, Record};
use crate::library::store::{Library, missing_keys};
use crate::library::workload::Precision;
use crate::uncertainty::exposure::gemm_key;

/// What only watts, money, carbon and failures read, and what stands in for it where a speed alone is asked for.
const BESIDE_SPEED: [(&str, f64); 5] =
    [("tdp_w", 1000.0), ("idle_w", 100.0), ("embodied_kg", 200.0), ("all_in_usd", 50_000.0), ("mtbf_h", 50_000.0)];

/// Peaks and watts of a chip.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    pub vendor: String,
    record: Record,
}

impl Part {
    /// A chip of the library; claims were checked to name only such.
    pub fn of(library: &Library, name: &str) -> Result<Part, String> {
        let record = library.record(EntryKind::Chip, name).map_err(|fault| fault.message())?;
        let vendor = record.text("vendor").unwrap_or_default().to_owned();
        Ok(Part { name: record.name().to_owned(), vendor, record })
    }

    /// Dense peak in a precision, FLOP/s; 0 where none is published.
    pub fn peak(&self, precision: Precision) -> f64 {
        let tera = |key: &str| 1e12 * self.record.number(key).unwrap_or(0.0);
        match precision {
            Precision::Fp32 => tera("fp32_tflops"),
            // Tensor units that take bf16 take tf32 at half its rate (NVIDIA A100 whitepaper, 2020); others have no tf32.
            Precision::Tf32 if self.vendor == "NVIDIA" => 0.5 * tera("bf16_tflops"),
            Precision::Tf32 => 0.0,
            Precision::Fp16 => tera("fp16_tflops").max(tera("bf16_tflops")),
            Precision::Bf16 => tera("bf16_tflops"),
            Precision::Fp8 => tera("fp8_tflops"),
            Precision::Int8 => tera("int8_tops"),
            Precision::Fp4 => tera("fp4_tflops"),
        }
    }

    /// Most of the peak that a large GEMM was ever seen to sustain; all of it where nobody published a rate.
    pub fn ceiling(&self, precision: Precision) -> f64 {
        match self.record.sourced(gemm_key(precision)) {
            Some(rate) if rate.kind != Kind::Assumed => {
                let value = self.record.number(gemm_key(precision)).unwrap_or(1.0);
                rate.range.map_or(value, |(_, high)| high.max(value)).min(1.0)
            }
            _ => 1.0,
        }
    }

    pub fn tdp_w(&self) -> Option<f64> {
        self.record.number("tdp_w")
    }

    /// Whether its TDP is published.
    pub fn tdp_is_published(&self) -> bool {
        self.record.sourced("tdp_w").is_some_and(|tdp| matches!(tdp.kind, Kind::Datasheet | Kind::Measured))
    }

    /// Whether nobody can buy it yet.
    pub fn is_announced(&self) -> bool {
        self.record.text("status") == Some("announced")
    }

    /// What an estimate of a run needs and the profile lacks; of `speed` alone without what only watts, money and carbon read.
    pub fn lacks(&self, speed: bool) -> Option<String> {
        let mut missing = missing_keys(&self.record);
        missing.retain(|key| !speed || !BESIDE_SPEED.iter().any(|(beside, _)| beside == key));
        (!missing.is_empty()).then(|| format!("the profile of {} lacks {}", self.name, missing.join(", ")))
    }

    /// Memory bandwidth, bytes/s; memory, bytes.
    pub fn hbm_bytes_per_s(&self) -> Option<f64> {
        self.record.number("hbm_gb_per_s").map(|gb| gb * 1e9)
    }

    pub fn memory_gib(&self) -> Option<f64> {
        self.record.number("memory_gib")
    }

    pub fn scale_up_gb_per_s(&self) -> Option<f64> {
        self.record.number("scale_up_gb_per_s")
    }

    /// Year and month of its release, where the profile states them: `2020-05`.
    pub fn released(&self) -> Option<&str> {
        self.record.text("released")
    }

    /// Keys that the profile lacks and the time of a step does not read, with values that stand in for them.
    pub fn stand_ins(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let missing = missing_keys(&self.record);
        BESIDE_SPEED.into_iter().filter(move |(key, _)| missing.iter().any(|lacking| lacking == key))
    }

    /// USD per chip-hour on demand, with the range that sources give.
    pub fn rental(&self) -> Option<(f64, (f64, f64))> {
        let value = self.record.number("rental_usd_per_h")?;
        Some((value, self.record.sourced("rental_usd_per_h").and_then(|v| v.range).unwrap_or((value, value))))
    }
}
