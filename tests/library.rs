//! The embedded library is sound, and no input makes the reader panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use wattline::library::attribute::KINDS;
use wattline::library::diagnostic::{Exit, Fault};
use wattline::library::entry_kind::EntryKind;
use wattline::library::overrides::Overrides;
use wattline::library::reader::{self, Owner, Reading};
use wattline::library::record::{Kind, Record};
use wattline::library::source_text::SourceText;
use wattline::library::store::{Library, Status, missing_keys};
use wattline::library::{hugging_face, writer};

const RECORDS: [EntryKind; 8] = [
    EntryKind::Chip,
    EntryKind::Cluster,
    EntryKind::Workload,
    EntryKind::Site,
    EntryKind::Stack,
    EntryKind::Calibration,
    EntryKind::Assumptions,
    EntryKind::Spread,
];

fn library() -> Library {
    Library::open::<&Path>(&[]).unwrap()
}

fn no_base(name: &str) -> Result<Record, Fault> {
    library().record(EntryKind::Chip, name)
}

fn read(kind: EntryKind, text: &str) -> Reading {
    reader::read(kind, &SourceText::new("mine.toml", text.to_owned()), "mine", Owner::User, &no_base)
}

fn message(fault: &Fault) -> String {
    fault.to_string()
}

#[test]
fn every_embedded_entry_parses_without_a_finding() {
    let library = library();
    for kind in RECORDS {
        assert!(!library.names(kind).is_empty(), "no {}", kind.plural());
        for name in library.names(kind) {
            let reading = library.reading(kind, &name).unwrap();
            let errors: Vec<String> =
                reading.diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect();
            assert!(errors.is_empty(), "{}", errors.join("\n"));
            assert_eq!(reading.record.unwrap().name(), name);
        }
    }
}

#[test]
fn every_name_and_alias_means_one_entry() {
    let library = library();
    for kind in RECORDS {
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for name in library.names(kind) {
            let record = library.record(kind, &name).unwrap();
            for known in record.texts("aliases").iter().chain([&name]) {
                let before = owners.insert(known.to_lowercase(), name.clone());
                assert!(before.is_none() || before.as_ref() == Some(&name), "{known} means {before:?} and {name}");
            }
        }
    }
}

#[test]
fn every_chip_names_a_cluster_of_the_library() {
    let library = library();
    for name in library.names(EntryKind::Chip) {
        let record = library.record(EntryKind::Chip, &name).unwrap();
        library.cluster(record.text("cluster").unwrap()).unwrap();
    }
}

#[test]
fn a_complete_entry_becomes_what_the_model_reads() {
    let library = library();
    for kind in RECORDS {
        let (listings, diagnostics) = library.listing(kind);
        assert!(diagnostics.is_empty());
        for listing in listings.iter().filter(|listing| listing.status == Status::Complete) {
            assert!(listing.missing.is_empty());
        }
    }
    assert!(library.chip("nvidia-h100-sxm").unwrap().bf16_flops > 9e14);
    assert!(library.workload("gpt-3-175b").unwrap().architecture.layers == 96.0);
    library.calibration().unwrap();
    library.assumptions().unwrap();
}

#[test]
fn case_and_aliases_lead_to_the_same_entry() {
    let library = library();
    let plain = library.record(EntryKind::Chip, "nvidia-h100-sxm").unwrap();
    assert_eq!(library.record(EntryKind::Chip, "NVIDIA-H100-SXM").unwrap(), plain);
    let alias = plain.texts("aliases").first().unwrap().to_uppercase();
    assert_eq!(library.record(EntryKind::Chip, &alias).unwrap(), plain);
}

#[test]
fn a_misspelt_chip_is_answered_with_the_nearest_names() {
    let fault = library().record(EntryKind::Chip, "nvidia-h100-smx").unwrap_err();
    assert_eq!(fault.exit, Exit::Input);
    assert!(message(&fault).contains("nvidia-h100-sxm"), "{fault}");
    assert!(message(&fault).contains("wattline list chips"), "{fault}");
}

