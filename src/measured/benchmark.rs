//! What the benchmarks of MLPerf Training train: workload and sequence length by their rules.

/// A benchmark of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Benchmark {
    pub name: &'static str,
    /// Of the library.
    pub workload: &'static str,
    /// By the rules; `None` where a log must tell it.
    pub seq_len: Option<f64>,
    /// Rank of the adapters where the base is frozen.
    pub lora_rank: Option<f64>,
}

const fn benchmark(name: &'static str, workload: &'static str, seq_len: f64) -> Benchmark {
    Benchmark { name, workload, seq_len: Some(seq_len), lora_rank: None }
}

/// Checked by MLPerf's logging package (`max_sequence_length`, `lora_rank`) and stated by its reference models.
const BENCHMARKS: [Benchmark; 6] = [
    benchmark("gpt3", "gpt-3-175b", 2048.0),
    Benchmark { lora_rank: Some(16.0), ..benchmark("llama2_70b_lora", "llama-2-70b", 8192.0) },
    benchmark("llama31_405b", "llama-3.1-405b", 8192.0),
    benchmark("llama31_8b", "llama-3.1-8b", 8192.0),
    Benchmark { seq_len: None, ..benchmark("gpt_oss_20b", "gpt-oss-20b", 0.0) },
    benchmark("bert", "bert-large", 512.0),
];

/// Benchmarks of images, speech, graphs and clicks.
const OUTSIDE: [&str; 18] = [
    "resnet",
    "resnet50",
    "ssd",
    "maskrcnn",
    "retinanet",
    "unet3d",
    "rnnt",
    "dlrm",
    "dlrm_dcnv2",
    "dcnv2",
    "gnmt",
    "transformer",
    "minigo",
    "ncf",
    "stable_diffusion",
    "flux1",
    "rgat",
    "gnn",
];

/// A name in lower case, letters and figures alone.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Benchmark {
    /// The benchmark of a name, however it is spelt: `llama2_70b_lora`, `Llama2-70B-LoRA`, `GPT3 175B`.
    pub fn named(name: &str) -> Option<Benchmark> {
        let asked = plain(name);
        let asked = match asked.as_str() {
            "gpt3175b" | "gpt3llm" | "llmgpt3" | "llm" => "gpt3",
            "bertlarge" => "bert",
            "llama31405b" | "llama3405b" => "llama31405b",
            "llama318b" | "llama38b" => "llama318b",
            "llama270blora" | "llama270b" | "llama2lora" => "llama270blora",
            "gptoss20b" => "gptoss20b",
            other => other,
        };
        BENCHMARKS.into_iter().find(|benchmark| plain(benchmark.name) == asked)
    }

    /// Whether a name is that of a benchmark that no model of text is trained in.
    pub fn is_outside(name: &str) -> bool {
        let asked = plain(name);
        OUTSIDE.iter().any(|known| plain(known) == asked)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        BENCHMARKS.into_iter().map(|benchmark| benchmark.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::diagnostic::Fault;
    use crate::library::store::Library;

    #[test]
    fn a_benchmark_is_known_however_it_is_spelt() {
        for name in ["llama2_70b_lora", "Llama2-70B-LoRA", "llama2 70b lora"] {
            assert_eq!(Benchmark::named(name).map(|found| found.workload), Some("llama-2-70b"), "{name}");
        }
        assert_eq!(Benchmark::named("gpt3").and_then(|found| found.seq_len), Some(2048.0));
        assert!(Benchmark::named("unet3d").is_none() && Benchmark::is_outside("UNet3D"));
    }

    #[test]
    fn every_benchmark_trains_a_workload_of_the_library() -> Result<(), Fault> {
        let library = Library::open::<&str>(&[])?;
        for benchmark in BENCHMARKS {
            library.workload(benchmark.workload)?;
        }
        Ok(())
    }
}
