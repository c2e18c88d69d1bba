//! What a publisher counts as a FLOP, from the words of `flops_convention`.
//!
//! | words | attention | recomputation | used by |
//! |---|---|---|---|
//! | `causal half` | half | no | Megatron-Bridge, Ironwood recipes |
//! | `full non-causal attention`, `6N+12Lds` | full | no | llm-foundry, NeMo 24.07, MaxText, dgxc-benchmarking |
//! | `72BLsh^2(1+s/6h+…)` | full | no | Korthikanti et al. 2022 |
//! | `96BsLh^2(1+s/6h+…)`, `hardware` | full | counted | Narayanan et al. 2021, BLOOM |
//! | nothing of attention | full | no | what was usual when nothing was said |
//!
//! `peak 989 bf16, 1979 fp8` is the rate in TFLOP/s, by precision, over which the publisher states utilisation.

use crate::library::chip::Chip;
use crate::library::workload::Precision;
use crate::model::plan::Recompute;
use crate::model::roofline::half_peak;

/// How FLOP are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convention {
    /// Attention counts all keys, masked or not.
    pub full_attention: bool,
    /// Recomputed forward passes count.
    pub counts_recompute: bool,
    /// FLOP/s of full utilisation, where stated.
    pub peak: Option<f64>,
}

impl Convention {
    /// The convention that a row's words name.
    pub fn of(words: &str, precision: Precision) -> Convention {
        let words = words.to_ascii_lowercase();
        Convention {
            full_attention: !words.contains("causal half"),
            counts_recompute: words.contains("hardware"),
            peak: stated_peak(&words, precision),
        }
    }

    /// What this convention counts over the model FLOP of the same attention.
    pub fn recompute_factor(&self, recompute: Recompute) -> f64 {
        // Forward, forward again and a backward of two forwards.
        if self.counts_recompute && recompute == Recompute::Full { 4.0 / 3.0 } else { 1.0 }
    }

    /// FLOP/s of a chip at full utilisation: as stated, or else its dense 16-bit peak.
    pub fn peak_of(&self, chip: &Chip) -> f64 {
        self.peak.unwrap_or_else(|| half_peak(chip))
    }
}

/// The peak of a precision among `peak 989 bf16, 1979 fp8`; the first where none names it.
fn stated_peak(words: &str, precision: Precision) -> Option<f64> {
    let list = words.split("peak ").nth(1)?.split(';').next()?;
    let peaks: Vec<(f64, &str)> = list
        .split(',')
        .filter_map(|item| {
            let mut parts = item.split_whitespace();
            Some((parts.next()?.parse().ok()?, parts.next().unwrap_or_default()))
        })
        .collect();
    let named = peaks.iter().find(|(_, word)| Precision::parse(word) == Some(precision));
    named.or(peaks.first()).map(|(tera, _)| tera * 1e12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_tables_are_understood() {
        let of = |words| Convention::of(words, Precision::Fp8);
        assert!(!of("model; causal half; active experts").full_attention);
        assert!(of("model; 6N+12Lds; full non-causal attention").full_attention && of("").full_attention);
        let hardware = of("hardware; 96BsLh^2(1+s/6h+V/16Lh); peak 312");
        assert_eq!(hardware.recompute_factor(Recompute::Full), 4.0 / 3.0);
        assert_eq!(hardware.recompute_factor(Recompute::None), 1.0);
        assert_eq!(hardware.peak, Some(312e12));
        assert_eq!(of("model; peak 989 bf16, 1979 fp8").peak, Some(1979e12));
        assert_eq!(Convention::of("peak 989 bf16, 1979 fp8", Precision::Bf16).peak, Some(989e12));
        assert_eq!(of("model; hfu profiled").peak, None);
    }
}
