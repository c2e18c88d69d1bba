//! A user's own benchmark files: what is read from them, and where they stand. Every file is made up by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use wattline::library::store::Library;
use wattline::library::workload::Precision;
use wattline::measured::assess::{Assessment, Place, Quantity, Told, assess};
use wattline::measured::power::Scope;
use wattline::measured::recognise::Format;
use wattline::measured::{Measured, Said, read};

/// Of hand-made numbers that are exact in binary, or nearly.
const EXACT: f64 = 1e-9;

fn path(name: &str) -> String {
    format!("{}/tests/measured/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn records(names: &[&str]) -> Vec<Measured> {
    let paths: Vec<String> = names.iter().map(|name| path(name)).collect();
    read(&paths).unwrap_or_else(|fault| panic!("{fault}"))
}

fn one(name: &str) -> Measured {
    let mut found = records(&[name]);
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < EXACT, "{found} is not {expected}");
}

#[track_caller]
fn value(said: &Option<Said<f64>>) -> f64 {
    said.as_ref().expect("the file tells it").value
}

fn warned(of: &Measured, words: &str) -> bool {
    of.warnings.iter().any(|warning| warning.message.contains(words))
}

fn told() -> Told {
    Told {
        chip: Some("h100".into()),
        chips: Some(64.0),
        workload: Some("llama-3.1-8b".into()),
        precision: Some(Precision::Bf16),
        seq_len: Some(8192.0),
        global_batch: Some(128),
        ..Told::default()
    }
}

fn assessed(of: &Measured, told: &Told) -> Assessment {
    let library = Library::open::<&str>(&[]).unwrap();
    assess(&library, of, told).unwrap_or_else(|fault| panic!("{fault}"))
}

fn measured(of: &Assessment, quantity: Quantity) -> f64 {
    of.quantities.iter().find(|row| row.quantity == quantity).expect("the quantity is assessed").measured
}

#[test]
fn a_run_is_timed_by_its_blocks_without_their_evaluations() {
    let run = one("mlperf/result_0.txt");
    // Three blocks of 12,288 sequences in 200 s; three evaluations of 10 s lie between them.
    close(value(&run.samples), 36_864.0);
    close(value(&run.training_s), 600.0);
    close(value(&run.run_s), 630.0);
    close(value(&run.tokens), 36_864.0 * 8192.0);
    assert_eq!(run.format, Format::Mllog);
    assert_eq!(run.workload.as_ref().map(|said| said.value.as_str()), Some("llama31_8b"));
    assert_eq!((value(&run.global_batch), value(&run.seq_len)), (128.0, 8192.0));
    assert!(run.warnings.is_empty());
    // 36,864 x 8,192 tokens / 600 s / 64 chips = 7,864.32.
    let found = assessed(&run, &Told { chips: Some(64.0), precision: Some(Precision::Bf16), ..Told::default() });
    close(measured(&found, Quantity::TokensPerSPerChip), 7864.32);
    // 630 s, of which 30 are evaluations; the steps at the predicted rate take 36,864 x 8,192 tokens over it.
    let rate = &found.quantities[0];
    let time = found.quantities.iter().find(|row| row.quantity == Quantity::TimeToTrain).unwrap();
    close(time.measured, 630.0);
    close(time.predicted.p50, 30.0 + 36_864.0 * 8192.0 / 64.0 / rate.predicted.p50);
    close(time.predicted.p90, 30.0 + 36_864.0 * 8192.0 / 64.0 / rate.predicted.p10);
    close(time.bound.unwrap(), 30.0 + 36_864.0 * 8192.0 / 64.0 / rate.bound.unwrap());
}

