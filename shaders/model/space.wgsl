// The plans of a design as one numbered space, which both engines decode alike.
//
// Twin: `src/search/space.rs` (`PlanSpace::decode`). An index may need 64 bits: the host sends its digits in the mixed
// radix of the axes, and the device adds a 32-bit offset to them.

// What the axes do not say; an absent `dp` or `etp` is 0.
struct SpaceRow {
    dp: u32,
    etp: u32,
    expert_tensor_parallel: u32,
    ep_length: u32,
    precision_code: u32,
    batch_target: u32,
    batch_least: u32,
    batch_most: u32,
    ranks: u32,
    least_ranks: u32,
}

// One value an axis: its length, a digit, or what stands at that digit.
struct Axes {
    tp: u32,
    cp: u32,
    pp: u32,
    vpp: u32,
    ep: u32,
    micro_batch: u32,
    recompute: u32,
    shard: u32,
    sequence_parallel: u32,
    fill: u32,
}

// Digits of `base + offset`, the last axis fastest.
fn digits(lengths: Axes, base: Axes, offset: u32) -> Axes {
    let fill = base.fill + offset;
    let sequence_parallel = base.sequence_parallel + fill / lengths.fill;
    let shard = base.shard + sequence_parallel / lengths.sequence_parallel;
    let recompute = base.recompute + shard / lengths.shard;
    let micro_batch = base.micro_batch + recompute / lengths.recompute;
    let ep = base.ep + micro_batch / lengths.micro_batch;
    let vpp = base.vpp + ep / lengths.ep;
    let pp = base.pp + vpp / lengths.vpp;
    let cp = base.cp + pp / lengths.pp;
    let tp = base.tp + cp / lengths.cp;
    return Axes(
        tp % lengths.tp,
        cp % lengths.cp,
        pp % lengths.pp,
        vpp % lengths.vpp,
        ep % lengths.ep,
        micro_batch % lengths.micro_batch,
        recompute % lengths.recompute,
        shard % lengths.shard,
        sequence_parallel % lengths.sequence_parallel,
        fill % lengths.fill,
    );
}

fn gcd(a: u32, b: u32) -> u32 {
    var large = a;
    var small = b;
    while small != 0u {
        let rest = large % small;
        large = small;
        small = rest;
    }
    return large;
}

// `exists` is false where the point is no plan (`None` in the twin).
struct Decoded {
    plan: Plan,
    exists: bool,
}

fn no_plan() -> Decoded {
    return Decoded(Plan(1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 1u, 0u, 0u, 0u, 0u), false);
}

// Tensor-parallel group of an expert.
fn expert_tensor(space: SpaceRow, tp: u32, ep: u32) -> u32 {
    if space.etp != 0u {
        return space.etp;
    }
    return select(1u, tp, space.expert_tensor_parallel != 0u && ep > 0u && space.ep_length > 1u);
}

// The plan at a point, given the values that stand there.
fn decode(space: SpaceRow, at: Axes) -> Decoded {
    let tp = at.tp;
    let cp = at.cp;
    let pp = at.pp;
    let vpp = at.vpp;
    let ep = at.ep;
    let micro_batch = at.micro_batch;
    if pp == 1u && vpp > 1u {
        return no_plan();
    }
    let etp = expert_tensor(space, tp, ep);
    let block = saturating_product(saturating_product(tp, cp), pp);
    let most_dp = select(space.dp, space.ranks / block, space.dp == 0u);
    if most_dp == 0u {
        return no_plan();
    }
    let unit = select(1u, pp, vpp > 1u);
    let per_unit = saturating_product(saturating_product(most_dp, micro_batch), unit);
    let count = space.batch_target / per_unit + at.fill;
    let micro_batches = saturating_product(count, unit);
    if micro_batches == 0u || micro_batches == 4294967295u {
        return no_plan();
    }
    // Fewer replicas where the batch would grow beyond its bound; whole expert groups.
    let by_batch = space.batch_most / saturating_product(micro_batch, micro_batches);
    let step = ep * etp / gcd(ep * etp, tp * cp);
    let dp = select(most_dp, min(most_dp, by_batch) / step * step, space.dp == 0u);
    let batch = saturating_product(saturating_product(dp, micro_batch), micro_batches);
    let used = saturating_product(block, dp);
    if dp == 0u
        || batch < space.batch_least
        || batch > space.batch_most
        || used < space.least_ranks
        || used > space.ranks
    {
        return no_plan();
    }
    return Decoded(
        Plan(
            tp,
            cp,
            pp,
            vpp,
            dp,
            ep,
            etp,
            micro_batch,
            micro_batches,
            at.recompute,
            at.shard,
            select(0u, at.sequence_parallel, tp > 1u),
            space.precision_code,
        ),
        true,
    );
}