#[test]
fn a_chip_that_lacks_a_figure_says_which_set_supplies_it() {
    let library = library();
    let lacking = library.names(EntryKind::Chip).into_iter().find(|name| library.chip(name).is_err()).unwrap();
    let fault = library.chip(&lacking).unwrap_err();
    assert_eq!(fault.exit, Exit::Infeasible);
    assert!(message(&fault).contains("--set chip."), "{fault}");
}

#[test]
fn an_extending_file_keeps_every_value_that_it_does_not_state() {
    let base = no_base("nvidia-h100-sxm").unwrap();
    let record = read(EntryKind::Chip, "extends = \"H100\"\ntdp_w = 650\n").into_result().unwrap();
    assert_eq!(record.name(), "mine");
    assert_eq!(record.number("tdp_w"), Some(650.0));
    assert_eq!(record.sourced("tdp_w").unwrap().kind, Kind::Assumed);
    assert_eq!(&*record.sourced("tdp_w").unwrap().source, "user file mine.toml");
    assert_eq!(record.sourced("idle_w"), base.sourced("idle_w"));
    assert!(record.texts("aliases").is_empty(), "the aliases stay with the entry that is extended");
}

#[test]
fn files_that_extend_each_other_in_a_circle_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("chips")).unwrap();
    for (name, base) in [("a", "b"), ("b", "a")] {
        std::fs::write(folder.path().join(format!("chips/{name}.toml")), format!("extends = \"{base}\"\n")).unwrap();
    }
    let library = Library::open(&[folder.path()]).unwrap();
    let fault = library.record(EntryKind::Chip, "a").unwrap_err();
    assert!(message(&fault).contains("extends"), "{fault}");
}

#[test]
fn a_folder_of_the_user_hides_the_embedded_entry_and_may_extend_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("chips")).unwrap();
    let text = "name = \"nvidia-h100-sxm\"\nextends = \"nvidia-h100-sxm\"\ntdp_w = 350\n";
    std::fs::write(folder.path().join("chips/any-name.toml"), text).unwrap();
    let library = Library::open(&[folder.path()]).unwrap();
    let record = library.record(EntryKind::Chip, "NVIDIA-h100-sxm").unwrap();
    assert_eq!(record.number("tdp_w"), Some(350.0));
    assert_eq!(record.integer("cores"), no_base("nvidia-h100-sxm").unwrap().integer("cores"));
    assert_eq!(library.names(EntryKind::Chip).len(), self::library().names(EntryKind::Chip).len());
}

#[test]
fn a_folder_without_entries_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Library::open(&[folder.path()]).err().unwrap().exit, Exit::Input);
    assert_eq!(Library::open(&[folder.path().join("absent")]).err().unwrap().exit, Exit::Input);
}

#[test]
fn set_changes_the_value_and_its_parent() {
    let overrides =
        Overrides::parse(&["chip.tdp_w=650", "site.pue.full=1.4", "site.price.industrial.usd_per_kwh=0.05"]).unwrap();
    let library = library().with_overrides(overrides);
    let chip = library.record(EntryKind::Chip, "nvidia-h100-sxm").unwrap();
    assert_eq!(chip.number("tdp_w"), Some(650.0));
    assert_eq!(&*chip.sourced("tdp_w").unwrap().source, "command line");
    let site = library.site("us-virginia", None).unwrap();
    assert_eq!(site.pue_full, 1.4);
}

#[test]
fn set_refuses_what_the_attribute_table_refuses() {
    for (argument, wanted) in [
        ("chip.tdp=650", "chip.tdp_w"),
        ("chip.tdp_w", "no value"),
        ("tdp_w=650", "chip.tdp_w"),
        ("chp.tdp_w=650", "chip"),
        ("chip.tdp_w=-1", "between"),
        ("chip.tdp_w=nan", "finite"),
        ("chip.tdp_w=many", "number"),
        ("chip.cores=1.5", "whole"),
        ("chip.status=gone", "shipping"),
        ("chip.name=x", "cannot set"),
        ("", "no value"),
    ] {
        let fault = Overrides::parse(&[argument]).unwrap_err();
        assert_eq!(fault.exit, Exit::Input);
        assert!(message(&fault).contains(wanted), "{argument}: {fault}");
    }
}

