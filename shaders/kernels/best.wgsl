// What a search needs to know of one chunk of a space: the best plans of each objective, those that may lie on the frontier
// of time and energy, the rejections nearest to running, and counts.
//
// Few points of a space are plans, and fewer fit into memory. `admit_points` sorts all points out and queues the plans
// that are left, so that the lanes of `time_plans` all have a plan to time; `pick_plans` then lists every plan that
// f32 cannot tell from a winner. No barriers and no shared memory: lanes meet only in atomics.
//
// The time of a layer depends on few axes. `time_layers` tabulates it once a search, for `time_plans_by_layer` to read;
// in narrow formats, where it also depends on the micro-batches, `time_plans` times the layer of each plan.

// Twin: `MOST_PICKED`, `Tally`, `List` in `src/engine/rows.rs`.
const MOST_PICKED = 512u;
// Lists of the four objectives come first.
const LIST_NEAREST = 4u;
const LIST_FRONTIER = 5u;
const LIST_DOUBTFUL = 6u;

// All zero at first.
struct Tally {
    // Plans that `time_plans` has to time.
    queued: atomic<u32>,
    // Standing of the best value of each objective (time, energy, cost, carbon), then of the nearest rejection.
    best: array<atomic<u32>, 5>,
    // Feasible plans, then plans rejected by reason.
    count: array<atomic<u32>, 11>,
    // Plans that came up for each list, of which the first MOST_PICKED are kept.
    picked: array<atomic<u32>, 7>,
    list: array<u32, 3584>,
}

@group(0) @binding(2) var<storage, read_write> tally: Tally;
// Offsets of the plans to time, and what they came to: time, energy at the meter, cost, carbon, energy of the equipment.
@group(0) @binding(3) var<storage, read_write> queue: array<u32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
// How near each point is to running, by offset.
@group(0) @binding(5) var<storage, read_write> nearness: array<u32>;

const FIGURES = 5u;
const TIME = 0u;
const EQUIPMENT = 4u;

// Twin: `Bins` in `src/engine/rows.rs`. Wall times on a logarithmic scale from the chunk's best one on: 2,048 bins an octave
// (the upper 11 bits of the mantissa), two octaves, all longer times in the last bin.
const BINS = 4096u;
const BIN_SHIFT = 12u;

struct Bins {
    // Standing of the least energy of a bin's plans; all zero at first.
    least: array<atomic<u32>, 4096>,
    // The same of all bins before it.
    before: array<u32, 4096>,
}

@group(0) @binding(6) var<storage, read_write> bins: Bins;
@group(0) @binding(7) var<storage, read_write> layers: array<LayerTime>;

// Whole numbers that grow as values fall: the greatest standing belongs to the least value, and 0 to none.
fn standing(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    return select(~(bits ^ 0x80000000u), bits, bits >= 0x80000000u);
}

fn standing_value(place: u32) -> f32 {
    return bitcast<f32>(select(~place ^ 0x80000000u, place, place >= 0x80000000u));
}

