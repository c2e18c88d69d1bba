//! Widths and shifts of measured runs around their estimates: the entry `evidence/spread.toml`.

use std::fmt::Write;

use crate::library::attribute::{Attribute, Need, Shape};
use crate::library::record::{Lacking, Record};
use crate::model::parameters::parameters;

/// Standard normal quantile at 90 %: an 80 % band reaches so many standard deviations to either side.
pub const Z: f64 = 1.281_551_565_544_600_4;

parameters! {
    /// Standard deviations are of ln(measured / estimated); skews multiply them on either side.
    Spread, SPREAD;
    run: "ln", 0.0..=1.0, "sd between runs of one source: what differs from row to row on the same stack";
    stack: "ln", 0.0..=1.0, "sd between sources: the site, the harness and what the stack's facts leave out";
    gemm: "ln", 0.0..=1.0, "further sd where the chip's sustained GEMM rate is assumed, not published";
    chip: "ln", 0.0..=1.0, "further sd of a chip without a measured run";
    moe: "ln", 0.0..=1.0, "further sd of mixtures of experts";
    narrow: "ln", 0.0..=1.0, "further sd of layer GEMMs in 8 or 4 bit";
    adapters: "ln", 0.0..=1.0, "further sd of adapters on a frozen model";
    searched: "ln", 0.0..=1.0, "further sd where tp, pp or the micro-batch was chosen, not stated";
    whole_run: "ln", 0.0..=1.0, "further sd of a run from its first to its last hour, beside that of a step";
    searched_shift: "ln", -0.5..=1.0, "how much slower than the best plan found people's runs are, in the median";
    adapters_shift: "ln", -0.5..=1.0, "likewise of adapters, on top";
    stated_fast: "ratio", 0.1..=5.0, "skew to the fast side, plan stated (1: normal)";
    stated_slow: "ratio", 0.1..=5.0, "skew to the slow side, plan stated";
    searched_fast: "ratio", 0.1..=5.0, "skew to the fast side, plan chosen";
    searched_slow: "ratio", 0.1..=5.0, "skew to the slow side, plan chosen";
    power: "ln", 0.0..=1.0, "sd of a node's power in training";
    power_less: "ratio", 0.1..=5.0, "skew to less power than estimated";
    power_more: "ratio", 0.1..=5.0, "skew to more power than estimated";
    power_chip: "ln", 0.0..=1.0, "further sd of the power of a chip whose nodes were never metered";
    memory: "ln", 0.0..=1.0, "sd of the peak memory of a chip";
    memory_less: "ratio", 0.1..=5.0, "skew to less memory than estimated";
    memory_more: "ratio", 0.1..=5.0, "skew to more memory than estimated";
    new_stack: "ln", 0.0..=1.0, "further sd of a stack without a measured run";
    new_precision: "ln", 0.0..=1.0, "further sd of a precision without a measured run on the chip";
    beyond_chips: "ln", 0.0..=1.0, "further sd per doubling of the chips beyond the largest measured run";
    beyond_size: "ln", 0.0..=1.0, "further sd per doubling of the parameters beyond the largest measured model";
    beyond_sequence: "ln", 0.0..=1.0, "further sd per doubling of the sequence beyond the longest measured one";
    coarse: "ln", 0.0..=1.0, "further sd of a workload given by parameters and tokens alone";
}

/// Quantities whose spread nobody measured: entered by hand, kept by [`toml`].
pub const ASSUMED: [(&str, f64, &str); 8] = [
    ("power_chip", 0.07, "a chip's draw under a GEMM is 0.88 to 1.0 of its limit on the metered ones"),
    ("whole_run", 0.06, "restart, evaluation and failure rate at the edges of their ranges change a run by so much"),
    ("new_stack", 0.07, "as much again as most of the spread between sources"),
    ("new_precision", 0.08, "published 8-bit GEMM rates of one chip differ by so much with their scaling"),
    ("beyond_chips", 0.04, "stragglers and fabric contention beyond the largest measured run"),
    ("beyond_size", 0.02, "larger layers run no other kernels"),
    ("beyond_sequence", 0.04, "context parallelism was measured up to the longest sequence only"),
    ("coarse", 0.15, "6ND arithmetic against architectures of the same size"),
];

impl Spread {
    /// What is believed before any residual is seen: standard deviations of published residual analyses, no skew.
    pub fn prior() -> Spread {
        let mut spread = Spread {
            run: 0.065,
            stack: 0.09,
            gemm: 0.14,
            chip: 0.10,
            moe: 0.15,
            narrow: 0.05,
            adapters: 0.15,
            searched: 0.15,
            whole_run: 0.0,
            searched_shift: 0.0,
            adapters_shift: 0.0,
            stated_fast: 1.0,
            stated_slow: 1.0,
            searched_fast: 1.0,
            searched_slow: 1.0,
            power: 0.09,
            power_less: 1.0,
            power_more: 1.0,
            power_chip: 0.0,
            memory: 0.08,
            memory_less: 1.0,
            memory_more: 1.0,
            new_stack: 0.0,
            new_precision: 0.0,
            beyond_chips: 0.0,
            beyond_size: 0.0,
            beyond_sequence: 0.0,
            coarse: 0.0,
        };
        for (key, value, _) in ASSUMED {
            spread.set(key, value);
        }
        spread
    }

    /// The entry's text, every value with its kind and source. `basis` names the residuals that it was made from.
    pub fn toml(&self, basis: &str) -> String {
        let mut text = String::from("name = \"spread\"\ntitle = \"Spread of measured runs around their estimates\"\n");
        let _ = writeln!(text, "source = {basis:?}");
        text += "kind = \"estimate\"\n";
        text += "note = \"One value for all chips, stacks and sources; written by a command, not typed in.\"\n\n";
        for attribute in SPREAD {
            let key = attribute.key;
            let value = self.get(key).unwrap_or(f64::NAN);
            let _ = match ASSUMED.iter().find(|(assumed, ..)| *assumed == key) {
                Some((.., why)) => {
                    writeln!(text, "{key:<15} = {{ value = {value:?}, kind = \"assumed\", source = {why:?} }}")
                }
                None => writeln!(text, "{key:<15} = {:?}", (value * 1e4).round() / 1e4),
            };
        }
        text
    }
}