#[test]
fn set_that_makes_an_entry_inconsistent_is_refused() {
    let library = library().with_overrides(Overrides::parse(&["chip.idle_w=5000"]).unwrap());
    let fault = library.record(EntryKind::Chip, "nvidia-h100-sxm").unwrap_err();
    assert!(message(&fault).contains("idle_w"), "{fault}");
}

#[test]
fn every_entry_written_out_reads_back_the_same() {
    let library = library();
    for kind in RECORDS {
        for name in library.names(kind) {
            let record = library.record(kind, &name).unwrap();
            let again =
                read(kind, &writer::toml(&record)).into_result().unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(missing_keys(&record), missing_keys(&again));
            for (key, value) in record.values().filter(|(key, _)| !["source", "kind"].contains(key)) {
                let back = again.sourced(key).unwrap();
                assert_eq!(value.value, back.value, "{name} {key}");
                assert_eq!(value.range, back.range, "{name} {key}");
                assert_eq!(value.rule, back.rule, "{name} {key}");
                if !["name", "title", "aliases", "note"].contains(&key) {
                    assert_eq!((value.kind, &value.source), (back.kind, &back.source), "{name} {key}");
                }
            }
        }
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once_each_with_its_line() {
    let text = "vendor = 3\nfamily = \"F\"\nstatus = \"shiping\"\narchitecture = \"other\"\ncluster = \"hgx-h100\"\ntdp_ww = 3\nidle_w = -1\n";
    let reading = read(EntryKind::Chip, text);
    let lines: Vec<Option<usize>> = reading.diagnostics.iter().map(|d| d.line()).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(6), Some(7)]);
    assert!(reading.record.is_none());
}

#[test]
fn a_file_of_nothing_but_faults_is_told_only_some_of_them() {
    let text: String = (0..100_000).map(|n| format!("key_{n} = {n}\n")).collect();
    let findings = read(EntryKind::Chip, &text).diagnostics.len();
    assert!((10..100).contains(&findings), "{findings}");
}

#[test]
fn a_whole_number_may_be_written_with_a_point() {
    let record = read(EntryKind::Chip, "extends = \"h100\"\ncores = 8.0\n").into_result().unwrap();
    assert_eq!(record.integer("cores"), Some(8));
}

#[test]
fn the_words_of_a_kind_are_those_of_the_attribute_table() {
    assert_eq!(Kind::ALL.map(Kind::word), KINDS);
}

fn config(text: &str) -> Result<Record, Fault> {
    hugging_face::read(&SourceText::new("model/config.json", text.to_owned()))
}

#[test]
fn a_llama_config_is_a_workload() {
    let record = config(
        r#"{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": false,
            "max_position_embeddings": 131072}"#,
    )
    .unwrap();
    assert_eq!(record.name(), "model");
    assert_eq!(record.integer("architecture.kv_heads"), Some(8));
    assert_eq!(record.integer("run.seq_len"), Some(4096));
    assert_eq!(record.sourced("run.tokens").unwrap().kind, Kind::Assumed);
    assert!(missing_keys(&record).is_empty());
}

#[test]
fn a_deepseek_config_is_latent_attention_with_routed_experts() {
    let record = config(
        r#"{"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128,
            "num_key_value_heads": 128, "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
            "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1, "n_group": 8,
            "topk_group": 4, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
            "v_head_dim": 128, "num_nextn_predict_layers": 1, "vocab_size": 129280, "tie_word_embeddings": false}"#,
    )
    .unwrap();
    for (key, value) in [
        ("experts", 256),
        ("expert_ffn", 2048),
        ("ffn", 18432),
        ("dense_layers", 3),
        ("kv_lora_rank", 512),
        ("route_groups", 4),
        ("mtp_depth", 1),
    ] {
        assert_eq!(record.integer(&format!("architecture.{key}")), Some(value), "{key}");
    }
    let published = library().workload("deepseek-v3").unwrap().architecture;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.toml");
    std::fs::write(&path, writer::toml(&record)).unwrap();
    assert_eq!(library().workload(path.to_str().unwrap()).unwrap().architecture, published);
}