#[test]
fn a_folder_of_results_is_one_measurement_with_the_power_beside_it() {
    let mut found = records(&["mlperf"]);
    assert_eq!(found.len(), 1);
    let run = found.remove(0);
    assert_eq!(run.runs, 2);
    // 200 s a block in one run, 208 s in the other, whose lines stand behind a rank and a time.
    close(value(&run.samples), 2.0 * 36_864.0);
    close(value(&run.training_s), 3.0 * 200.0 + 3.0 * 208.0);
    close(value(&run.run_s), 0.5 * (630.0 + 654.0));
    let power = run.power.as_ref().expect("there are node logs");
    assert_eq!((power.scope, power.count()), (Some(Scope::Node), 2));
    // Trapezoids of 10 s: (8000 + 2 x 9000 + 8000 + 9000 + ... )/2: 8500, 9000, 8500 W, mean 8,666.7 W.
    // The second: 8700, 9200, 8700, mean 8,866.7 W, of which 0.9 counts: 7,980 W.
    let mean = 0.5 * (26_000.0 / 3.0 + 0.9 * 26_600.0 / 3.0);
    close(power.mean_w(), mean);
    close(power.kwh().unwrap(), (260_000.0 + 0.9 * 266_000.0) / 3.6e6);
    let told = Told { chips: Some(64.0), precision: Some(Precision::Fp8), ..Told::default() };
    let found = assessed(&run, &told);
    close(measured(&found, Quantity::NodeW), mean);
    let rate = 2.0 * 36_864.0 * 8192.0 / 1224.0 / 64.0;
    // Eight chips share the node.
    close(measured(&found, Quantity::NodeJPerToken), mean / (8.0 * rate));
}

#[test]
fn a_truncated_log_gives_its_whole_blocks() {
    let run = one("truncated.txt");
    // The third block was begun, the line after it is cut.
    close(value(&run.samples), 2.0 * 12_288.0);
    close(value(&run.training_s), 400.0);
    assert!(run.run_s.is_none());
    assert!(warned(&run, "ends before run_stop") && warned(&run, "last block has no end"));
    assert!(warned(&run, "broken JSON"));
    let places: Vec<_> = run.warnings.iter().filter_map(|warning| warning.line()).collect();
    assert_eq!(places, [24, 24, 25]);
}

#[test]
fn a_log_without_run_stop_says_so_and_counts_all_the_same() {
    let run = one("no-run-stop.txt");
    close(value(&run.training_s), 600.0);
    assert!(run.run_s.is_none() && warned(&run, "ends before run_stop"));
}

#[test]
fn broken_entries_are_counted_and_the_first_is_shown() {
    let run = one("broken.txt");
    close(value(&run.training_s), 600.0);
    let warning = run.warnings.iter().find(|warning| warning.message.contains("broken")).unwrap();
    assert!(warning.message.starts_with("2 of 32"), "{}", warning.message);
    assert_eq!(warning.line(), Some(2));
}

#[test]
fn without_blocks_the_counts_of_evaluations_time_a_run() {
    let run = one("interleaved.txt");
    // The first count stands at the first evaluation, at 200 s; the last at the start of the third, at 620 s.
    // Between them lie 24,576 sequences, and two evaluations of 10 s.
    close(value(&run.samples), 24_576.0);
    close(value(&run.training_s), 400.0);
}

#[test]
fn gpt_3_may_be_counted_in_tokens() {
    let run = one("gpt3-in-tokens.txt");
    // Two blocks of 24,576 sequences of 2,048 tokens in 400 s each, counted in tokens.
    close(value(&run.tokens), 2.0 * 24_576.0 * 2048.0);
    close(value(&run.samples), 2.0 * 24_576.0);
    close(value(&run.training_s), 800.0);
}

#[test]
fn a_result_table_gives_minutes_and_asks_for_the_tokens() {
    let run = one("summary.csv");
    close(value(&run.run_s), 7200.0);
    assert_eq!(value(&run.chips), 64.0);
    assert_eq!(run.workload.as_ref().map(|said| said.value.as_str()), Some("llama31_8b"));
    assert!(warned(&run, "`soon` of llama2_70b_lora"));
    let library = Library::open::<&str>(&[]).unwrap();
    let told = Told { precision: Some(Precision::Bf16), global_batch: Some(128), ..Told::default() };
    let fault = assess(&library, &run, &told).expect_err("minutes alone are no rate");
    assert_eq!(fault.code(), 2);
    assert!(fault.to_string().contains("--tokens"), "{fault}");
    // 3.6e9 tokens in 7,200 s on 64 chips: 7,812.5 tokens/s a chip.
    let found = assessed(&run, &Told { tokens: Some(3.6e9), ..told });
    assert_eq!(found.design.setting.chip.name, "nvidia-h100-sxm");
    close(measured(&found, Quantity::TokensPerSPerChip), 7812.5);
}

#[test]
fn a_result_table_may_have_a_row_for_each_result() {
    let run = one("summary-long.csv");
    close(value(&run.run_s), 210.0);
    assert_eq!((value(&run.chips), value(&run.lora_rank), value(&run.seq_len)), (64.0, 16.0, 8192.0));
    assert_eq!(run.chip.as_ref().map(|said| said.value.as_str()), Some("AMD Instinct MI300X 192GB HBM3"));
}

