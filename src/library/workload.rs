//! A workload as the model reads it: the shape of the network, the run, the published counts.

use super::record::{Lacking, Record};

/// Number format of the layer GEMMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Precision {
    Fp32 = 0,
    Tf32 = 1,
    Fp16 = 2,
    Bf16 = 3,
    Fp8 = 4,
    Int8 = 5,
    Fp4 = 6,
}

impl Precision {
    pub const ALL: [Precision; 7] = [
        Precision::Fp32,
        Precision::Tf32,
        Precision::Fp16,
        Precision::Bf16,
        Precision::Fp8,
        Precision::Int8,
        Precision::Fp4,
    ];

    /// fp32 or tf32: nothing is kept in 16 bit.
    pub fn is_single(self) -> bool {
        matches!(self, Precision::Fp32 | Precision::Tf32)
    }

    /// Below 16 bit.
    pub fn is_narrow(self) -> bool {
        matches!(self, Precision::Fp8 | Precision::Int8 | Precision::Fp4)
    }

    /// The word of a profile or a command line (`mxfp8` is fp8 with a finer scale, `nvfp4` likewise fp4).
    pub fn parse(word: &str) -> Option<Precision> {
        Some(match word.to_ascii_lowercase().as_str() {
            "fp32" => Precision::Fp32,
            "tf32" => Precision::Tf32,
            "fp16" => Precision::Fp16,
            "bf16" => Precision::Bf16,
            "fp8" | "mxfp8" => Precision::Fp8,
            "int8" => Precision::Int8,
            "fp4" | "nvfp4" | "mxfp4" => Precision::Fp4,
            _ => return None,
        })
    }

    pub fn word(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Tf32 => "tf32",
            Precision::Fp16 => "fp16",
            Precision::Bf16 => "bf16",
            Precision::Fp8 => "fp8",
            Precision::Int8 => "int8",
            Precision::Fp4 => "fp4",
        }
    }
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Training {
    Full,
    /// Frozen base with adapters of this rank.
    Lora {
        rank: f64,
    },
}

/// Which parameters a published count counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    All,
    NoEmbedding,
    NoInputEmbedding,
    WithMtp,
}

/// Shape of a decoder transformer (or encoder, without the causal mask). Counts are kept as f64: they enter formulas.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    pub layers: f64,
    pub hidden: f64,
    pub heads: f64,
    pub kv_heads: f64,
    pub head_dim: f64,
    /// 0 in a MoE model without dense layers.
    pub ffn: f64,
    pub gated: bool,
    pub bias: bool,
    pub qkv_bias: bool,
    pub vocab: f64,
    pub positions: f64,
    pub tied: bool,
    pub causal: bool,
    /// 0: full attention.
    pub window: f64,
    pub window_share: f64,
    /// 0: dense.
    pub experts: f64,
    pub top_k: f64,
    pub expert_ffn: f64,
    /// Width of all shared experts together.
    pub shared_ffn: f64,
    pub moe_layers: f64,
    pub capacity: f64,
    /// Most nodes that a token's experts may lie on; 0: no limit.
    pub route_groups: f64,
    pub q_lora: f64,
    /// 0: not MLA.
    pub kv_lora: f64,
    pub nope_dim: f64,
    pub rope_dim: f64,
    pub v_dim: f64,
    pub mtp_depth: f64,
}

/// The published run, or the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub tokens: f64,
    pub global_batch: f64,
    pub seq_len: f64,
    pub precision: Precision,
    pub training: Training,
    /// Every expert gets as many tokens as any other, as benchmarks force it.
    pub balanced_routing: bool,
}

/// A workload with a known shape, or one given only by its parameters.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: String,
    pub title: String,
    pub architecture: Architecture,
    /// Given only as params and tokens: the architecture is a stand-in of that size, and the estimate is coarse.
    pub coarse: bool,
    pub run: Run,
    pub published_total: Option<(f64, Counts)>,
    pub published_active: Option<(f64, Counts)>,
}

impl Workload {
    /// Reads a workload; the error names what is missing.
    pub fn from_record(record: &Record) -> Result<Workload, Lacking> {
        let mut need = record.needs();
        let coarse = record.number("coarse.params");
        let architecture = match coarse {
            Some(params) if record.integer("architecture.layers").is_none() => {
                Architecture::stand_in(params, record.number("coarse.active_params").unwrap_or(params))
            }
            _ => Architecture::from_record(record, &mut need),
        };
        let counts = |key: &str| match record.text(key) {
            Some("no_embedding") => Counts::NoEmbedding,
            Some("no_input_embedding") => Counts::NoInputEmbedding,
            Some("with_mtp") => Counts::WithMtp,
            _ => Counts::All,
        };
        let workload = Workload {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            architecture,
            coarse: coarse.is_some(),
            run: Run {
                tokens: need.number("run.tokens"),
                global_batch: need.integer("run.global_batch") as f64,
                seq_len: need.integer("run.seq_len") as f64,
                precision: Precision::parse(need.word("run.precision")).unwrap_or(Precision::Bf16),
                training: match record.text("run.training") {
                    Some("lora") => Training::Lora { rank: record.integer("run.lora_rank").unwrap_or(16) as f64 },
                    _ => Training::Full,
                },
                balanced_routing: record.flag("run.balanced_routing").unwrap_or(false),
            },
            published_total: record.number("published.total_params").map(|n| (n, counts("published.total_counts"))),
            published_active: record.number("published.active_params").map(|n| (n, counts("published.active_counts"))),
        };
        need.finish(workload)
    }
}

