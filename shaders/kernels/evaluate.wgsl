// One outcome a point of the chunk.

@group(0) @binding(12) var<storage, read_write> outcomes: array<Outcome>;

@compute @workgroup_size(64)
fn evaluate(@builtin(global_invocation_id) id: vec3<u32>) {
    let offset = id.x;
    if offset >= chunk.count {
        return;
    }
    let point = plan_at(offset);
    if point.exists {
        outcomes[offset] = estimate(bound_setting(), point.plan);
    } else {
        outcomes[offset] = rejected(Rejection(NO_PLAN, 0.0, 0.0), 0.0);
    }
}