#[test]
fn warm_up_is_dropped_from_a_table_of_throughputs() {
    let run = one("throughput.csv");
    // 50,000 and 300,000 are far from the steady 500,000; 480,000 is within a tenth of it. Of the nine left the middle
    // one is 500,000.
    close(value(&run.tokens_per_s), 500_000.0);
    assert!(run.tokens_per_s.as_ref().unwrap().from.contains("2 of warm-up dropped"));
    close(measured(&assessed(&run, &told()), Quantity::TokensPerSPerChip), 500_000.0 / 64.0);
}

#[test]
fn a_table_may_tell_chips_batch_length_precision_and_model() {
    let run = one("per-chip.tsv");
    close(value(&run.tokens_per_s_per_chip), 7800.0);
    close(value(&run.mfu), 0.42);
    let found = assessed(&run, &Told::default());
    assert_eq!((found.design.chips, found.design.setting.chip.name.as_str()), (64.0, "nvidia-h100-sxm"));
    assert_eq!(found.design.setting.workload.run.precision, Precision::Bf16);
    // MFU is model FLOP a token x tokens/s over the peak of 989.4 TFLOP/s.
    let flops = measured(&found, Quantity::TflopsPerChip) * 1e12;
    close(measured(&found, Quantity::Mfu), flops / found.design.setting.chip.bf16_flops);
}

#[test]
fn step_times_become_tokens_by_batch_and_length() {
    let run = one("steps.csv");
    close(value(&run.step_s), 2.0);
    // 128 x 8,192 tokens in 2 s on 64 chips.
    close(measured(&assessed(&run, &told()), Quantity::TokensPerSPerChip), 8192.0);
}

#[test]
fn nvidia_smi_readings_give_mean_percentile_and_energy() {
    let log = one("nvidia-smi.csv");
    let power = log.power.as_ref().unwrap();
    assert_eq!((power.scope, power.count(), power.readings(), power.skipped), (Some(Scope::Chip), 2, 12, 1));
    assert_eq!(log.chip.as_ref().map(|said| said.value.as_str()), Some("NVIDIA H100 80GB HBM3"));
    // GPU 0: 100, 600, 650 x 4 W at 10 s: 3,500 + 6,250 + 3 x 6,500 = 29,250 J in 50 s; GPU 1 has 10 W more.
    close(power.kwh().unwrap(), (29_250.0 + 29_750.0) / 3.6e6);
    close(power.mean_w(), 0.5 * (585.0 + 595.0));
    assert_eq!((power.seconds(), power.least_w()), (Some(50.0), 100.0));
    // The 11th of 12 readings in order.
    assert_eq!(power.percentile_w(0.9), 660.0);
    // Two readings below 330 W are idle; the mean of the others is (600 + 610 + 4 x 650 + 4 x 660) / 10.
    let (watts, idle) = power.training_w();
    close(watts, 645.0);
    close(idle, 2.0 / 12.0);
    assert!(warned(&log, "below half of P90"));
    close(measured(&assessed(&log, &told()), Quantity::ChipW), 645.0);
}

#[test]
fn every_other_power_log_is_read_in_watts() {
    let dmon = one("dmon.txt");
    let power = dmon.power.as_ref().unwrap();
    // (600 + 640) / 2 and (620 + 660) / 2 over 10 s.
    assert_eq!((power.scope, power.count(), power.seconds()), (Some(Scope::Chip), 2, Some(10.0)));
    close(power.mean_w(), 630.0);
    let ipmi = one("ipmi.txt");
    let power = ipmi.power.as_ref().unwrap();
    // (8,500 + 9,000) W x 10 s over 20 s.
    assert_eq!((power.scope, power.count(), power.seconds()), (Some(Scope::Node), 1, Some(20.0)));
    close(power.mean_w(), 8750.0);
    let ptd = one("ptd.txt");
    let power = ptd.power.as_ref().unwrap();
    assert_eq!((power.scope, power.seconds()), (Some(Scope::Node), Some(1.0)));
    close(power.mean_w(), 8500.0);
    let watts = one("watts.csv");
    let power = watts.power.as_ref().unwrap();
    assert_eq!((power.scope, power.seconds()), (None, Some(10.0)));
    close(power.mean_w(), 8500.0);
}

