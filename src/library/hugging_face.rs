//! A Hugging Face `config.json` as a workload.
//!
//! Key names are those of the model classes of `transformers`; where a class has a default that the file leaves out,
//! the value is `assumed` and its rule says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::consistency::findings;
use super::diagnostic::{Diagnostic, Fault, Severity, quoted};
use super::entry_kind::EntryKind;
use super::record::{Kind, Origin, Record, Sourced, Value};
use super::shape::{Raw, admit};
use super::source_text::SourceText;

/// Feed-forwards of two matrices.
const UNGATED: [&str; 18] = [
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "gpt_bigcode",
    "falcon",
    "RefinedWeb",
    "RefinedWebModel",
    "opt",
    "bloom",
    "mpt",
    "phi",
    "starcoder2",
    "bert",
    "roberta",
    "distilbert",
    "electra",
    "nemotron",
];
/// Linear layers with biases throughout.
const BIASED: [&str; 12] = [
    "gpt2",
    "gpt_neox",
    "gptj",
    "gpt_bigcode",
    "opt",
    "bloom",
    "phi",
    "starcoder2",
    "bert",
    "roberta",
    "distilbert",
    "electra",
];
/// Biases on q, k and v alone.
const QKV_BIASED: [&str; 4] = ["qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl"];
/// Classes whose LM head shares the input embedding unless the file says otherwise.
const TIED: [&str; 21] = [
    "gpt2",
    "gpt_neo",
    "gpt_bigcode",
    "falcon",
    "RefinedWeb",
    "RefinedWebModel",
    "opt",
    "bloom",
    "mpt",
    "starcoder2",
    "bert",
    "roberta",
    "distilbert",
    "electra",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "cohere",
    "cohere2",
    "command-r",
];
/// Classes with a learned position embedding.
const LEARNED_POSITIONS: [&str; 8] =
    ["gpt2", "gpt_neo", "gpt_bigcode", "opt", "bert", "roberta", "distilbert", "electra"];
/// Encoders: no causal mask.
const ENCODERS: [&str; 6] = ["bert", "roberta", "distilbert", "electra", "xlm-roberta", "modernbert"];

/// Defaults of a run that the file does not describe.
const RUN: [(&str, Value, &str); 3] = [
    ("run.tokens", Value::Number(1e12), "a config describes no run: 1e12 tokens unless --tokens says otherwise"),
    (
        "run.global_batch",
        Value::Integer(1024),
        "a config describes no run: 1,024 sequences unless --global-batch says otherwise",
    ),
    ("run.seq_len", Value::Integer(4096), "a config describes no run: 4,096 tokens unless --seq-len says otherwise"),
];

/// Reads a config as a workload named after the file, or after its folder where the file is just `config.json`.
pub fn read(source: &SourceText) -> Result<Record, Fault> {
    let json: Json = serde_json::from_str(source.text()).map_err(|error| {
        let text = source.text();
        let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = (line_start + error.column().saturating_sub(1)).min(text.len());
        Fault::input(
            Diagnostic::error(format!("this is not valid JSON: {error}"))
                .at(source, at..at + 1)
                .help("a workload is a .toml file of wattline or a Hugging Face config.json"),
        )
    })?;
    let Json::Object(top) = &json else {
        return Err(Fault::input(
            Diagnostic::error("this JSON is no object")
                .at(source, 0..1)
                .help("a Hugging Face config.json is an object"),
        ));
    };
    Config::new(source, top).record()
}

struct Config<'a> {
    source: &'a SourceText,
    top: &'a Map<String, Json>,
    /// The language model's own part, where a multimodal config keeps it apart.
    text: &'a Map<String, Json>,
    model: String,
    values: BTreeMap<String, Sourced>,
    faults: Vec<Diagnostic>,
}

