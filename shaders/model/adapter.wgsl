// What low-rank adapters beside a frozen base add to a layer.
//
// Twin: `src/model/adapter.rs`.

struct AdapterTime {
    forward: f32,
    backward: f32,
    kernels: f32,
    communication: f32,
}

const ADAPTER_KERNELS: f32 = 8.0;

fn adapter_time(setting: Setting, plan: Plan) -> AdapterTime {
    let a = setting.workload;
    let chip = setting.chip;
    if a.training == FULL_TRAINING {
        return AdapterTime(0.0, 0.0, 0.0, 0.0);
    }
    let tp = f32(plan.tp);
    let tokens = divide(f32(plan.micro_batch) * a.seq_len, f32(plan.cp));
    let bytes = select(2.0, 4.0, is_single(plan.precision_code));
    let queries = a.heads * a.head_dim / tp;
    let keys_values = 2.0 * max(a.kv_heads * a.head_dim / tp, a.head_dim);
    let inputs = a.hidden + queries;
    let outputs = queries + keys_values + a.hidden;
    let seconds = tokens * bytes / (chip.hbm_bytes_per_s * chip.hbm_fraction);
    var communication = 0.0;
    if plan.sequence_parallel != 0u {
        communication = all_gather(setting, tokens * a.hidden * bytes, group(setting, plan.tp, 1u));
    }
    return AdapterTime(
        seconds * (inputs + 4.0 * outputs), seconds * (5.0 * inputs + 2.0 * outputs), ADAPTER_KERNELS, communication,
    );
}
