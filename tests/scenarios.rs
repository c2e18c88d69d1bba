//! Scenario files: the shipped ones hold, their schema knows what the program knows, and bad ones are refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::LazyLock;

use program::{file, number, same, wattline};
use serde_json::Value;
use wattline::library::store::Library;
use wattline::scenario::constraints::Constraints;
use wattline::scenario::crossover::Sought;
use wattline::scenario::plan_axes::Axes;
use wattline::scenario::side::Side;
use wattline::scenario::{Block, PowerCap, Scenario};
use wattline::search::space::PlanSpace;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::open::<&Path>(&[]).unwrap());

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../scenarios/scenario.schema.json")).unwrap());

const QUESTIONS: [&str; 12] = [
    "s01-headline",
    "s02-compensation",
    "s03-export-rule",
    "s04-national-shortfall",
    "s05-curtailed-power",
    "s06-idle-data-centres",
    "s07-where-to-put-it",
    "s08-power-capping",
    "s09-demand-charge",
    "s10-gigawatt-campus",
    "s11-build-or-wait",
    "s12-model-ladder",
];
const JOBS: [&str; 3] = ["a-billion-designs", "gpt-3-13b-on-64-a100", "gpt-3-175b-on-4096-h100"];

/// Layouts that the peer's exhaustive search tries for each of the two jobs.
const PEER_13B: usize = 22_198;
const PEER_175B: usize = 155_904;

