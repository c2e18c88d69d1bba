// A run on a plan: layout → memory → clock → step → goodput → power → cost → carbon.
//
// Twin: `src/model/mod.rs` (`estimate`, `finish`).

fn rejected(rejection: Rejection, memory_bytes: f32) -> Outcome {
    return Outcome(
        rejection.reason, rejection.found, rejection.limit, memory_bytes, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    );
}

// The rejections that need no time: layout, memory, power cap. Cheap enough to sort plans out before they are timed.
// `clock` is that of `clock_under_cap`.
fn admit(setting: Setting, plan: Plan, held: Memory, clock: f32) -> Rejection {
    let laid_out = check(setting, plan);
    if laid_out.reason != FEASIBLE {
        return laid_out;
    }
    if memory_peak(held) > held.usable {
        return Rejection(REASON_MEMORY, memory_peak(held), held.usable);
    }
    if clock == 0.0 {
        return Rejection(REASON_POWERCAP, setting.design.cap_w, setting.chip.static_w);
    }
    return no_rejection();
}

fn estimate(setting: Setting, plan: Plan) -> Outcome {
    let held = memory(setting, plan);
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    let admitted = admit(setting, plan, held, clock);
    if admitted.reason != FEASIBLE {
        return rejected(admitted, memory_peak(held));
    }
    return finish(setting, plan, layer_time(setting, plan, clock), setting.design.ranks, clock, memory_peak(held));
}

// From the time of a layer to everything that the run comes to.
fn finish(setting: Setting, plan: Plan, layer: LayerTime, ranks: f32, clock: f32, memory_bytes: f32) -> Outcome {
    let t = step_time_of(setting, plan, layer);
    let step_s = step_total(t);
    let run = setting.workload;
    let batch_tokens = f32(plan_global_batch(plan)) * run.seq_len;
    let steps = run.tokens * token_growth(setting, batch_tokens) / batch_tokens;
    let hours = wall(setting, f32(plan_ranks(plan)), steps * step_s);
    if !(hours.progress >= LEAST_GOODPUT) {
        return rejected(Rejection(REASON_FAILURES, hours.progress, LEAST_GOODPUT), memory_bytes);
    }
    let watts = power(setting, plan, ranks, clock, t, hours);
    if watts.peak_facility_w > setting.site.cap_w * 1.000001 {
        return rejected(Rejection(REASON_SITEPOWER, watts.peak_facility_w, setting.site.cap_w), memory_bytes);
    }
    let dollars = cost(setting, ranks, hours.wall_s, watts.peak_it_w, power_facility_gj(watts));
    let carbon = emissions(setting, ranks, hours.wall_s, power_facility_gj(watts));
    return Outcome(
        FEASIBLE,
        0.0,
        0.0,
        memory_bytes,
        step_s,
        hours.goodput,
        hours.wall_s,
        power_facility_gj(watts),
        power_it_gj(watts),
        cost_total(dollars),
        emissions_total(carbon),
        watts.peak_facility_w,
    );
}