#[test]
fn a_gpt2_config_uses_its_own_key_names() {
    let record = config(r#"{"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}"#).unwrap();
    assert_eq!(record.integer("architecture.ffn"), Some(3072));
    assert_eq!(record.flag("architecture.gated"), Some(false));
    assert_eq!(record.flag("architecture.tied_embeddings"), Some(true));
    assert_eq!(record.integer("run.seq_len"), Some(1024));
}

#[test]
fn a_nested_text_config_is_followed() {
    let record = config(
        r#"{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34,
            "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 10240,
            "vocab_size": 262208, "sliding_window": 1024, "sliding_window_pattern": 6}}"#,
    )
    .unwrap();
    assert!((record.number("architecture.sliding_share").unwrap() - 5.0 / 6.0).abs() < 1e-12);
}

#[test]
fn a_config_without_layers_names_the_json_key() {
    let fault = config(r#"{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100}"#).unwrap_err();
    assert_eq!(fault.diagnostics.len(), 1, "{fault}");
    assert!(message(&fault).contains("num_hidden_layers"), "{fault}");
    let fault = config("{\"hidden_size\": \"big\",").unwrap_err();
    assert!(message(&fault).contains("JSON"), "{fault}");
    let fault = config(r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 0, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100}"#).unwrap_err();
    assert!(message(&fault).contains("num_hidden_layers"), "{fault}");
}

#[test]
fn keys_nested_without_end_do_not_overflow_the_stack() {
    for text in [
        format!("{}a = 1", "a.".repeat(200_000)),
        format!("[{}a]", "a.".repeat(200_000)),
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}", "{a=".repeat(200_000)),
        "[a]\n[a.b]\n".repeat(5_000),
        format!("tdp_w = {}", "9".repeat(100_000)),
    ] {
        let reading = read(EntryKind::Chip, &text);
        assert!(reading.record.is_none());
        assert!(reading.diagnostics.iter().all(|d| d.to_string().len() < 5_000));
    }
    assert!(config(&"[".repeat(200_000)).is_err());
    assert!(config(&"{\"a\":".repeat(200_000)).is_err());
}

/// A TOML value of some shape, sound or not.
fn toml_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|n| format!("{n:?}").replace("NaN", "nan")),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<bool>().prop_map(|b| b.to_string()),
        "[ -~]{0,12}".prop_map(|s| format!("{s:?}")),
        Just("[1, 2]".to_owned()),
        Just("[\"a\", \"b\"]".to_owned()),
        Just("1979-05-27".to_owned()),
        any::<f64>()
            .prop_map(|n| format!("{{ value = {n:?}, range = [0, 1e9], source = \"s\", kind = \"measured\" }}")
                .replace("NaN", "nan")),
        Just("{ rule = 3, a.b.c = 4 }".to_owned()),
    ]
}

fn toml_text() -> impl Strategy<Value = (EntryKind, String)> {
    (proptest::sample::select(RECORDS.to_vec())).prop_flat_map(|kind| {
        let line =
            (proptest::sample::select(kind.keys()), toml_value()).prop_map(|(key, value)| format!("{key} = {value}\n"));
        (Just(kind), proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}|[\\x00-\\x7f\u{e9}\u{1f600}\n]{0,200}") {
        for kind in RECORDS {
            let reading = read(kind, &text);
            for diagnostic in &reading.diagnostics {
                prop_assert!(!diagnostic.to_string().is_empty());
                prop_assert!(!diagnostic.styled().is_empty());
            }
        }
        prop_assert!(config(&text).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        match library().record(EntryKind::Site, file.path().to_str().unwrap()) {
            Ok(_) => {}
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
    }

    #[test]
    fn arbitrary_values_behind_known_keys_never_panic((kind, text) in toml_text()) {
        let reading = read(kind, &text);
        prop_assert!(reading.record.is_some() || reading.diagnostics.iter().any(|d| d.is_error()));
        for diagnostic in &reading.diagnostics {
            prop_assert!(diagnostic.to_string().contains("mine.toml"));
        }
    }

    #[test]
    fn arbitrary_sets_never_panic(argument in "(chip|site|workload)?\\.?[a-z_.]{0,12}=?.{0,12}") {
        let _ = Overrides::parse(&[argument]);
    }
}
