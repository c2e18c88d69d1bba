#[path = "../tests/parity/src/domain.rs"]
#[allow(dead_code)]
mod domain;
use domain::Dice;
use wattline::engine::gpu::{self, Gpu};
use std::time::Instant;
fn main() {
    let gpu = Gpu::open(&gpu::adapters()[0]).unwrap();
    let mut dice = Dice(1);
    let mut setting = domain::setting(&mut dice);
    let a = &mut setting.workload.architecture;
    (a.layers, a.hidden, a.heads, a.kv_heads, a.head_dim) = (96.0, 12288.0, 96.0, 96.0, 128.0);
    (a.ffn, a.vocab, a.kv_lora, a.q_lora, a.window, a.window_share) = (49152.0, 51200.0, 0.0, 0.0, 0.0, 0.0);
    (a.experts, a.top_k, a.expert_ffn, a.shared_ffn, a.moe_layers) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let run = &mut setting.workload.run;
    (run.tokens, run.global_batch, run.seq_len) = (300e9, 4096.0, 8192.0);
    (run.precision, run.training) = (wattline::library::workload::Precision::Bf16, wattline::library::workload::Training::Full);
    let chip = &mut setting.chip;
    (chip.bf16_flops, chip.memory_bytes, chip.hbm_bytes_per_s) = (989e12, 8.6e10, 3.35e12);
    (chip.scale_up_bytes_per_s, chip.nic_bytes_per_s, chip.cores, chip.systolic) = (450e9, 50e9, 132.0, false);
    (chip.tdp_w, chip.load_w, chip.static_w, chip.mtbf_s) = (700.0, 665.0, 166.0, 2e8);
    setting.cap_w = 700.0;
    setting.site.cap_w = f64::INFINITY;
    setting.stack.interleaving = true;
    setting.cluster.domain_chips = 8.0;
    let space = wattline::search::space::PlanSpace::new(&setting, &Default::default(), 4096, wattline::search::space::Batch::within(4096.0, 0.1), false);
    for _ in 0..3 {
        let t = Instant::now();
        let f = gpu.search(&setting, &space, 4096.0).unwrap();
        println!("best {} points {} plans {} feasible {:?} rejected {:?}", space.len(), f.evaluated, f.feasible, f.rejected, t.elapsed());
        let t = Instant::now();
        let o = gpu.evaluate(&setting, &space, 4096.0, 0..space.len()).unwrap();
        println!("evaluate {} {:?}", o.len(), t.elapsed());
    }
}
