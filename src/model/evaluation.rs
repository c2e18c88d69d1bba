//! Time of an evaluation between steps: forward passes over a held-out set, in the layout of training.

use super::operations::layer_time;
use super::plan::Plan;
use super::schedule::{exposed_gather, pipeline_message};
use super::setting::Setting;

/// Seconds of one evaluation of `sequences` sequences at a clock ratio.
///
/// Every replica takes its share in whole micro-batches, so that a small set leaves replicas idle; forward passes fill
/// and drain the pipeline once.
pub fn evaluation_time(setting: &Setting, plan: &Plan, clock: f64, sequences: f64) -> f64 {
    let layer = layer_time(setting, plan, clock);
    let (pp, vpp) = (f64::from(plan.pp), f64::from(plan.vpp));
    let waves = (sequences / (f64::from(plan.dp) * f64::from(plan.micro_batch))).ceil();
    let forward = layer.forward.total();
    let layers = setting.workload.architecture.layers;
    let per_layer = forward + exposed_gather(setting, plan, forward);
    let mean = (layers * per_layer + layer.head_forward() + 0.5 * layer.embedding.total()) / pp;
    let message = 0.5 * pipeline_message(setting, plan);
    (waves + (pp - 1.0) / vpp) * (mean + message)
}
