//! What low-rank adapters beside a frozen base add to a layer: memory traffic, kernels, gathers.
//!
//! Twin: `shaders/model/adapter.wgsl`. Adapters stand beside the query-key-value and the output projection, the usual
//! targets (Hu et al., "LoRA" 2021; the MLPerf fine-tuning benchmark). Their FLOP are negligible, their traffic is not:
//! every adapter reads its input and adds a full-width product to the base's.

use super::network::{all_gather, group};
use super::plan::Plan;
use super::setting::Setting;
use crate::library::workload::Training;

/// Work of a layer's adapters in one micro-batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdapterTime {
    /// Seconds of memory-bound kernels, forward and backward.
    pub forward: f64,
    pub backward: f64,
    /// Kernels of a pass.
    pub kernels: f64,
    /// Seconds of gathers of a pass.
    pub communication: f64,
}

/// Down and up projection, scaling, and the sum, for each of two adapters.
const KERNELS: f64 = 8.0;

/// Times the adapters of one layer; nothing where all parameters are trained.
///
/// Forward, an adapter of a k × n layer reads its input (k), writes its product and adds it to the base's (4 n).
/// Backward it reads the output gradient for each of its two matrices (2 n), its input, and adds its input gradient
/// (5 k). Where the input is sharded by sequence parallelism, the adapter gathers it once more.
pub fn adapter_time(setting: &Setting, plan: &Plan) -> AdapterTime {
    if setting.workload.run.training == Training::Full {
        return AdapterTime::default();
    }
    let (a, chip) = (&setting.workload.architecture, &setting.chip);
    let (tp, cp) = (f64::from(plan.tp), f64::from(plan.cp));
    let tokens = f64::from(plan.micro_batch) * setting.workload.run.seq_len / cp;
    let bytes = if plan.precision.is_single() { 4.0 } else { 2.0 };
    let queries = a.heads * a.head_dim / tp;
    let keys_values = 2.0 * (a.kv_heads * a.head_dim / tp).max(a.head_dim);
    let inputs = a.hidden + queries;
    let outputs = queries + keys_values + a.hidden;
    let seconds = |width: f64| tokens * bytes * width / (chip.hbm_bytes_per_s * chip.hbm_fraction);
    AdapterTime {
        forward: seconds(inputs + 4.0 * outputs),
        backward: seconds(5.0 * inputs + 2.0 * outputs),
        kernels: KERNELS,
        communication: if plan.sequence_parallel {
            all_gather(setting, tokens * a.hidden * bytes, group(setting, plan.tp, 1))
        } else {
            0.0
        },
    }
}
