//! Plan evaluations a second of the CPU engine, and of the device engine on whatever adapter there is; frontiers of a
//! million points.

#[path = "../tests/parity/src/domain.rs"]
#[allow(dead_code)]
mod domain;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::Dice;
use wattline::engine::Engine;
use wattline::engine::gpu::{self, Gpu};
use wattline::library::workload::{Precision, Training};
use wattline::model::setting::Setting;
use wattline::search;
use wattline::search::frontier::pareto;
use wattline::search::space::{Batch, Fixed, PlanSpace};

/// A dense model of 175 billion parameters on 4,096 chips like an H100, or a mixture of experts on as many.
fn design(moe: bool) -> (Setting, PlanSpace, f64) {
    let mut dice = Dice(if moe { 3 } else { 1 });
    let chips = 4096;
    let mut setting = domain::setting(&mut dice);
    let a = &mut setting.workload.architecture;
    (a.layers, a.hidden, a.heads, a.kv_heads, a.head_dim) = (96.0, 12288.0, 96.0, 96.0, 128.0);
    (a.ffn, a.vocab, a.kv_lora, a.q_lora, a.window, a.window_share) = (49152.0, 51200.0, 0.0, 0.0, 0.0, 0.0);
    (a.gated, a.causal, a.tied, a.mtp_depth) = (false, true, true, 0.0);
    (a.experts, a.top_k, a.expert_ffn, a.shared_ffn, a.moe_layers) =
        if moe { (64.0, 4.0, 4096.0, 4096.0, 95.0) } else { (0.0, 0.0, 0.0, 0.0, 0.0) };
    let run = &mut setting.workload.run;
    (run.tokens, run.global_batch, run.seq_len) = (300e9, 4096.0, 8192.0);
    (run.precision, run.training) = (Precision::Bf16, Training::Full);
    let chip = &mut setting.chip;
    (chip.bf16_flops, chip.memory_bytes, chip.hbm_bytes_per_s) = (989e12, 8.6e10, 3.35e12);
    (chip.scale_up_bytes_per_s, chip.nic_bytes_per_s, chip.cores, chip.systolic) = (450e9, 50e9, 132.0, false);
    (chip.tdp_w, chip.load_w, chip.static_w, chip.mtbf_s) = (700.0, 665.0, 166.0, 2e8);
    setting.cap_w = 700.0;
    setting.site.cap_w = f64::INFINITY;
    setting.stack.interleaving = true;
    setting.cluster.domain_chips = 8.0;
    setting.assumptions.restart_s = 600.0;
    setting.assumptions.checkpoint_s = 5.0;
    let batch = Batch::within(4096.0, 0.1);
    let space = PlanSpace::new(&setting, &Fixed::default(), chips, batch, false);
    (setting, space, f64::from(chips))
}

fn engines(c: &mut Criterion) {
    let mut machines = vec![Engine::cpu()];
    match gpu::adapters().first().map(Gpu::open) {
        Some(Ok(gpu)) => machines.push(Engine::gpu(gpu)),
        Some(Err(fault)) => println!("no device engine: {fault}"),
        None => println!("no device engine: no adapter on this machine"),
    }
    for (name, moe) in [("dense", false), ("moe", true)] {
        let (setting, space, chips) = design(moe);
        let found = search::search(&setting, &space, chips);
        println!("{name}: {} points, {} plans, {} feasible", space.len(), found.evaluated, found.feasible);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(found.evaluated)).sample_size(10);
        for machine in &machines {
            group.bench_function(machine.name(), |b| {
                b.iter(|| black_box(machine.search(&setting, &space, chips)));
            });
        }
        group.finish();
    }
}

/// A million points near a plane, where many are on the frontier, and none of them beats another by much.
fn points<const D: usize>() -> Vec<[f64; D]> {
    let mut dice = Dice(D as u64);
    (0..1_000_000)
        .map(|_| {
            let mut point: [f64; D] = std::array::from_fn(|_| dice.unit());
            let sum: f64 = point.iter().sum();
            point[D - 1] += D as f64 - 0.9 * sum;
            point
        })
        .collect()
}

fn frontier(c: &mut Criterion) {
    let (two, four) = (points::<2>(), points::<4>());
    let mut group = c.benchmark_group("frontier");
    group.throughput(Throughput::Elements(1_000_000)).sample_size(10);
    group.bench_function("2 objectives", |b| b.iter(|| black_box(pareto(&two))));
    group.bench_function("4 objectives", |b| b.iter(|| black_box(pareto(&four))));
    group.finish();
}

criterion_group!(benches, engines, frontier);
criterion_main!(benches);
