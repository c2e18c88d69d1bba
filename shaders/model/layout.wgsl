// Whether a plan can be laid out at all, before anything is timed.
//
// Twin: `src/model/layout.rs`.

// `reason` is FEASIBLE where nothing speaks against the plan.
struct Rejection {
    reason: u32,
    found: f32,
    limit: f32,
}

fn no_rejection() -> Rejection {
    return Rejection(FEASIBLE, 0.0, 0.0);
}

fn check(setting: Setting, plan: Plan) -> Rejection {
    let a = setting.workload;
    let heads = u32(a.heads);
    if heads % plan.tp != 0u {
        return Rejection(REASON_HEADS, f32(plan.tp), a.heads);
    }
    if a.experts > 0.0 {
        let span = plan.tp * plan.cp * plan.dp;
        if u32(a.experts) % plan.ep != 0u || span % (plan.ep * plan.etp) != 0u {
            return Rejection(REASON_EXPERTS, f32(plan.ep), a.experts);
        }
    } else if plan.ep != 1u {
        return Rejection(REASON_EXPERTS, f32(plan.ep), 1.0);
    }
    if f32(plan.pp * plan.vpp) > a.layers + 2.0 || f32(plan.pp) > a.layers {
        return Rejection(REASON_LAYERS, f32(plan.pp * plan.vpp), a.layers);
    }
    if plan.vpp > 1u && (setting.stack.interleaving == 0u || plan.pp == 1u || plan.micro_batches % plan.pp != 0u) {
        return Rejection(REASON_SCHEDULE, f32(plan.vpp), f32(plan.micro_batches));
    }
    if plan.micro_batches == 0u {
        return Rejection(REASON_BATCH, 0.0, 1.0);
    }
    var lacks_rate = false;
    if plan.precision_code == PRECISION_FP8 || plan.precision_code == PRECISION_INT8 {
        lacks_rate = setting.chip.sustained_eight <= 0.0;
    } else if plan.precision_code == PRECISION_FP4 {
        lacks_rate = setting.chip.sustained_four <= 0.0;
    }
    if peak(setting.chip, plan.precision_code) <= 0.0 || lacks_rate {
        return Rejection(REASON_PRECISION, f32(plan.precision_code), 0.0);
    }
    return no_rejection();
}