impl Architecture {
    fn from_record(record: &Record, need: &mut super::record::Needs<'_>) -> Architecture {
        let whole = |key: &str| record.integer(key).map(|n| n as f64);
        let flag = |key: &str, default: bool| record.flag(key).unwrap_or(default);
        let layers = need.integer("architecture.layers") as f64;
        let hidden = need.integer("architecture.hidden") as f64;
        let heads = need.integer("architecture.heads") as f64;
        let experts = whole("architecture.experts").unwrap_or(0.0);
        let ffn = if experts == 0.0 {
            need.integer("architecture.ffn") as f64
        } else {
            whole("architecture.ffn").unwrap_or(0.0)
        };
        let expert_ffn = if experts == 0.0 { 0.0 } else { need.integer("architecture.expert_ffn") as f64 };
        let top_k = if experts == 0.0 { 0.0 } else { need.integer("architecture.top_k") as f64 };
        let dense_layers = whole("architecture.dense_layers").unwrap_or(0.0);
        let every = whole("architecture.moe_every").unwrap_or(1.0);
        let kv_lora = whole("architecture.kv_lora_rank").unwrap_or(0.0);
        let (nope_dim, rope_dim, v_dim) = if kv_lora > 0.0 {
            (
                need.integer("architecture.qk_nope_dim") as f64,
                need.integer("architecture.qk_rope_dim") as f64,
                need.integer("architecture.v_dim") as f64,
            )
        } else {
            (0.0, 0.0, 0.0)
        };
        let window = whole("architecture.sliding_window").unwrap_or(0.0);
        Architecture {
            layers,
            hidden,
            heads,
            kv_heads: whole("architecture.kv_heads").unwrap_or(heads),
            head_dim: whole("architecture.head_dim").unwrap_or(hidden / heads.max(1.0)),
            ffn,
            gated: flag("architecture.gated", true),
            bias: flag("architecture.bias", false),
            qkv_bias: flag("architecture.qkv_bias", false),
            vocab: need.integer("architecture.vocab") as f64,
            positions: whole("architecture.positions").unwrap_or(0.0),
            tied: flag("architecture.tied_embeddings", false),
            causal: flag("architecture.causal", true),
            window,
            window_share: record.number("architecture.sliding_share").unwrap_or(if window > 0.0 { 1.0 } else { 0.0 }),
            experts,
            top_k,
            expert_ffn,
            shared_ffn: whole("architecture.shared_experts").unwrap_or(0.0)
                * whole("architecture.shared_ffn").unwrap_or(expert_ffn),
            moe_layers: if experts > 0.0 { ((layers - dense_layers) / every).floor().max(0.0) } else { 0.0 },
            capacity: record.number("architecture.capacity_factor").unwrap_or(1.0),
            route_groups: whole("architecture.route_groups").unwrap_or(0.0),
            q_lora: whole("architecture.q_lora_rank").unwrap_or(0.0),
            kv_lora,
            nope_dim,
            rope_dim,
            v_dim,
            mtp_depth: whole("architecture.mtp_depth").unwrap_or(0.0),
        }
    }

    /// A Llama-like shape with the asked number of parameters, for workloads given only by their size: width
    /// 128·round(L), aspect ratio 128, gated feed-forward 3.5 h, grouped queries, vocabulary 128k. MoE when
    /// `active < total`: 64 or more fine-grained experts, top 8.
    pub fn stand_in(total: f64, active: f64) -> Architecture {
        let vocab = 128_000.0;
        let size = active.min(total);
        // params = L·(2.25 + 10.5)·h² + 2·V·h with h = 128·L
        let params = |layers: f64| layers * 12.75 * (128.0 * layers).powi(2) + 2.0 * vocab * 128.0 * layers;
        let (mut low, mut high) = (1.0_f64, 4096.0_f64);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if params(middle) < size { low = middle } else { high = middle }
        }
        let layers = high.round().max(1.0);
        let hidden = 128.0 * layers;
        let heads = layers;
        let mut shape = Architecture {
            layers,
            hidden,
            heads,
            kv_heads: (heads / 8.0).ceil(),
            head_dim: 128.0,
            ffn: 0.0,
            gated: true,
            bias: false,
            qkv_bias: false,
            vocab,
            positions: 0.0,
            tied: false,
            causal: true,
            window: 0.0,
            window_share: 0.0,
            experts: 0.0,
            top_k: 0.0,
            expert_ffn: 0.0,
            shared_ffn: 0.0,
            moe_layers: 0.0,
            capacity: 1.0,
            route_groups: 0.0,
            q_lora: 0.0,
            kv_lora: 0.0,
            nope_dim: 0.0,
            rope_dim: 0.0,
            v_dim: 0.0,
            mtp_depth: 0.0,
        };
        let attention = 2.0 * hidden * heads * 128.0 + 2.0 * hidden * shape.kv_heads * 128.0;
        let rest = (size - 2.0 * vocab * hidden) / layers - attention;
        let ffn = (rest / (3.0 * hidden)).max(1.0);
        if total > active * 1.001 {
            shape.top_k = 8.0;
            shape.expert_ffn = (ffn / 8.0).round().max(1.0);
            shape.experts = (8.0 + (total - active) / (layers * 3.0 * hidden * shape.expert_ffn)).round().max(9.0);
            shape.moe_layers = layers;
        } else {
            shape.ffn = ffn.round();
        }
        shape
    }
}