#[test]
fn a_meter_that_says_not_what_it_measures_is_asked_for() {
    let watts = one("watts.csv");
    let library = Library::open::<&str>(&[]).unwrap();
    let fault = assess(&library, &watts, &told()).expect_err("watts of what?");
    assert!(fault.code() == 2 && fault.to_string().contains("--metered"), "{fault}");
    let node = assessed(&watts, &Told { metered: Some(Scope::Node), ..told() });
    close(measured(&node, Quantity::NodeW), 8500.0);
    // One meter of 64 chips in eight nodes.
    let all = assessed(&watts, &Told { metered: Some(Scope::All), ..told() });
    close(measured(&all, Quantity::NodeW), 8500.0 / 8.0);
}

#[test]
fn power_beside_throughput_gives_energy_a_token() {
    let mut found = records(&["throughput.csv", "nvidia-smi.csv"]);
    assert_eq!(found.len(), 1);
    let found = assessed(&found.remove(0), &told());
    close(measured(&found, Quantity::ChipJPerToken), 645.0 / (500_000.0 / 64.0));
    assert!(found.missing.is_empty());
}

#[test]
fn watts_may_stand_beside_throughput_and_decimals_behind_a_comma() {
    let run = one("both.csv");
    close(value(&run.tokens_per_s), 500_000.5);
    let power = run.power.as_ref().expect("the table has watts");
    assert_eq!((power.scope, power.count()), (Some(Scope::Chip), 1));
    // (600.5 + 601.5) / 2 and (601.5 + 602.5) / 2, then 602.5 W, 10 s each.
    close(power.mean_w(), (601.0 + 602.0 + 602.5) / 3.0);
    // The clock of the log runs in seconds.
    assert_eq!(power.seconds(), Some(30.0));
}

#[test]
fn a_block_without_an_end_gives_way_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("result_0.txt");
    let entry = |key: &str, ms: u64, count: u64| {
        format!(":::MLLOG {{\"key\": \"{key}\", \"time_ms\": {ms}, \"metadata\": {{\"samples_count\": {count}}}}}\n")
    };
    let text = [
        entry("run_start", 0, 0),
        entry("block_start", 0, 0),
        entry("block_start", 1000, 100),
        // The same mark by another rank.
        entry("block_start", 1500, 100),
        entry("block_stop", 3000, 300),
        entry("block_stop", 3100, 300),
    ];
    std::fs::write(&log, text.concat()).unwrap();
    let run = read(&[log]).unwrap().remove(0);
    assert_eq!((value(&run.samples), value(&run.training_s)), (200.0, 2.0));
}

#[test]
fn a_place_is_that_beside_the_band() {
    let run = one("throughput.csv");
    for chips in [16.0, 24.0, 32.0, 64.0, 128.0, 1024.0] {
        let told = Told { chips: Some(chips), global_batch: Some(3 * 1024), ..told() };
        let found = assessed(&run, &told);
        let row = &found.quantities[0];
        let bound = row.bound.unwrap();
        let expected = match row.measured {
            rate if rate > bound => Place::BeyondBound,
            rate if rate > row.predicted.p90 => Place::AboveBand,
            rate if rate < row.predicted.p10 => Place::BelowBand,
            _ => Place::InBand,
        };
        assert_eq!(row.place, expected);
        assert!(row.predicted.p10 < row.predicted.p50 && row.predicted.p50 < row.predicted.p90);
        assert!(row.predicted.p50 < row.sustained.unwrap() && row.sustained.unwrap() < bound);
    }
}

#[test]
fn a_rate_beyond_the_peak_says_what_may_be_wrong() {
    // 500,000 tokens/s on 16 chips take more than the bf16 peak, and less than that of fp8.
    let found = assessed(&one("throughput.csv"), &Told { chips: Some(16.0), ..told() });
    let row = &found.quantities[0];
    assert_eq!(row.place, Place::BeyondBound);
    let over = row.measured / row.bound.unwrap();
    assert!(over > 1.0 && row.position == format!("{over:.2} x the bound"), "{}", row.position);
    let why = row.why.join("\n");
    assert!(why.contains("in fp8 it is"), "{why}");
    assert!(why.contains(&format!("at least {:.0} chips", (16.0 * over).ceil())), "{why}");
    assert!(why.contains("padding"), "{why}");
}

