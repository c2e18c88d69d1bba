// The best plans of each objective, the rejections nearest to running, and counts, of one chunk of a space.
//
// Few points of a space are plans, and fewer fit into memory. `admit_points` sorts all points out and queues the plans
// that are left, so that the lanes of `time_plans` all have a plan to time; `pick_best` then lists every plan that
// f32 cannot tell from the best one. No barriers and no shared memory: lanes meet only in atomics.

// Twin: `MOST_PICKED`, `Tally` in `src/engine/rows.rs`.
const MOST_PICKED = 256u;

// All zero at first.
struct Tally {
    // Plans that `time_plans` has to time.
    queued: atomic<u32>,
    // Standing of the best value of each objective (time, energy, cost, carbon), then of the nearest rejection.
    best: array<atomic<u32>, 5>,
    // Feasible plans, then plans rejected by reason.
    count: array<atomic<u32>, 11>,
    // Plans that came up for each list, of which the first MOST_PICKED are kept.
    picked: array<atomic<u32>, 5>,
    list: array<u32, 1280>,
}

@group(0) @binding(2) var<storage, read_write> tally: Tally;
// Offsets of the plans to time, and what they came to.
@group(0) @binding(3) var<storage, read_write> queue: array<u32>;
@group(0) @binding(4) var<storage, read_write> values: array<vec4<f32>>;
// How near each point is to running, by offset.
@group(0) @binding(5) var<storage, read_write> nearness: array<u32>;

// Whole numbers that grow as values fall: the greatest standing belongs to the least value, and 0 to none.
fn standing(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    return select(~(bits ^ 0x80000000u), bits, bits >= 0x80000000u);
}

fn standing_value(place: u32) -> f32 {
    return bitcast<f32>(select(~place ^ 0x80000000u, place, place >= 0x80000000u));
}

// Grows with how far the plan got, then as less is missing; 0 belongs to none.
fn nearness_of(rejection: Rejection) -> u32 {
    var ratio = 3e38;
    if rejection.limit > 0.0 {
        ratio = clamp(rejection.found / rejection.limit, 0.0, 3e38);
    }
    return ((rejection.reason % REASON_BATCH + 1u) << 28u) | (0x0fffffffu - (bitcast<u32>(ratio) >> 3u));
}

fn reject(offset: u32, rejection: Rejection) {
    let near = nearness_of(rejection);
    atomicAdd(&tally.count[rejection.reason], 1u);
    atomicMax(&tally.best[4], near);
    nearness[offset] = near;
}

@compute @workgroup_size(64)
fn admit_points(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let setting = inputs.setting;
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    for (var offset = id.x; offset < inputs.count; offset += 64u * groups.x) {
        nearness[offset] = 0u;
        let point = plan_at(offset);
        if point.exists {
            let admitted = admit(setting, point.plan, memory(setting, point.plan), clock);
            if admitted.reason == FEASIBLE {
                queue[atomicAdd(&tally.queued, 1u)] = offset;
            } else {
                reject(offset, admitted);
            }
        }
    }
}

@compute @workgroup_size(64)
fn time_plans(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let setting = inputs.setting;
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    let queued = atomicLoad(&tally.queued);
    var best = vec4<u32>(0u);
    var feasible = 0u;
    for (var place = id.x; place < queued; place += 64u * groups.x) {
        let plan = plan_at(queue[place]).plan;
        let outcome = finish(setting, plan, setting.design.ranks, clock, memory(setting, plan));
        if outcome.reason == FEASIBLE {
            let value = vec4<f32>(outcome.wall_s, outcome.facility_gj, outcome.cost_usd, outcome.carbon_kg);
            values[place] = value;
            best = max(best, vec4<u32>(standing(value.x), standing(value.y), standing(value.z), standing(value.w)));
            feasible += 1u;
        } else {
            values[place] = vec4<f32>(3e38);
            reject(queue[place], Rejection(outcome.reason, outcome.found, outcome.limit));
        }
    }
    if feasible > 0u {
        atomicAdd(&tally.count[0], feasible);
        atomicMax(&tally.best[0], best.x);
        atomicMax(&tally.best[1], best.y);
        atomicMax(&tally.best[2], best.z);
        atomicMax(&tally.best[3], best.w);
    }
}

fn pick(list: u32, offset: u32) {
    let place = atomicAdd(&tally.picked[list], 1u);
    if place < MOST_PICKED {
        tally.list[list * MOST_PICKED + place] = offset;
    }
}

@compute @workgroup_size(64)
fn pick_best(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let queued = atomicLoad(&tally.queued);
    let feasible = atomicLoad(&tally.count[0]);
    for (var list = 0u; list < 4u; list += 1u) {
        let least = standing_value(atomicLoad(&tally.best[list]));
        let most = least + inputs.near_tie * abs(least);
        if feasible > 0u {
            for (var place = id.x; place < queued; place += 64u * groups.x) {
                if values[place][list] <= most {
                    pick(list, queue[place]);
                }
            }
        }
    }
    // Keys of rejections alike to a few millionths differ by a few tens.
    let nearest = atomicLoad(&tally.best[4]);
    for (var offset = id.x; offset < inputs.count; offset += 64u * groups.x) {
        let near = nearness[offset];
        if near != 0u && nearest - near <= 32u {
            pick(4u, offset);
        }
    }
}
