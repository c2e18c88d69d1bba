// The best point of each objective, the rejection nearest to running, and counts, one record a workgroup.
//
// Few points of a space are plans, and fewer fit into memory. A workgroup first sorts out its points and queues those
// that are left, so that its lanes then time plans side by side instead of waiting for one another.

const LANES = 64u;
const MOST_POINTS = 1024u;
const NOTHING = 4294967295u;
const WORST: f32 = 3e38;

// Twin: `Record` in `src/engine/rows.rs`.
struct Record {
    // By objective: time, energy, cost, carbon.
    value: array<f32, 4>,
    offset: array<u32, 4>,
    nearest_reason: u32,
    nearest_ratio: f32,
    nearest_offset: u32,
    // Feasible plans, then plans rejected by reason.
    count: array<u32, 11>,
}

@group(0) @binding(12) var<storage, read_write> records: array<Record>;

var<workgroup> queue: array<u32, MOST_POINTS>;
var<workgroup> queued: atomic<u32>;
var<workgroup> counts: array<atomic<u32>, 11>;
var<workgroup> lane_value: array<f32, LANES>;
var<workgroup> lane_offset: array<u32, LANES>;
var<workgroup> lane_reason: array<u32, LANES>;

struct Candidate {
    value: f32,
    offset: u32,
}

// The lesser value, the lower index on a tie.
fn better(a: Candidate, value: f32, offset: u32) -> Candidate {
    if value < a.value || (value == a.value && offset < a.offset) {
        return Candidate(value, offset);
    }
    return a;
}

struct Nearest {
    reason: u32,
    ratio: f32,
    offset: u32,
}

// The rejection that got further; between two alike, the lesser excess, then the lower index.
fn nearer(a: Nearest, b: Nearest) -> Nearest {
    if b.offset == NOTHING {
        return a;
    }
    if a.offset == NOTHING {
        return b;
    }
    let rank = a.reason % REASON_BATCH;
    let other = b.reason % REASON_BATCH;
    let closer = b.ratio < a.ratio || (b.ratio == a.ratio && b.offset < a.offset);
    if other > rank || (other == rank && closer) {
        return b;
    }
    return a;
}

fn excess(found: f32, limit: f32) -> f32 {
    return select(WORST, found / limit, limit > 0.0);
}

// The best candidate of all lanes, in every lane's hands.
fn reduce_best(lane: u32, mine: Candidate) -> Candidate {
    lane_value[lane] = mine.value;
    lane_offset[lane] = mine.offset;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let kept = better(
                Candidate(lane_value[lane], lane_offset[lane]), lane_value[lane + half], lane_offset[lane + half],
            );
            lane_value[lane] = kept.value;
            lane_offset[lane] = kept.offset;
        }
        workgroupBarrier();
    }
    let result = Candidate(lane_value[0], lane_offset[0]);
    workgroupBarrier();
    return result;
}

fn reduce_nearest(lane: u32, mine: Nearest) -> Nearest {
    lane_reason[lane] = mine.reason;
    lane_value[lane] = mine.ratio;
    lane_offset[lane] = mine.offset;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let kept = nearer(
                Nearest(lane_reason[lane], lane_value[lane], lane_offset[lane]),
                Nearest(lane_reason[lane + half], lane_value[lane + half], lane_offset[lane + half]),
            );
            lane_reason[lane] = kept.reason;
            lane_value[lane] = kept.ratio;
            lane_offset[lane] = kept.offset;
        }
        workgroupBarrier();
    }
    let result = Nearest(lane_reason[0], lane_value[0], lane_offset[0]);
    workgroupBarrier();
    return result;
}

@compute @workgroup_size(LANES)
fn best(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) workgroup: vec3<u32>) {
    let setting = bound_setting();
    let clock = clock_under_cap(setting.chip, setting.design.cap_w);
    let first = workgroup.x * chunk.tile;
    let last = min(first + chunk.tile, chunk.count);
    if lane < 11u {
        atomicStore(&counts[lane], 0u);
    }
    if lane == 0u {
        atomicStore(&queued, 0u);
    }
    workgroupBarrier();

    var nearest = Nearest(0u, WORST, NOTHING);
    for (var offset = first + lane; offset < last; offset += LANES) {
        let point = plan_at(offset);
        if point.exists {
            let admitted = admit(setting, point.plan, memory(setting, point.plan), clock);
            if admitted.reason == FEASIBLE {
                queue[atomicAdd(&queued, 1u)] = offset;
            } else {
                atomicAdd(&counts[admitted.reason], 1u);
                nearest = nearer(nearest, Nearest(admitted.reason, excess(admitted.found, admitted.limit), offset));
            }
        }
    }
    workgroupBarrier();

    var time = Candidate(WORST, NOTHING);
    var energy = Candidate(WORST, NOTHING);
    var money = Candidate(WORST, NOTHING);
    var carbon = Candidate(WORST, NOTHING);
    let waiting = atomicLoad(&queued);
    for (var place = lane; place < waiting; place += LANES) {
        let offset = queue[place];
        let point = plan_at(offset);
        let outcome = finish(setting, point.plan, setting.design.ranks, clock, memory(setting, point.plan));
        atomicAdd(&counts[outcome.reason], 1u);
        if outcome.reason == FEASIBLE {
            time = better(time, outcome.wall_s, offset);
            energy = better(energy, outcome.facility_gj, offset);
            money = better(money, outcome.cost_usd, offset);
            carbon = better(carbon, outcome.carbon_kg, offset);
        } else {
            nearest = nearer(nearest, Nearest(outcome.reason, excess(outcome.found, outcome.limit), offset));
        }
    }
    workgroupBarrier();

    time = reduce_best(lane, time);
    energy = reduce_best(lane, energy);
    money = reduce_best(lane, money);
    carbon = reduce_best(lane, carbon);
    nearest = reduce_nearest(lane, nearest);
    if lane == 0u {
        records[workgroup.x].value = array<f32, 4>(time.value, energy.value, money.value, carbon.value);
        records[workgroup.x].offset = array<u32, 4>(time.offset, energy.offset, money.offset, carbon.offset);
        records[workgroup.x].nearest_reason = nearest.reason;
        records[workgroup.x].nearest_ratio = nearest.ratio;
        records[workgroup.x].nearest_offset = nearest.offset;
    }
    if lane < 11u {
        records[workgroup.x].count[lane] = atomicLoad(&counts[lane]);
    }
}
