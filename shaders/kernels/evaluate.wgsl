// One outcome a point of the chunk.

@group(0) @binding(2) var<storage, read_write> outcomes: array<Outcome>;

@compute @workgroup_size(64)
fn evaluate(@builtin(global_invocation_id) id: vec3<u32>) {
    let offset = id.x;
    if offset >= inputs.count {
        return;
    }
    let point = plan_at(offset);
    if point.exists {
        outcomes[offset] = estimate(inputs.setting, point.plan);
    } else {
        outcomes[offset] = rejected(Rejection(NO_PLAN, 0.0, 0.0), 0.0);
    }
}
