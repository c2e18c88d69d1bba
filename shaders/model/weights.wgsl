// Parameters of a workload in closed form.
//
// Twin: `src/model/weights.rs` (`Weights::of`, `attended`); what only reports need stays there.

struct Weights {
    attention: f32,
    dense_ffn: f32,
    expert: f32,
    shared_experts: f32,
}

fn weights_of(a: WorkloadRow) -> Weights {
    let h = a.hidden;
    let matrices = select(2.0, 3.0, a.gated != 0u);
    let plain = h * a.heads * a.head_dim * 2.0
        + 2.0 * h * a.kv_heads * a.head_dim
        + select(0.0, (a.heads + 2.0 * a.kv_heads) * a.head_dim, a.bias != 0u || a.qkv_bias != 0u)
        + select(0.0, h, a.bias != 0u);
    let qk_dim = a.nope_dim + a.rope_dim;
    let query = select(h * a.heads * qk_dim, h * a.q_lora + a.q_lora + a.q_lora * a.heads * qk_dim, a.q_lora > 0.0);
    let latent = query
        + h * (a.kv_lora + a.rope_dim)
        + a.kv_lora
        + a.kv_lora * a.heads * (a.nope_dim + a.v_dim)
        + a.heads * a.v_dim * h;
    let attention = select(plain, latent, a.kv_lora > 0.0) + 2.0 * h;
    let ffn_bias = select(0.0, a.ffn * (matrices - 1.0) + h, a.bias != 0u);
    let dense_ffn = matrices * h * a.ffn + ffn_bias;
    let expert = matrices * h * a.expert_ffn
        + select(0.0, a.expert_ffn * (matrices - 1.0) + h, a.bias != 0u && a.experts > 0.0);
    let shared_experts = select(0.0, matrices * h * a.shared_ffn + h * a.experts, a.experts > 0.0);
    return Weights(attention, dense_ffn, expert, shared_experts);
}

// Keys that a query attends to on average: the causal half, the window where a layer has one.
fn attended(a: WorkloadRow, seq_len: f32, causal: bool) -> f32 {
    let full = select(seq_len, 0.5 * seq_len, causal);
    let w = min(a.window, seq_len);
    let local = select(min(seq_len, 2.0 * w), w - 0.5 * w * w / seq_len, causal);
    return (1.0 - a.window_share) * full + a.window_share * local;
}