fn read(name: &str) -> Scenario {
    Scenario::read(&LIBRARY, name).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

/// A scenario in a file of its own.
fn scenario(text: &str) -> Result<Scenario, String> {
    let (_folder, path) = file("mine.toml", text.as_bytes());
    Scenario::read(&LIBRARY, path.to_str().unwrap()).map_err(|fault| fault.to_string())
}

const HEAD: &str = "name = \"mine\"\ntitle = \"Mine\"\nquestion = \"Which?\"\nworkloads = [\"llama-2-7b\"]\n";

/// A scenario of one design with further lines.
fn design(lines: &str) -> Result<Scenario, String> {
    scenario(&format!("{HEAD}[[design]]\nname = \"A\"\nchip = \"nvidia-h100-sxm\"\n{lines}\n"))
}

#[test]
fn every_question_and_job_is_shipped_and_says_what_it_asks_and_leaves_out() {
    let names = LIBRARY.names(wattline::library::entry_kind::EntryKind::Scenario);
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(known, QUESTIONS.into_iter().chain(JOBS).collect());
    for name in known {
        let scenario = read(name);
        assert_eq!(scenario.name, name);
        assert!(scenario.question.ends_with('?') && scenario.question.matches('?').count() == 1, "{name}");
        assert!(!scenario.source.is_empty() && !scenario.note.is_empty(), "{name}");
        if QUESTIONS.contains(&name) {
            assert!(scenario.side_count().unwrap() >= 2, "{name} compares");
            assert!(!scenario.asked().unwrap().is_empty(), "{name} asks for crossovers");
            assert_ne!(scenario.sweep, Side::default(), "{name} widens for sweep");
        }
    }
}

#[test]
fn every_design_of_every_shipped_scenario_is_known_to_the_library() {
    for name in QUESTIONS.into_iter().chain(JOBS) {
        read(name).look_up(&LIBRARY, usize::MAX).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

#[test]
fn every_shipped_scenario_fits_the_schema_that_its_first_line_names() {
    let validator = jsonschema::validator_for(&SCHEMA).unwrap();
    for name in QUESTIONS.into_iter().chain(JOBS) {
        let text = LIBRARY.scenario_text(name).unwrap();
        assert!(text.text().starts_with("#:schema scenario.schema.json\n"), "{name}");
        let document: toml::Value = toml::from_str(text.text()).unwrap();
        let document = serde_json::to_value(document).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

/// The fields of a struct, from what it says of a key that it does not have.
fn fields<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = toml::from_str::<T>("surely_not_a_field = 1").unwrap_err();
    let (_, known) = error.message().split_once("expected ").unwrap();
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn schema_keys(pointer: &str) -> BTreeSet<String> {
    SCHEMA.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_knows_the_keys_that_the_program_knows() {
    assert_eq!(schema_keys("/properties"), fields::<Scenario>());
    assert_eq!(schema_keys("/$defs/design/properties"), fields::<Side>());
    assert_eq!(schema_keys("/$defs/constraints/properties"), fields::<Constraints>());
    assert_eq!(schema_keys("/$defs/plans/properties"), fields::<Axes>());
    assert_eq!(schema_keys("/$defs/crossover/properties"), fields::<Sought>());
    let mut swept = fields::<Side>();
    for single in ["name", "of", "title", "note", "plan", "rental"] {
        swept.remove(single);
        let refused =
            design(&format!("chips = 8\n[sweep]\n{single} = {}", if single == "rental" { "true" } else { "\"x\"" }));
        assert!(refused.unwrap_err().contains("no axis"), "{single}");
    }
    assert_eq!(schema_keys("/$defs/sweep/properties"), swept);
}

fn one_block(lines: &str) -> Block {
    let blocks = design(lines).unwrap().blocks().unwrap();
    assert_eq!(blocks.len(), 1);
    blocks.into_iter().next().unwrap()
}

#[test]
fn a_range_holds_the_values_that_it_names() {
    let octaves = one_block("chips = { from = 64, to = 262144, steps_per_octave = 4 }");
    assert_eq!(
        (octaves.chips.len(), octaves.chips[0], octaves.chips[4], octaves.chips[48]),
        (49, 64.0, 128.0, 262_144.0)
    );
    let even = one_block("chips = 8\nusd_per_kwh = { from = 0.01, to = 0.255, steps = 50 }");
    assert_eq!((even.usd_per_kwh.len(), even.usd_per_kwh[0], even.usd_per_kwh[49]), (50, 0.01, 0.255));
    let stepped = one_block("chips = 8\npower_cap_share = { from = 0.5, to = 1, step = 0.05 }");
    assert_eq!(stepped.power_cap.len(), 11);
    assert_eq!(stepped.power_cap[0], PowerCap::Share(0.5));
    assert_eq!(stepped.size(), 11);
}

#[test]
fn sizes_of_a_range_are_whole_nodes_or_domains_and_typed_ones_stay() {
    let text = |chip: &str, chips: &str| {
        scenario(&format!("{HEAD}[[design]]\nname = \"A\"\nchip = \"{chip}\"\nchips = {chips}\n")).unwrap()
    };
    for (chip, unit) in [("nvidia-h100-sxm", 8.0), ("nvidia-gb200-nvl72", 72.0)] {
        let scenario = text(chip, "{ from = 8, to = 5000, steps_per_octave = 3 }");
        let block = scenario.blocks().unwrap().remove(0);
        let mut ask = block.ask(&[]).unwrap();
        ask.chips = Some(unit);
        let design = wattline::design::Design::resolve(&LIBRARY, &ask).unwrap();
        let sizes = block.sizes(&design);
        assert!(sizes.iter().all(|size| size % unit == 0.0 && *size > 0.0), "{sizes:?}");
        assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]), "{sizes:?}");
        let typed = text(chip, "[9, 100]").blocks().unwrap().remove(0);
        assert_eq!(typed.sizes(&design), [9.0, 100.0]);
    }
}

#[test]
fn blocks_stand_in_the_order_of_the_file_and_of_the_axes() {
    let text = format!(
        "{}[[design]]\nname = \"A\"\nchip = [\"nvidia-h100-sxm\", \"nvidia-h200-sxm\"]\nchips = [8, 16]\n\
         precision = [\"bf16\", \"fp8\"]\nset = {{ \"site.pue.full\" = [1.1, 1.3] }}\n[[design]]\nname = \"B\"\n\
         chip = \"nvidia-a100-sxm-80gb\"\nchips = 8\n",
        HEAD.replace("[\"llama-2-7b\"]", "[\"llama-2-7b\", \"llama-2-13b\"]")
    );
    let blocks = scenario(&text).unwrap().blocks().unwrap();
    let told: Vec<String> = blocks
        .iter()
        .map(|b| {
            let p = &b.point;
            format!(
                "{} {} {} {} {}",
                b.workload,
                b.design,
                p.chip,
                p.precision.as_deref().unwrap_or("-"),
                p.set.join(" ")
            )
        })
        .collect();
    assert_eq!(told.len(), 2 * (8 + 1));
    assert_eq!(told[0], "llama-2-7b A nvidia-h100-sxm bf16 site.pue.full=1.1");
    assert_eq!(told[1], "llama-2-7b A nvidia-h100-sxm bf16 site.pue.full=1.3");
    assert_eq!(told[2], "llama-2-7b A nvidia-h100-sxm fp8 site.pue.full=1.1");
    assert_eq!(told[4], "llama-2-7b A nvidia-h200-sxm bf16 site.pue.full=1.1");
    assert_eq!(told[8], "llama-2-7b B nvidia-a100-sxm-80gb - ");
    assert_eq!(told[9], "llama-2-13b A nvidia-h100-sxm bf16 site.pue.full=1.1");
    assert_eq!(blocks.iter().map(Block::size).sum::<u128>(), 2 * (8 * 2 + 1));
}

#[test]
fn sweep_widens_every_design_and_compare_does_not_see_it() {
    let scenario = design("chips = 64\n[sweep]\nchips = [64, 128]\nsite = [\"us-texas\", \"us-ohio\"]").unwrap();
    assert_eq!(scenario.side_count().unwrap(), 1);
    assert_eq!(scenario.blocks().unwrap()[0].size(), 4);
}

#[test]
fn a_design_of_lists_makes_a_side_of_each_value_up_to_twelve() {
    let scenario = design("chips = [64, 128]\nsite = [\"us-texas\", \"us-ohio\"]").unwrap();
    let names: Vec<String> =
        scenario.designs(&LIBRARY, "llama-2-7b", &[]).unwrap().into_iter().map(|design| design.name).collect();
    assert_eq!(
        names,
        [
            "A chips=64 site=us-texas",
            "A chips=64 site=us-ohio",
            "A chips=128 site=us-texas",
            "A chips=128 site=us-ohio"
        ]
    );
    let (_folder, path) = file("mine.toml", b"include = \"s01-headline\"\nname = \"mine\"\n[[design]]\nname = \"A\"\nusd_per_kwh = { from = 0.01, to = 0.13, steps = 13 }\n");
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("13 designs") && ran.stderr.contains("wattline sweep"), "{}", ran.stderr);
}

#[test]
fn a_share_of_the_power_is_that_of_the_chip() {
    let scenario = design("chips = 8\npower_cap_share = 0.5").unwrap();
    let design = scenario.designs(&LIBRARY, "llama-2-7b", &[]).unwrap().remove(0);
    assert_eq!(design.setting.cap_w, 350.0);
}

#[test]
fn a_scenario_lays_its_keys_over_those_of_the_one_that_it_includes() {
    let mine = scenario(
        "include = \"s01-headline\"\nname = \"mine\"\nworkloads = [\"ladder-70b-dense\"]\n\
         [[design]]\nname = \"B\"\ncap_mw = 200\nset = { \"site.pue.full\" = 1.3 }\n\
         [[design]]\nname = \"C\"\nchip = \"nvidia-h100-sxm\"\nchips = 64\n\
         [constraints]\ndeadline_days = 90\n",
    )
    .unwrap();
    let base = read("s01-headline");
    assert_eq!((mine.name.as_str(), mine.title), ("mine", base.title));
    assert_eq!(mine.workloads, ["ladder-70b-dense"]);
    assert_eq!(mine.designs.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
    assert_eq!(mine.designs[0], base.designs[0]);
    assert_eq!(
        (&mine.designs[1].chip, &mine.designs[1].usd_per_kwh),
        (&base.designs[1].chip, &base.designs[1].usd_per_kwh)
    );
    assert_ne!(mine.designs[1].cap_mw, base.designs[1].cap_mw);
    assert_eq!(mine.designs[1].set.len(), base.designs[1].set.len(), "set is laid over key by key");
    assert_eq!((mine.constraints.deadline_days, base.constraints.deadline_days), (Some(90.0), None));
}

#[test]
fn includes_that_lead_in_a_circle_are_refused() {
    let (folder, path) = file("a.toml", b"include = \"b.toml\"\n");
    std::fs::write(folder.path().join("b.toml"), "include = \"a.toml\"\n").unwrap();
    let fault = Scenario::read(&LIBRARY, path.to_str().unwrap()).unwrap_err().to_string();
    assert!(fault.contains("circle") && fault.contains("b.toml:1"), "{fault}");
    let fault = scenario("include = \"s99-nothing\"\n").unwrap_err();
    assert!(fault.contains("s99-nothing") && fault.contains("mine.toml:1"), "{fault}");
}

#[test]
fn an_axis_that_is_empty_endless_or_no_axis_is_refused_with_its_line() {
    for (line, said) in [
        ("chips = { from = 1, to = 1e12, step = 1 }", "at most 100000"),
        ("chips = { from = 1, to = 1e300, steps_per_octave = 1e12 }", "at most 100000"),
        ("usd_per_kwh = { from = 0, to = 1, steps = 1000000000000 }", "at most 100000"),
        ("chips = []", "empty list"),
        ("chips = { from = 64, to = 32, steps = 4 }", "down to"),
        ("chips = { from = 8, to = 64, steps = 0 }", "0 steps"),
        ("chips = { from = 8, to = 64, step = -1 }", "step above 0"),
        ("chips = { from = nan, to = 64, steps = 4 }", "finite"),
        ("chips = { from = 0, to = 64, steps_per_octave = 4 }", "octaves"),
        ("chips = { from = 8, to = 64 }", "in what steps"),
        ("chips = { from = 8, to = 64, steps = 2, step = 8 }", "twice"),
        ("chips = { from = 8, to = 64, paces = 2 }", "a range such as"),
        ("chips = [8, 8]", "stands twice"),
        ("chips = [8, 0]", "chips is 0"),
        ("chips = [8, inf]", "finite"),
        ("chips = 1e9", "chips is 1e9"),
        ("power_cap_share = [0.5, -0.1]", "power_cap_share is -0.1"),
        ("set = { \"site.pue.full\" = { from = 1, to = 2, steps = 1000000 } }", "at most 100000"),
        ("site = []", "empty list"),
        ("site = 3", "a text or a list"),
    ] {
        let fault = design(line).unwrap_err();
        let axis = line.split(' ').next().unwrap();
        assert!(fault.contains(said) && fault.contains(axis) && fault.contains("mine.toml:8"), "{line}: {fault}");
    }
    let fault = design("chips = 8\n[sweep]\nglobal_batch = { from = 1, to = 1e6, step = 1 }").unwrap_err();
    assert!(fault.contains("global_batch") && fault.contains("mine.toml:10"), "{fault}");
    let many = "set = { \"site.pue.full\" = { from = 1, to = 2, steps = 1000 }, \"chip.tdp_w\" = { from = 500, to = 700, steps = 1000 } }";
    let fault = design(many).unwrap_err();
    assert!(fault.contains("1000000 look-ups"), "{fault}");
}

#[test]
fn constraints_that_contradict_are_named_with_what_they_contradict() {
    for (lines, said) in [
        ("chips = [1024, 2048]\n[constraints]\nchips = 100", ["constraints.chips = 100", "chips is at least 1024"]),
        ("cap_mw = 30\n[constraints]\ncap_mw = 20", ["constraints.cap_mw = 20", "cap_mw is 30"]),
        ("chips = 8\n[constraints]\nbudget_usd = 0", ["constraints.budget_usd = 0", "costs something"]),
        ("chips = 8\n[constraints]\ndeadline_days = -1", ["constraints.deadline_days = -1", "no time"]),
        ("chips = 8\n[constraints]\nco2_t = nan", ["constraints.co2_t = NaN", "emits"]),
        ("chips = 8\npower_cap_w = 400\npower_cap_share = 0.5", ["power_cap_w", "power_cap_share"]),
    ] {
        let fault = design(lines).unwrap_err();
        assert!(said.iter().all(|word| fault.contains(word)) && fault.contains("mine.toml:"), "{lines}: {fault}");
    }
    // One size of several that fits is no contradiction.
    assert!(design("chips = [64, 2048]\n[constraints]\nchips = 100").is_ok());
}

#[test]
fn a_crossover_of_no_design_or_no_input_is_refused() {
    let pair = "chips = 8\n[[design]]\nname = \"A.2\"\nchip = \"nvidia-h100-sxm\"\nchips = 16\n[[crossover]]\n";
    let ask = |between: &str, objective: &str, input: &str| {
        design(&format!("{pair}between = {between}\nobjective = \"{objective}\"\ninput = \"{input}\""))
    };
    let asked = ask("[\"A\", \"A.2\"]", "cost", "A.2.usd_per_kwh").unwrap().asked().unwrap();
    assert_eq!((asked[0].whose.as_deref(), asked[0].input.name.as_str()), (Some("A.2"), "usd_per_kwh"));
    assert!(ask("[\"A\", \"A.2\"]", "time", "both.site.availability").is_ok());
    for (between, objective, input, said) in [
        ("[\"A\", \"C\"]", "cost", "A.usd_per_kwh", "`C`"),
        ("[\"A\", \"A\"]", "cost", "A.usd_per_kwh", "itself"),
        ("[\"A\", \"A.2\"]", "costs", "A.usd_per_kwh", "costs"),
        ("[\"A\", \"A.2\"]", "cost", "D.usd_per_kwh", "neither"),
        ("[\"A\", \"A.2\"]", "cost", "A.usd_per_kw", "usd_per_kwh"),
        ("[\"A\", \"A.2\"]", "cost", "A.chip.vendor", "number"),
    ] {
        let fault = ask(between, objective, input).unwrap_err();
        assert!(fault.contains(said) && fault.contains("mine.toml:1"), "{between} {input}: {fault}");
    }
}

#[test]
fn check_finds_what_is_wrong_with_a_scenario() {
    let (_folder, path) =
        file("mine.toml", format!("{HEAD}[[design]]\nname = \"A\"\nchip = \"nvidia-h1000\"\nchips = 8\n").as_bytes());
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("mine.toml:7") && ran.stderr.contains("nvidia-h100"), "{}", ran.stderr);
    let (_folder, path) = file("mine.toml", b"include = \"s09-demand-charge\"\nname = \"mine\"\n");
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("scenario mine"), "{}", ran.stdout);
}

#[test]
fn the_billion_has_its_chips_sizes_caps_sites_and_prices() {
    let scenario = read("a-billion-designs");
    let blocks = scenario.blocks().unwrap();
    let chips: HashSet<&str> = blocks.iter().map(|block| block.point.chip.as_str()).collect();
    assert!(chips.len() >= 30 && chips.len() == blocks.len());
    let mut of_forty = 0;
    for block in &blocks {
        assert!(block.chips.len() >= 40 && block.power_cap.len() >= 8 && block.sites.len() >= 50);
        assert!(block.usd_per_kwh.len() <= 50);
        // Rounding to whole supernodes makes some of the smallest sizes one.
        let single = block.singles().remove(0);
        let mut ask = single.ask(block, &[]).unwrap();
        ask.chips = Some(524_288.0);
        let design = wattline::design::Design::resolve(&LIBRARY, &ask).unwrap();
        of_forty += usize::from(block.sizes(&design).len() >= 40);
    }
    assert!(of_forty >= 30, "{of_forty} chips have forty sizes");
    let before_plans: u128 = blocks.iter().map(Block::size).sum();
    assert!(before_plans >= 20_000_000, "{before_plans}");
}

/// Plans of a space that differ in what they are, of stages that the layers fill: a switch that changes nothing does not
/// count (sequence parallelism without tensor parallelism, sharding without replicas).
fn distinct(space: &PlanSpace, layers: u32) -> usize {
    let mut known = HashSet::new();
    space.visit(0..space.len() / space.switches(), |plan| {
        if plan.pp * plan.vpp > layers {
            return;
        }
        let shard = if plan.dp * plan.cp > 1 { plan.shard as u32 } else { 0 };
        known.insert((
            [plan.tp, plan.cp, plan.pp, plan.vpp, plan.dp, plan.micro_batch],
            (plan.recompute as u32, shard, plan.sequence_parallel),
        ));
    });
    known.len()
}

#[test]
fn the_jobs_of_the_peer_hold_at_least_as_many_plans_as_the_peer_tries() {
    for (name, layers, peer) in [(JOBS[1], 40, PEER_13B), (JOBS[2], 96, PEER_175B)] {
        let scenario = read(name);
        let design = scenario.designs(&LIBRARY, &scenario.workloads[0], &[]).unwrap().remove(0);
        let spaces = scenario.spaces(&design).unwrap();
        assert_eq!(spaces.len(), 1);
        let plans = distinct(&spaces[0], layers);
        assert!(plans >= peer, "{name}: {plans} plans");
    }
}

/// Both sides are f64 arithmetic on the same printed figures; what is left is the rounding of its order.
const BY_HAND: f64 = 1e-9;

const YEAR_S: f64 = 365.25 * DAY_S;
const DAY_S: f64 = 86_400.0;
const J_PER_KWH: f64 = 3.6e6;

/// What `compare` says of a scenario on one of its workloads.
struct Told(Value);

fn told(name: &str, workload: &str) -> Told {
    let text = format!("include = \"{name}\"\nname = \"one\"\nworkloads = [\"{workload}\"]\n");
    let (_folder, path) = file("one.toml", text.as_bytes());
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Told(ran.json())
}

impl Told {
    fn of(&self, design: &str, pointer: &str) -> f64 {
        let sides = self.0["designs"].as_array().unwrap();
        number(sides.iter().find(|side| side["name"] == design).unwrap(), pointer)
    }

    fn usd(&self, design: &str) -> f64 {
        self.of(design, "/cost_usd/total")
    }

    fn kwh(&self, design: &str) -> f64 {
        self.of(design, "/facility_energy_j") / J_PER_KWH
    }

    fn wall_s(&self, design: &str) -> f64 {
        self.of(design, "/wall_s")
    }

    /// The crossover of an input of one design against another.
    fn crossover(&self, input: &str, other: &str) -> f64 {
        let found = self.0["crossovers"].as_array().unwrap().iter().find(|c| {
            let pair = c["between"].as_array().unwrap();
            c["input"] == input && pair.iter().any(|name| name == other)
        });
        number(found.unwrap_or_else(|| panic!("no crossover of {input} with {other}")), "/value")
    }
}

/// Every kilowatt-hour of `side` costs its price: what the other costs more, spread over them, is what the price may rise.
fn price_by_hand(told: &Told, side: &str, other: &str, usd_per_kwh: f64) {
    let by_hand = usd_per_kwh + (told.usd(other) - told.usd(side)) / told.kwh(side);
    same(side, told.crossover(&format!("{side}.usd_per_kwh"), other), by_hand, BY_HAND);
}

#[test]
fn s01_changes_its_cheaper_side_at_the_price_that_hand_arithmetic_gives() {
    price_by_hand(&told("s01-headline", "ladder-1.6t-dense"), "A", "B", 0.09);
}

#[test]
fn s02_changes_its_cheaper_side_at_the_chip_price_that_hand_arithmetic_gives() {
    let told = told("s02-compensation", "llama-3.1-405b");
    let (today, other) = (23_500.0, told.usd("H100"));
    // A dollar more a chip is its annuity over the run, and 3 % a year of operation.
    let chips = told.of("910C", "/chips_used") + told.of("910C", "/chips_spare");
    let usd_per_usd = told.of("910C", "/cost_usd/chips") / today + chips * 0.03 * told.wall_s("910C") / YEAR_S;
    let by_hand = today + (other - told.usd("910C")) / usd_per_usd;
    same("910C", told.crossover("910C.all_in_usd", "H100"), by_hand, BY_HAND);
}

#[test]
fn s03_changes_its_cheaper_side_at_the_subsidy_that_hand_arithmetic_gives() {
    price_by_hand(&told("s03-export-rule", "ladder-1.6t-dense"), "910C", "H200", 0.056);
}

#[test]
fn s04_changes_its_faster_side_at_the_hours_that_hand_arithmetic_gives() {
    let told = told("s04-national-shortfall", "ladder-1.6t-dense");
    // A stop a day takes 600 s of restart and 5 s of checkpoint; the run goes on in the rest of 99.5 % of the hours.
    let stopped = 605.0 / DAY_S;
    let longer = told.wall_s("57%") / told.wall_s("flexible");
    let running = (0.995 - stopped) / longer;
    same("hours", told.crossover("flexible.site.availability", "57%"), running + stopped, BY_HAND);
    same("stops", told.crossover("flexible.site.stops_per_day", "57%"), (0.995 - running) / stopped, BY_HAND);
}

#[test]
fn s05_changes_its_cheaper_side_at_the_price_that_hand_arithmetic_gives() {
    price_by_hand(&told("s05-curtailed-power", "ladder-1.6t-moe-100b"), "firm", "curtailed", 0.056);
}

#[test]
fn s06_changes_its_cheaper_side_at_the_utilisation_that_hand_arithmetic_gives() {
    let told = told("s06-idle-data-centres", "ladder-1.6t-moe-100b");
    // Idle hours are charged to capital and its operation, and to nothing else.
    let spread: f64 =
        ["chips", "facility", "operations"].iter().map(|part| told.of("A", &format!("/cost_usd/{part}"))).sum();
    let by_hand = 0.8 * spread / (told.usd("B100") - told.of("A", "/cost_usd/electricity"));
    same("A", told.crossover("A.utilisation", "B100"), by_hand, BY_HAND);
}

#[test]
fn s07_changes_its_cheaper_side_at_the_carbon_price_that_hand_arithmetic_gives() {
    let told = told("s07-where-to-put-it", "llama-3.1-405b");
    price_by_hand(&told, "norway", "quebec-old", 0.055);
    let tonnes = told.of("riyadh", "/co2_kg/operational") * 1e-3;
    let by_hand = (told.usd("norway") - told.usd("riyadh")) / tonnes;
    same("riyadh", told.crossover("riyadh.carbon_price_usd_per_t", "norway"), by_hand, BY_HAND);
}

#[test]
fn s08_changes_its_cheaper_side_at_the_price_that_hand_arithmetic_gives() {
    price_by_hand(&told("s08-power-capping", "llama-3.1-405b"), "W700", "W500", 0.0806);
}

#[test]
fn s09_pays_the_demand_charge_that_hand_arithmetic_gives() {
    let told = told("s09-demand-charge", "llama-3.1-405b");
    // $12 a month for each kilowatt of the peak, over the kilowatt-hours of the run.
    let peak_kw = told.of("flat", "/peak_facility_w") * 1e-3;
    let months = told.wall_s("flat") / (YEAR_S / 12.0);
    let by_hand = 0.05 + 12.0 * peak_kw * months / told.kwh("flat");
    same("flat", told.crossover("flat.usd_per_kwh", "demand"), by_hand, BY_HAND);
}

#[test]
fn s10_changes_its_cheaper_side_at_the_price_that_hand_arithmetic_gives() {
    let told = told("s10-gigawatt-campus", "ladder-1.6t-dense");
    // Failures keep it below nine tenths of its peak, which are billed whether used or not.
    let billed = 0.9 * told.of("nuclear", "/peak_facility_w") * told.wall_s("nuclear") / J_PER_KWH;
    assert!(billed > told.kwh("nuclear"));
    let by_hand = 0.1 + (told.usd("campus") - told.usd("nuclear")) / billed;
    same("nuclear", told.crossover("nuclear.usd_per_kwh", "campus"), by_hand, BY_HAND);
}

#[test]
fn s11_changes_its_cheaper_side_at_the_value_of_a_day_that_hand_arithmetic_gives() {
    let told = told("s11-build-or-wait", "ladder-1.6t-dense");
    // Waiting saves money and takes days: three years, and the run.
    let later = (3.0 * YEAR_S + told.wall_s("wait") - told.wall_s("gas")) / DAY_S;
    let by_hand = (told.usd("gas") - told.usd("wait")) / later;
    let found = told.0["crossovers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["between"] == serde_json::json!(["gas", "wait"]) && c["unit"] == "USD/day");
    same("value of a day", number(found.unwrap(), "/value"), by_hand, BY_HAND);
}

#[test]
fn s12_changes_its_cheaper_side_at_the_price_that_hand_arithmetic_gives() {
    price_by_hand(&told("s12-model-ladder", "ladder-70b-dense"), "GB200", "H100", 0.09);
}
