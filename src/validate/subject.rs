//! What a row trained: its own columns over the library's entry of the model.

use super::judged::Obstacle;
use super::table::Row;
use super::vocabulary::{UnknownWord, Words};
use crate::library::chip::Chip;
use crate::library::stack::Stack;
use crate::library::workload::{Architecture, Precision, Run, Training, Workload};
use crate::model::roofline::peak;

/// Vocabulary and sequence length of GPT-2 and GPT-3: what a row without a known model most likely had.
const USUAL_VOCABULARY: f64 = 50_257.0;
const USUAL_SEQUENCE: f64 = 2048.0;
/// Rank of adapters that a row does not state; their cost hardly depends on it.
const ADAPTER_RANK: f64 = 16.0;

/// The workload of a row, and in `inferred` what it does not state.
pub fn workload(
    row: &Row,
    words: &Words,
    known: Option<&Workload>,
    chip: &Chip,
    stack: &Stack,
    inferred: &mut Vec<&'static str>,
) -> Result<Workload, Obstacle> {
    let mut architecture = match (known, row.number("layers"), row.number("hidden"), row.number("heads")) {
        (known, Some(layers), Some(hidden), Some(heads)) => stated(row, words, known, layers, hidden, heads),
        (Some(known), ..) => {
            inferred.push("architecture");
            known.architecture.clone()
        }
        (None, ..) => {
            let Some(active) = row.positive("params_active_B").or(row.positive("params_total_B")) else {
                return Err(Obstacle::states_no("shape, size or known model"));
            };
            inferred.push("architecture");
            let total = row.positive("params_total_B").unwrap_or(active).max(active);
            Architecture::stand_in(total * 1e9, active * 1e9)
        }
    };
    apply_remarks(row, &mut architecture);
    let seq_len = row.number("seq_len").unwrap_or_else(|| {
        inferred.push("seq_len");
        known.map_or(USUAL_SEQUENCE, |known| known.run.seq_len)
    });
    Ok(Workload {
        name: row.text("model_name").to_owned(),
        title: row.text("model_name").to_owned(),
        architecture,
        coarse: false,
        run: Run {
            // Only days, chip-hours and energy depend on it, and they are not predicted without it.
            tokens: row.positive("tokens_total").or(known.map(|known| known.run.tokens)).unwrap_or(1e12),
            global_batch: row.number("global_batch_seqs").unwrap_or(0.0),
            seq_len,
            precision: precision(row, words, chip, stack, inferred)?,
            training: if row.remarked("lora") { Training::Lora { rank: ADAPTER_RANK } } else { Training::Full },
            balanced_routing: row.remarked("balanced routing"),
        },
        published_total: None,
        published_active: None,
    })
}

/// The shape that a row states; what it leaves blank is the known model's, or else a plain GPT's.
fn stated(row: &Row, words: &Words, known: Option<&Workload>, layers: f64, hidden: f64, heads: f64) -> Architecture {
    let model = known.map(|known| &known.architecture);
    let mut shape = model.cloned().unwrap_or_else(|| Architecture::stand_in(1e9, 1e9));
    shape.layers = layers;
    shape.hidden = hidden;
    shape.heads = heads;
    shape.gated = row.number("gated_mlp").map_or(shape.gated, |gated| gated > 0.0);
    if model.is_none() {
        shape.head_dim = hidden / heads;
        shape.tied = !shape.gated;
    }
    shape.kv_heads = row.number("kv_heads").unwrap_or(model.map_or(heads, |model| model.kv_heads));
    shape.ffn =
        row.number("ffn_hidden").or(model.map(|model| model.ffn).filter(|ffn| *ffn > 0.0)).unwrap_or(4.0 * hidden);
    shape.vocab = row.number("vocab").unwrap_or(model.map_or(USUAL_VOCABULARY, |model| model.vocab));
    shape.experts = row.number("experts").unwrap_or(0.0);
    shape.moe_layers = 0.0;
    if shape.experts > 0.0 {
        shape.top_k = row.number("experts_active").unwrap_or(shape.top_k.max(1.0));
        let expert_ffn = if shape.expert_ffn > 0.0 { shape.expert_ffn } else { shape.ffn };
        shape.expert_ffn = row.number("expert_ffn_hidden").unwrap_or(expert_ffn);
        shape.moe_layers = moe_layers(row, layers, model);
    }
    if !words.latent_attention {
        shape.kv_lora = 0.0;
    }
    // A proxy with fewer layers leaves out the token-prediction modules unless its notes say otherwise.
    if model.is_some_and(|model| model.layers > layers) && !row.remarked("mtp") {
        shape.mtp_depth = 0.0;
    }
    shape
}

/// Layers with experts: as the notes say, or the same pattern as the known model has, or all.
fn moe_layers(row: &Row, layers: f64, model: Option<&Architecture>) -> f64 {
    let Some(model) = model.filter(|model| model.moe_layers > 0.0) else { return layers };
    let dense = (model.layers - model.moe_layers).max(0.0);
    if row.remarked("one dense layer") {
        layers - 1.0
    } else if let Some(dense) =
        row.remark_number("proxy of ").filter(|_| row.remarks().any(|r| r.contains(" dense and ")))
    {
        layers - dense
    } else if 2.0 * model.moe_layers <= model.layers {
        // Every second layer.
        (layers / 2.0).floor()
    } else {
        (layers - dense).max(1.0)
    }
}

/// What the notes state beyond the columns.
fn apply_remarks(row: &Row, shape: &mut Architecture) {
    if let Some(head_dim) = row.remark_number("head-dim ").filter(|dim| *dim > 0.0) {
        shape.head_dim = head_dim;
    }
    if row.remarked("encoder") {
        shape.causal = false;
    }
    if row.remarked("no mtp") {
        shape.mtp_depth = 0.0;
    }
    if row.remarked("tied embeddings") {
        shape.tied = true;
    }
    if row.remarked("untied embeddings") {
        shape.tied = false;
    }
}

/// The precision stated; 16-bit where none is. A stated one that the chip or the stack lacks is refused, never replaced.
fn precision(
    row: &Row,
    words: &Words,
    chip: &Chip,
    stack: &Stack,
    inferred: &mut Vec<&'static str>,
) -> Result<Precision, Obstacle> {
    let Some(precision) = words.precision else {
        inferred.push("precision");
        return Ok(if chip.bf16_flops > 0.0 { Precision::Bf16 } else { Precision::Fp16 });
    };
    let word = row.text("precision");
    let refused = |message: String, help: &str| {
        Err(Obstacle::Refused(UnknownWord {
            column: "precision",
            word: word.to_owned(),
            message,
            help: help.to_owned(),
        }))
    };
    if peak(chip, precision) <= 0.0 {
        return refused(
            format!("{} has no rate in {word}", chip.name),
            "state the precision that the chip computed in",
        );
    }
    if !stack.trains_in(precision) {
        return refused(
            format!("{} does not train in {word}", stack.name),
            "name a stack that does, in the column `stack`",
        );
    }
    Ok(precision)
}
