//! Whether a plan can be laid out at all, before anything is timed.
//!
//! Twin: `shaders/model/layout.wgsl`.

use super::Rejection;
use super::plan::{Plan, Reason};
use super::roofline::peak;
use super::setting::Setting;
use crate::library::workload::Precision;

/// Checks divisibility, stages, schedule and precision, in the order of [`Reason`].
pub fn check(setting: &Setting, plan: &Plan) -> Result<(), Rejection> {
    let a = &setting.workload.architecture;
    let reject =
        |reason, found: u32, limit: f64| Err(Rejection { reason, found: f64::from(found), limit, plan: *plan });
    if a.heads as u32 % plan.tp != 0 {
        return reject(Reason::Heads, plan.tp, a.heads);
    }
    if a.experts > 0.0 {
        let span = plan.tp * plan.cp * plan.dp;
        if a.experts as u32 % plan.ep != 0 || span % (plan.ep * plan.etp) != 0 {
            return reject(Reason::Experts, plan.ep, a.experts);
        }
    } else if plan.ep != 1 {
        return reject(Reason::Experts, plan.ep, 1.0);
    }
    if f64::from(plan.pp * plan.vpp) > a.layers + 2.0 || f64::from(plan.pp) > a.layers {
        return reject(Reason::Layers, plan.pp * plan.vpp, a.layers);
    }
    if plan.vpp > 1 && (!setting.stack.interleaving || plan.pp == 1 || plan.micro_batches % plan.pp != 0) {
        return reject(Reason::Schedule, plan.vpp, f64::from(plan.micro_batches));
    }
    if plan.micro_batches == 0 {
        return reject(Reason::Batch, 0, 1.0);
    }
    let lacks_rate = match plan.precision {
        Precision::Fp8 | Precision::Int8 => setting.chip.sustained_eight <= 0.0,
        Precision::Fp4 => setting.chip.sustained_four <= 0.0,
        _ => false,
    };
    if peak(&setting.chip, plan.precision) <= 0.0 || lacks_rate {
        return reject(Reason::Precision, plan.precision as u32, 0.0);
    }
    Ok(())
}