// The bin of a wall time that is not below `best`.
fn bin_of(wall_s: f32, best: f32) -> u32 {
    return min((bitcast<u32>(wall_s) >> BIN_SHIFT) - (bitcast<u32>(best) >> BIN_SHIFT), BINS - 1u);
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

fn pick(list: u32, offset: u32) {
    let place = atomicAdd(&tally.picked[list], 1u);
    if place < MOST_PICKED {
        tally.list[list * MOST_PICKED + place] = offset;
    }
}

// Whether f32 cannot tell which of two figures is the larger.
fn near(a: f32, b: f32) -> bool {
    return abs(a - b) <= inputs.near_tie * abs(b);
}

// Whether f32 cannot tell that a plan is rejected. The reference judges and counts it.
fn is_doubtful(rejection: Rejection) -> bool {
    let judged = rejection.reason == REASON_FAILURES || rejection.reason == REASON_SITEPOWER;
    return judged && near(rejection.found, rejection.limit);
}

@compute @workgroup_size(64)
fn admit_points(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let setting = inputs.setting;
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    for (var offset = id.x; offset < inputs.count; offset += 64u * groups.x) {
        nearness[offset] = 0u;
        let point = plan_at(offset);
        if point.exists {
            let held = memory(setting, point.plan);
            let admitted = admit(setting, point.plan, held, clock);
            let fits = admitted.reason == FEASIBLE || admitted.reason == REASON_POWERCAP;
            if (fits || admitted.reason == REASON_MEMORY) && near(memory_peak(held), held.usable) {
                pick(LIST_DOUBTFUL, offset);
            } else if admitted.reason == FEASIBLE {
                queue[atomicAdd(&tally.queued, 1u)] = offset;
            } else {
                reject(offset, admitted);
            }
        }
    }
}

// Where the time of a layer stands in the table: tp, cp, ep, micro-batch, sequence parallelism, and whether no second
// micro-batch is at hand to hide the expert exchange.
fn layer_place(at: Axes, alone: bool) -> u32 {
    let lengths = inputs.lengths;
    let tensor = (at.tp * lengths.cp + at.cp) * lengths.ep + at.ep;
    let batch = (tensor * lengths.micro_batch + at.micro_batch) * lengths.sequence_parallel + at.sequence_parallel;
    return 2u * batch + select(0u, 1u, alone);
}

// Twin: `LayerTime::key` in `src/model/operations.rs`.
@compute @workgroup_size(64)
fn time_layers(@builtin(global_invocation_id) id: vec3<u32>) {
    let setting = inputs.setting;
    let lengths = inputs.lengths;
    let count = 2u * lengths.tp * lengths.cp * lengths.ep * lengths.micro_batch * lengths.sequence_parallel;
    if id.x >= count {
        return;
    }
    let batch = id.x / 2u;
    let tensor = batch / lengths.sequence_parallel / lengths.micro_batch;
    let at = axes_at(Axes(
        tensor / lengths.ep / lengths.cp,
        tensor / lengths.ep % lengths.cp,
        0u,
        0u,
        tensor % lengths.ep,
        batch / lengths.sequence_parallel % lengths.micro_batch,
        0u,
        0u,
        batch % lengths.sequence_parallel,
        0u,
    ));
    let plan = Plan(
        at.tp,
        at.cp,
        1u + id.x % 2u,
        1u,
        1u,
        at.ep,
        expert_tensor(inputs.space, at.tp, at.ep),
        at.micro_batch,
        1u,
        RECOMPUTE_NONE,
        SHARD_FULL,
        select(0u, at.sequence_parallel, at.tp > 1u),
        inputs.space.precision_code,
    );
    layers[id.x] = layer_time(setting, plan, clock_under_cap(setting.chip, setting.design.cap_w));
}

// Notes what a plan came to; standings of its figures, or none.
fn note(place: u32, outcome: Outcome) -> vec4<u32> {
    if outcome.reason == FEASIBLE && !near(outcome.peak_facility_w, inputs.setting.site.cap_w) {
        values[FIGURES * place] = outcome.wall_s;
        values[FIGURES * place + 1u] = outcome.facility_gj;
        values[FIGURES * place + 2u] = outcome.cost_usd;
        values[FIGURES * place + 3u] = outcome.carbon_kg;
        values[FIGURES * place + EQUIPMENT] = outcome.it_gj;
        return vec4<u32>(
            standing(outcome.wall_s),
            standing(outcome.facility_gj),
            standing(outcome.cost_usd),
            standing(outcome.carbon_kg),
        );
    }
    values[FIGURES * place] = 0.0;
    let rejection = Rejection(outcome.reason, outcome.found, outcome.limit);
    if outcome.reason == FEASIBLE || is_doubtful(rejection) {
        pick(LIST_DOUBTFUL, queue[place]);
    } else {
        reject(queue[place], rejection);
    }
    return vec4<u32>(0u);
}

// Adds what an invocation found to the tally.
fn add_up(feasible: u32, best: vec4<u32>) {
    if feasible > 0u {
        atomicAdd(&tally.count[0], feasible);
        atomicMax(&tally.best[0], best.x);
        atomicMax(&tally.best[1], best.y);
        atomicMax(&tally.best[2], best.z);
        atomicMax(&tally.best[3], best.w);
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
        let layer = layer_time(setting, plan, clock);
        let found = note(place, finish(setting, plan, layer, setting.design.ranks, clock, 0.0));
        feasible += select(0u, 1u, found.x != 0u);
        best = max(best, found);
    }
    add_up(feasible, best);
}

@compute @workgroup_size(64)
fn time_plans_by_layer(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let setting = inputs.setting;
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    let queued = atomicLoad(&tally.queued);
    var best = vec4<u32>(0u);
    var feasible = 0u;
    for (var place = id.x; place < queued; place += 64u * groups.x) {
        let at = digits(inputs.lengths, inputs.base, queue[place]);
        let plan = decode(inputs.space, axes_at(at)).plan;
        let layer = layers[layer_place(at, plan.pp > 1u && plan.vpp == 1u)];
        let found = note(place, finish(setting, plan, layer, setting.design.ranks, clock, 0.0));
        feasible += select(0u, 1u, found.x != 0u);
        best = max(best, found);
    }
    add_up(feasible, best);
}

// The least energy of each bin.
@compute @workgroup_size(64)
fn bin_plans(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let queued = atomicLoad(&tally.queued);
    let best = standing_value(atomicLoad(&tally.best[0]));
    for (var place = id.x; place < queued; place += 64u * groups.x) {
        let wall_s = values[FIGURES * place];
        if wall_s > 0.0 {
            atomicMax(&bins.least[bin_of(wall_s, best)], standing(values[FIGURES * place + EQUIPMENT]));
        }
    }
}

// The least energy before each bin. Of one workgroup, each lane takes as many bins as there are lanes.
@compute @workgroup_size(64)
fn join_bins(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x * 64u;
    if first >= BINS {
        return;
    }
    var before = 0u;
    for (var bin = 0u; bin < first; bin += 1u) {
        before = max(before, atomicLoad(&bins.least[bin]));
    }
    for (var bin = first; bin < first + 64u; bin += 1u) {
        bins.before[bin] = before;
        before = max(before, atomicLoad(&bins.least[bin]));
    }
}

@compute @workgroup_size(64)
fn pick_plans(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let queued = atomicLoad(&tally.queued);
    let feasible = atomicLoad(&tally.count[0]);
    let best = standing_value(atomicLoad(&tally.best[0]));
    if feasible > 0u {
        for (var list = 0u; list < 4u; list += 1u) {
            let least = standing_value(atomicLoad(&tally.best[list]));
            let most = least + inputs.near_tie * abs(least);
            for (var place = id.x; place < queued; place += 64u * groups.x) {
                if values[FIGURES * place] > 0.0 && values[FIGURES * place + list] <= most {
                    pick(list, queue[place]);
                }
            }
        }
        for (var place = id.x; place < queued; place += 64u * groups.x) {
            let wall_s = values[FIGURES * place];
            if wall_s > 0.0 {
                // Beaten, beyond what f32 leaves open, where a plan that is surely faster surely needs no more energy.
                let before = bins.before[bin_of(max(wall_s * (1.0 - inputs.near_tie), best), best)];
                let energy = values[FIGURES * place + EQUIPMENT] * (1.0 - inputs.near_tie);
                if before == 0u || standing_value(before) > energy {
                    pick(LIST_FRONTIER, queue[place]);
                }
            }
        }
    }
    // Keys of rejections alike to a few millionths differ by a few tens.
    let nearest = atomicLoad(&tally.best[4]);
    for (var offset = id.x; offset < inputs.count; offset += 64u * groups.x) {
        let near = nearness[offset];
        if near != 0u && nearest - near <= 32u {
            pick(LIST_NEAREST, offset);
        }
    }
}