impl<'a> Config<'a> {
    fn new(source: &'a SourceText, top: &'a Map<String, Json>) -> Config<'a> {
        let own = ["hidden_size", "n_embd", "d_model"].iter().any(|key| top.contains_key(*key));
        let nested = ["text_config", "llm_config", "language_config"].iter().find_map(|key| top.get(*key)?.as_object());
        let text = if own { top } else { nested.unwrap_or(top) };
        let word = |map: &Map<String, Json>| map.get("model_type").and_then(Json::as_str).map(str::to_owned);
        let model = word(text).or_else(|| word(top)).unwrap_or_else(|| "unknown".to_owned());
        Config { source, top, text, model, values: BTreeMap::new(), faults: Vec::new() }
    }

    fn is(&self, models: &[&str]) -> bool {
        models.contains(&self.model.as_str())
    }

    /// The first of the keys that is there and not null.
    fn find(&self, keys: &[&'static str]) -> Option<(&'static str, &'a Json)> {
        keys.iter().find_map(|key| self.text.get(*key).filter(|value| !value.is_null()).map(|value| (*key, value)))
    }

    /// A whole number, if there is one; a value of another type is a fault.
    fn whole(&mut self, keys: &[&'static str]) -> Option<(&'static str, u64)> {
        let (key, value) = self.find(keys)?;
        let number =
            value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0).map(|n| n as u64));
        if number.is_none() {
            let diagnostic = self.place(Diagnostic::error(format!("`{key}` must be a whole number")), key);
            self.faults.push(diagnostic.help(format!("found {}", quoted(&value.to_string()))));
        }
        number.map(|number| (key, number))
    }

    fn flag(&self, key: &'static str) -> Option<bool> {
        self.text.get(key).or_else(|| self.top.get(key)).and_then(Json::as_bool)
    }

    /// Points a diagnostic at the first line that mentions a key.
    fn place(&self, diagnostic: Diagnostic, key: &str) -> Diagnostic {
        let needle = format!("\"{key}\"");
        let diagnostic = diagnostic.key(key);
        match self.source.text().find(&needle) {
            Some(at) => diagnostic.at(self.source, at..at + needle.len()),
            None => diagnostic.in_file(self.source.file()),
        }
    }

    fn put(&mut self, key: &str, raw: Raw<'_>, json_key: &str, rule: Option<&str>) {
        let Some(attribute) = EntryKind::Workload.attribute(key) else { return };
        match admit(attribute, json_key, &raw) {
            Ok(value) => {
                let found = self.source.text().find(&format!("\"{json_key}\""));
                let line = found.map_or(0, |at| self.source.line_at(at).0);
                self.insert(key, value, rule, line);
            }
            Err(complaint) => {
                let diagnostic = self.place(Diagnostic::error(complaint.message), json_key);
                self.faults.push(diagnostic.help(complaint.help));
            }
        }
    }

    fn insert(&mut self, key: &str, value: Value, rule: Option<&str>, line: usize) {
        let sourced = Sourced {
            value,
            kind: if rule.is_some() { Kind::Assumed } else { Kind::Datasheet },
            source: Arc::from(format!("Hugging Face config {}", short(self.source.file()))),
            range: None,
            rule: rule.map(str::to_owned),
            origin: Origin { file: self.source.shared_file(), line },
        };
        self.values.insert(key.to_owned(), sourced);
    }

    /// Copies a whole number under the library's key.
    fn copy(&mut self, key: &str, keys: &[&'static str]) -> Option<u64> {
        let (json_key, number) = self.whole(keys)?;
        self.put(key, Raw::Integer(number.into()), json_key, None);
        Some(number)
    }

    /// Copies a whole number without which there is no workload.
    fn need(&mut self, key: &str, keys: &[&'static str]) -> Option<u64> {
        let known = self.find(keys).is_some();
        let number = self.copy(key, keys);
        if !known {
            let main = keys.first().copied().unwrap_or_default();
            let meaning = EntryKind::Workload.attribute(key).map_or("", |attribute| attribute.meaning);
            self.faults.push(
                Diagnostic::error(format!("the config has no `{main}`"))
                    .in_file(self.source.file())
                    .key(main)
                    .help(format!("state the {meaning} as \"{}\"", keys.join("\" or \""))),
            );
        }
        number
    }

    fn record(mut self) -> Result<Record, Fault> {
        self.identity();
        let hidden = self.need("architecture.hidden", &["hidden_size", "n_embd", "d_model", "dim"]);
        let layers = self.need("architecture.layers", &["num_hidden_layers", "n_layer", "n_layers", "num_layers"]);
        let heads = self.need("architecture.heads", &["num_attention_heads", "n_head", "n_heads", "num_heads"]);
        self.need("architecture.vocab", &["vocab_size"]);
        self.attention(heads);
        self.window(layers);
        self.feed_forward(hidden);
        self.biases();
        self.embeddings();
        self.copy("architecture.mtp_depth", &["num_nextn_predict_layers", "mtp_num_layers"]);
        self.run();
        self.finish()
    }

    fn identity(&mut self) {
        let path = Path::new(self.source.file());
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let stated = self.top.get("_name_or_path").and_then(Json::as_str).filter(|name| !name.trim().is_empty());
        let name = match (stem.as_str(), stated, folder) {
            ("config", Some(stated), _) => stated.trim_end_matches('/').rsplit('/').next().unwrap_or(stated).to_owned(),
            ("config", None, Some(folder)) if !folder.is_empty() => folder,
            ("", _, _) => "config".to_owned(),
            (stem, _, _) => stem.to_owned(),
        };
        let title = stated.unwrap_or(&name).to_owned();
        for (key, text) in [("name", name.as_str()), ("title", &title), ("kind", Kind::Datasheet.word())] {
            self.insert(key, Value::Text(text.to_owned()), None, 0);
        }
        let source = format!("Hugging Face config {}", short(self.source.file()));
        self.insert("source", Value::Text(source), None, 0);
        self.insert("family", Value::Text(self.model.clone()), None, 0);
    }

    fn attention(&mut self, heads: Option<u64>) {
        if self.copy("architecture.kv_lora_rank", &["kv_lora_rank"]).is_some() {
            self.copy("architecture.q_lora_rank", &["q_lora_rank"]);
            self.need("architecture.qk_nope_dim", &["qk_nope_head_dim"]);
            self.need("architecture.qk_rope_dim", &["qk_rope_head_dim"]);
            self.need("architecture.v_dim", &["v_head_dim"]);
            return;
        }
        self.copy("architecture.head_dim", &["head_dim", "attention_head_dim", "kv_channels"]);
        let falcon = self.is(&["falcon", "RefinedWeb", "RefinedWebModel"]);
        let grouped = !falcon || self.flag("new_decoder_architecture") == Some(true);
        let multi_query = self.flag("multi_query").unwrap_or(falcon || self.model == "gpt_bigcode");
        if multi_query && !(falcon && grouped) && self.is(&["falcon", "RefinedWeb", "RefinedWebModel", "gpt_bigcode"]) {
            self.put("architecture.kv_heads", Raw::Integer(1), "multi_query", None);
        } else if grouped
            && self
                .copy("architecture.kv_heads", &["num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads"])
                .is_none()
            && let Some(heads) = heads
        {
            let rule = Some("no num_key_value_heads: as many as heads");
            self.put("architecture.kv_heads", Raw::Integer(heads.into()), "num_attention_heads", rule);
        }
    }

    fn window(&mut self, layers: Option<u64>) {
        if self.flag("use_sliding_window") == Some(false) {
            return;
        }
        let Some((key, window)) = self.whole(&["sliding_window", "sliding_window_size"]) else { return };
        if window == 0 {
            return;
        }
        self.put("architecture.sliding_window", Raw::Integer(window.into()), key, None);
        let local = self.text.get("layer_types").and_then(Json::as_array).filter(|types| !types.is_empty());
        let pattern = self.whole(&["sliding_window_pattern", "_sliding_window_pattern"]).map(|(_, every)| every);
        let (share, json_key, rule) = if let Some(types) = local {
            let sliding =
                types.iter().filter(|word| word.as_str().is_some_and(|word| word.contains("sliding"))).count();
            (sliding as f64 / types.len() as f64, "layer_types", None)
        } else if let Some(every) = pattern.filter(|every| *every > 0) {
            (1.0 - 1.0 / every as f64, "sliding_window_pattern", None)
        } else if self.is(&["gemma2", "gpt_oss"]) {
            (0.5, key, Some("every second layer of this model attends locally"))
        } else if self.is(&["gemma3", "gemma3_text"]) {
            (5.0 / 6.0, key, Some("five of six layers of this model attend locally"))
        } else if self.is(&["qwen2", "qwen2_moe", "qwen3", "qwen3_moe"])
            && let (Some((_, full)), Some(layers)) = (self.whole(&["max_window_layers"]), layers)
        {
            (layers.saturating_sub(full) as f64 / layers.max(1) as f64, "max_window_layers", None)
        } else {
            return;
        };
        self.put("architecture.sliding_share", Raw::Number(share), json_key, rule);
    }

    fn feed_forward(&mut self, hidden: Option<u64>) {
        let experts = self.whole(&["n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"]);
        let dense_keys: &[&'static str] =
            &["intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "hidden_dim"];
        match experts {
            Some((key, count)) if count > 1 => {
                self.put("architecture.experts", Raw::Integer(count.into()), key, None);
                self.need(
                    "architecture.top_k",
                    &["num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "top_k"],
                );
                let own_width = self.find(&["moe_intermediate_size", "expert_ffn_hidden_size"]).is_some();
                self.need(
                    "architecture.expert_ffn",
                    &["moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size"],
                );
                if own_width || self.find(&["intermediate_size_mlp"]).is_some() {
                    self.copy("architecture.ffn", dense_keys);
                }
                self.shared_experts();
                self.moe_layers();
            }
            _ => {
                if self.copy("architecture.ffn", dense_keys).is_none()
                    && self.is(&[
                        "gpt2",
                        "gpt_neo",
                        "gptj",
                        "gpt_bigcode",
                        "bloom",
                        "falcon",
                        "RefinedWeb",
                        "RefinedWebModel",
                        "mpt",
                    ])
                {
                    if let Some(hidden) = hidden {
                        let rule = Some("the model class defaults to four times the hidden size");
                        self.put("architecture.ffn", Raw::Integer(i128::from(hidden) * 4), "hidden_size", rule);
                    }
                } else if self.find(dense_keys).is_none() {
                    self.need("architecture.ffn", &["intermediate_size"]);
                }
            }
        }
        let gated = !self.is(&UNGATED);
        let rule = format!("feed-forward of model type {}", self.model);
        self.put("architecture.gated", Raw::Flag(gated), "model_type", Some(&rule));
    }

    fn shared_experts(&mut self) {
        if self.copy("architecture.shared_experts", &["n_shared_experts", "num_shared_experts"]).is_some() {
            return;
        }
        if let Some((key, width)) = self.whole(&["shared_expert_intermediate_size"]) {
            if width > 0 {
                self.put("architecture.shared_experts", Raw::Integer(1), key, None);
                self.put("architecture.shared_ffn", Raw::Integer(width.into()), key, None);
            }
        } else if self.is(&["llama4", "llama4_text"]) {
            let rule = Some("every MoE layer of this model has one shared expert");
            self.put("architecture.shared_experts", Raw::Integer(1), "model_type", rule);
        }
    }

    fn moe_layers(&mut self) {
        if self.copy("architecture.dense_layers", &["first_k_dense_replace"]).is_none()
            && let Some(dense) =
                self.text.get("mlp_only_layers").and_then(Json::as_array).filter(|layers| !layers.is_empty())
        {
            let rule = Some("the dense layers are counted as leading ones");
            self.put("architecture.dense_layers", Raw::Integer(dense.len() as i128), "mlp_only_layers", rule);
        }
        // A list states each layer; its leading zeros are `first_k_dense_replace` already.
        if !matches!(self.find(&["moe_layer_freq"]), Some((_, Json::Array(_)))) {
            self.copy(
                "architecture.moe_every",
                &["moe_layer_freq", "decoder_sparse_step", "interleave_moe_layer_step"],
            );
        }
        if self.whole(&["n_group"]).is_some_and(|(_, groups)| groups > 1) {
            self.copy("architecture.route_groups", &["topk_group"]);
        }
    }

    fn biases(&mut self) {
        let everywhere = self.flag("bias").or(self.flag("use_bias")).unwrap_or(self.is(&BIASED));
        if everywhere {
            let rule = format!("biases of model type {}", self.model);
            self.put("architecture.bias", Raw::Flag(true), "model_type", Some(&rule));
            return;
        }
        let attention = self.flag("attention_bias").or(self.flag("qkv_bias"));
        if attention.unwrap_or(self.is(&QKV_BIASED)) {
            let rule = format!("attention biases of model type {}", self.model);
            self.put("architecture.qkv_bias", Raw::Flag(true), "attention_bias", attention.is_none().then_some(&rule));
        }
    }

    fn embeddings(&mut self) {
        match self.flag("tie_word_embeddings") {
            Some(tied) => self.put("architecture.tied_embeddings", Raw::Flag(tied), "tie_word_embeddings", None),
            None => {
                let rule = format!("no tie_word_embeddings: as the class of model type {}", self.model);
                let tied = self.is(&TIED);
                self.put("architecture.tied_embeddings", Raw::Flag(tied), "tie_word_embeddings", Some(&rule));
            }
        }
        if self.is(&LEARNED_POSITIONS) {
            self.copy("architecture.positions", &["n_positions", "max_position_embeddings"]);
        }
        if self.is(&ENCODERS) {
            let rule = format!("{} is an encoder", self.model);
            self.put("architecture.causal", Raw::Flag(false), "model_type", Some(&rule));
        }
    }

    fn run(&mut self) {
        for (key, value, rule) in RUN {
            self.insert(key, value, Some(rule), 0);
        }
        let longest = self.whole(&["max_position_embeddings", "n_positions", "max_seq_len", "seq_length"]);
        if let Some((key, longest)) = longest
            && (1..4096).contains(&longest)
        {
            let rule = "a config describes no run: the longest sequence of the model unless --seq-len says otherwise";
            self.put("run.seq_len", Raw::Integer(longest.into()), key, Some(rule));
        }
        let rule = "a config describes no run: bf16 unless --precision says otherwise";
        self.insert("run.precision", Value::Text("bf16".to_owned()), Some(rule), 0);
    }

    fn finish(mut self) -> Result<Record, Fault> {
        let name = match self.values.get("name").map(|sourced| &sourced.value) {
            Some(Value::Text(name)) => name.clone(),
            _ => String::new(),
        };
        if self.faults.is_empty() {
            let record = Record::new(EntryKind::Workload, name, std::mem::take(&mut self.values));
            let broken = findings(&record).into_iter().filter(|finding| finding.severity == Severity::Error);
            self.faults.extend(broken.map(|finding| {
                Diagnostic::error(finding.message).in_file(self.source.file()).key(finding.key).help(finding.help)
            }));
            if self.faults.is_empty() {
                return Ok(record);
            }
        }
        Err(Fault::inputs(self.faults))
    }
}

/// The file's name without its folders: sources are printed, and paths are private.
fn short(file: &str) -> String {
    Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}