#[test]
fn what_holds_no_measurement_is_refused_with_the_way_out() {
    for (name, words) in [
        ("empty.txt", "is empty"),
        ("binary.bin", "is no text"),
        ("prose.txt", "holds no measurement"),
        ("wrong-units.csv", "names no rate"),
        ("power-percent.csv", "is in percent, not in watts"),
        ("nowhere.txt", "there is no file"),
    ] {
        let fault = read(&[path(name)]).expect_err(name);
        assert_eq!(fault.code(), 2, "{name}");
        assert!(fault.to_string().contains(words), "{name}: {fault}");
        assert!(fault.diagnostics.iter().all(|diagnostic| diagnostic.help.is_some()), "{name}");
    }
}

#[test]
fn a_benchmark_of_images_is_outside() {
    let library = Library::open::<&str>(&[]).unwrap();
    let told = Told { chips: Some(8.0), ..Told::default() };
    let fault = assess(&library, &one("unet3d.txt"), &told).expect_err("it trains no transformer");
    assert!(fault.code() == 2 && fault.to_string().contains("unet3d"), "{fault}");
}

#[test]
fn everything_that_nobody_tells_is_named_at_once() {
    let library = Library::open::<&str>(&[]).unwrap();
    let fault = assess(&library, &one("throughput.csv"), &Told::default()).expect_err("a table of rates alone");
    let text = fault.to_string();
    for option in ["--workload", "--chip NAME", "--chips", "--precision", "--seq-len", "--global-batch"] {
        assert!(text.contains(option), "{option} is not in\n{text}");
    }
}

fn wattline(arguments: &[&str]) -> (Option<i32>, serde_json::Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_wattline")).args(arguments).arg("--json").output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn the_command_prints_one_document() {
    let (code, document) = wattline(&[
        "claims",
        "--chips=64",
        "--precision=bf16",
        "--measured",
        &path("mlperf/result_0.txt"),
        &path("mlperf/power/result_0/node_0.txt"),
    ]);
    assert_eq!(code, Some(0));
    let rows = document["measured"].as_array().unwrap();
    let words: Vec<&str> = rows.iter().map(|row| row["quantity"].as_str().unwrap()).collect();
    assert_eq!(
        words,
        ["tokens_per_s_per_chip", "tflops_per_chip", "mfu", "time_to_train", "node_w", "node_j_per_token"]
    );
    close(rows[0]["measured"].as_f64().unwrap(), 7864.32);
    for row in rows {
        let band = &row["predicted"];
        assert!(band["p10"].as_f64() < band["p50"].as_f64() && band["p50"].as_f64() < band["p90"].as_f64());
        assert!(row["position"].as_str().is_some_and(|text| !text.is_empty()) && row["why"].is_array());
    }
    assert_eq!(document["missing"], serde_json::json!([]));
    let (code, document) = wattline(&["claims", "--measured", &path("mlperf/result_0.txt")]);
    assert_eq!((code, document["error"]["key"].as_str()), (Some(2), Some("chips")));
    assert_eq!(document["others"][0]["key"], "precision");
}

#[test]
fn a_measurement_stands_beside_what_is_claimed_of_its_chip() {
    let (code, document) = wattline(&[
        "claims",
        "--chip=h100",
        "--chips=64",
        "--precision=fp8",
        "--workload=gpt-3-175b",
        "--seq-len=2048",
        "--global-batch=1536",
        "--measured",
        &path("throughput.csv"),
    ]);
    assert_eq!(code, Some(0));
    let claims = document["claims"].as_array().unwrap();
    let claim = |id: &str| claims.iter().find(|claim| claim["id"] == id).unwrap_or_else(|| panic!("no {id}"));
    // Six times the rate that is predicted for an A100 in bf16 on the same run: 150 to 230 tokens/s.
    let hopper = claim("nv-hopper-6x");
    let claimed = hopper["claimed"][0].as_f64().unwrap();
    assert!((6.0 * 120.0..6.0 * 260.0).contains(&claimed), "{claimed}");
    let ratio = hopper["measured_over_claimed"].as_f64().unwrap();
    close(ratio, hopper["measured"].as_f64().unwrap() / claimed);
    // A utilisation is claimed as it is.
    close(claim("press-eos-93pct")["claimed"][0].as_f64().unwrap(), 0.93);
    assert!(claims.iter().all(|claim| claim["quote"].is_string()));
}
