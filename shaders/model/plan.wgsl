// What follows from a plan's sizes.
//
// Twin: `src/model/plan.rs`. Ranks and sequences fit into 32 bits: the space lets no larger plan through.

fn plan_ranks(plan: Plan) -> u32 {
    return plan.tp * plan.cp * plan.pp * plan.dp;
}

fn plan_global_batch(plan: Plan) -> u32 {
    return plan.dp * plan.micro_batch * plan.micro_batches;
}
