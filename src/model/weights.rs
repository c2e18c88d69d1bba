//! Parameters of a workload in closed form: the counts that publishers state, and the FLOP that they cost.

use crate::library::workload::{Architecture, Counts, Run, Training};

/// Parameters by where they live.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Attention of one layer, biases and norms included.
    pub attention: f64,
    /// Feed-forward of one dense layer.
    pub dense_ffn: f64,
    /// One routed expert.
    pub expert: f64,
    /// Shared experts and router of one MoE layer.
    pub shared: f64,
    pub dense_layers: f64,
    pub moe_layers: f64,
    /// Input embedding and learned positions.
    pub embedding: f64,
    /// LM head; 0 where it shares the input embedding.
    pub head: f64,
    /// Multi-token-prediction modules.
    pub mtp: f64,
}

impl Weights {
    /// Counts the parameters of an architecture.
    pub fn of(a: &Architecture) -> Weights {
        let h = a.hidden;
        let matrices = if a.gated { 3.0 } else { 2.0 };
        let plain = h * a.heads * a.head_dim * 2.0
            + 2.0 * h * a.kv_heads * a.head_dim
            + if a.bias || a.qkv_bias { (a.heads + 2.0 * a.kv_heads) * a.head_dim } else { 0.0 }
            + if a.bias { h } else { 0.0 };
        let qk_dim = a.nope_dim + a.rope_dim;
        let query =
            if a.q_lora > 0.0 { h * a.q_lora + a.q_lora + a.q_lora * a.heads * qk_dim } else { h * a.heads * qk_dim };
        let latent = query
            + h * (a.kv_lora + a.rope_dim)
            + a.kv_lora
            + a.kv_lora * a.heads * (a.nope_dim + a.v_dim)
            + a.heads * a.v_dim * h;
        let attention = if a.kv_lora > 0.0 { latent } else { plain } + 2.0 * h;
        let ffn_bias = if a.bias { a.ffn * (matrices - 1.0) + h } else { 0.0 };
        let dense_ffn = matrices * h * a.ffn + ffn_bias;
        let expert = matrices * h * a.expert_ffn
            + if a.bias && a.experts > 0.0 { a.expert_ffn * (matrices - 1.0) + h } else { 0.0 };
        let shared = if a.experts > 0.0 { matrices * h * a.shared_ffn + h * a.experts } else { 0.0 };
        let last = if a.moe_layers > 0.0 { a.experts * expert + shared } else { dense_ffn };
        Weights {
            attention,
            dense_ffn,
            expert,
            shared,
            dense_layers: a.layers - a.moe_layers,
            moe_layers: a.moe_layers,
            embedding: a.vocab * h + a.positions * h,
            head: if a.tied { 0.0 } else { a.vocab * h },
            mtp: a.mtp_depth * (attention + last + 2.0 * h * h),
        }
    }

    /// Parameters of all layers, with `experts` routed experts a MoE layer.
    pub fn layers(&self, experts: f64) -> f64 {
        (self.dense_layers + self.moe_layers) * self.attention
            + self.dense_layers * self.dense_ffn
            + self.moe_layers * (self.shared + experts * self.expert)
    }

    /// Total parameters, counted as a publisher counts them.
    pub fn total(&self, a: &Architecture, counts: Counts) -> f64 {
        self.counted(a, a.experts, counts)
    }

    /// Parameters that one token visits, counted as a publisher counts them.
    pub fn active(&self, a: &Architecture, counts: Counts) -> f64 {
        self.counted(a, a.top_k, counts)
    }

    fn counted(&self, a: &Architecture, experts: f64, counts: Counts) -> f64 {
        let body = self.layers(experts) + a.hidden;
        match counts {
            Counts::All => body + self.embedding + self.head,
            Counts::NoEmbedding => body,
            Counts::NoInputEmbedding => body + a.vocab * a.hidden,
            Counts::WithMtp => body + self.embedding + self.head + self.mtp,
        }
    }
}

/// Keys that a query attends to on average: the causal half, the window where a layer has one.
pub fn attended(a: &Architecture, seq_len: f64, causal: bool) -> f64 {
    let full = if causal { 0.5 * seq_len } else { seq_len };
    let w = a.window.min(seq_len);
    let local = if causal { w - 0.5 * w * w / seq_len } else { seq_len.min(2.0 * w) };
    (1.0 - a.window_share) * full + a.window_share * local
}

/// Model FLOP of one token: 3 × forward GEMMs with the LM head, active experts only; attention halved when causal.
/// A frozen base needs no weight gradients: 2 × instead of 3 ×.
pub fn model_flop_per_token(a: &Architecture, run: &Run, full_attention: bool) -> f64 {
    let weights = Weights::of(a);
    let (qk_dim, v_dim) = if a.kv_lora > 0.0 { (a.nope_dim + a.rope_dim, a.v_dim) } else { (a.head_dim, a.head_dim) };
    let keys = attended(a, run.seq_len, a.causal && !full_attention);
    let layers = a.layers + a.mtp_depth;
    let linear = weights.layers(a.top_k)
        + a.mtp_depth * (weights.attention + weights.dense_ffn.max(a.top_k * weights.expert))
        + (1.0 + a.mtp_depth) * a.vocab * a.hidden;
    let forward = 2.0 * linear + 2.0 * keys * (qk_dim + v_dim) * a.heads * layers;
    match run.training {
        Training::Full => 3.0 * forward,
        Training::Lora { .. } => 2.0 * forward,
    }
}
