//! `wattline doctor`: which adapters and engines work here.

use std::fmt;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::engine::gpu::{self, Gpu};
use crate::engine::{Engine, EngineChoice, select};
use crate::library::diagnostic::Fault;
use crate::library::store::Library;
use crate::model::setting::Setting;
use crate::search::space::{Batch, Fixed, PlanSpace};
use crate::search::{Found, Objective};

#[derive(Args, Debug)]
pub struct Arguments {
    /// Also measure how many plans a second each engine evaluates here (a few seconds)
    #[arg(long)]
    pub bench: bool,
}

/// What was found on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub adapters: Vec<AdapterReport>,
    /// What `--engine auto` takes for a large search, and why.
    pub auto: AutoReport,
    /// Threads of the CPU engine.
    pub cpu_threads: usize,
    /// One small search on every engine that works.
    pub self_check: SelfCheck,
    /// Rates of the engines, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bench: Vec<EngineRate>,
}

/// How fast an engine is.
#[derive(Clone, Debug, Serialize)]
pub struct EngineRate {
    pub engine: String,
    pub evaluations_per_s: f64,
    /// The same over the rate of the CPU engine.
    pub over_cpu: f64,
}

/// One adapter.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterReport {
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    pub backend: String,
    pub driver: String,
    /// Limits of the adapter that the kernels meet; the device is asked for the default ones.
    pub max_workgroups: u32,
    pub max_buffer_bytes: u64,
    pub max_storage_binding_bytes: u64,
    pub max_workgroup_storage_bytes: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct AutoReport {
    pub engine: String,
    pub why: String,
}

/// The same search on the CPU and on each adapter.
#[derive(Clone, Debug, Serialize)]
pub struct SelfCheck {
    pub plans: u64,
    pub cpu_s: f64,
    pub devices: Vec<DeviceCheck>,
    /// Why there was no search to run.
    pub fault: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeviceCheck {
    pub name: String,
    pub passed: bool,
    pub seconds: f64,
    pub evaluations_per_s: f64,
    /// What differs from the CPU's answer, or why there is none.
    pub fault: Option<String>,
}

impl Report {
    /// Whether everything that was tried works.
    pub fn healthy(&self) -> bool {
        self.self_check.fault.is_none() && self.self_check.devices.iter().all(|device| device.passed)
    }
}

/// Looks at the machine and runs one small search on every engine.
pub fn examine(library: &Library) -> Report {
    let adapters = gpu::adapters();
    let auto = match select(EngineChoice::Auto) {
        Ok((engine, why)) => AutoReport { engine: engine.name().to_owned(), why: why.unwrap_or_default() },
        Err(fault) => AutoReport { engine: "cpu".to_owned(), why: fault.to_string() },
    };
    Report {
        adapters: adapters.iter().map(adapter_report).collect(),
        auto,
        cpu_threads: rayon::current_num_threads(),
        self_check: self_check(library, &adapters),
        bench: Vec::new(),
    }
}

/// The same, with the rate of every engine that answers.
pub fn examine_and_bench(library: &Library) -> Result<Report, Fault> {
    let question = question(library)?;
    let cpu = rate(&Engine::cpu(), &question);
    let row = |engine: String, rate: f64| EngineRate { engine, evaluations_per_s: rate, over_cpu: rate / cpu };
    let mut bench = vec![row("cpu".to_owned(), cpu)];
    for adapter in gpu::adapters() {
        // An adapter that gives no device is named by the self-check.
        if let Ok(gpu) = Gpu::open(&adapter) {
            let name = gpu.name().to_owned();
            bench.push(row(name, rate(&Engine::gpu(gpu), &question)));
        }
    }
    Ok(Report { bench, ..examine(library) })
}

/// Evaluations a second of an engine that answers the same question again and again; 0 where it answers nothing.
fn rate(engine: &Engine, (setting, space, chips): &(Setting, PlanSpace, f64)) -> f64 {
    const LONG_ENOUGH_S: f64 = 1.5;
    let mut evaluated = 0;
    // The first search compiles the kernels.
    if engine.search(setting, space, *chips).is_err() {
        return 0.0;
    }
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < LONG_ENOUGH_S {
        match engine.search(setting, space, *chips) {
            Ok(found) => evaluated += found.evaluated,
            Err(_) => return 0.0,
        }
    }
    evaluated as f64 / begun.elapsed().as_secs_f64()
}

fn adapter_report(adapter: &wgpu::Adapter) -> AdapterReport {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterReport {
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        },
        backend: info.backend.to_str().to_owned(),
        driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned(),
        name: info.name,
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        max_buffer_bytes: limits.max_buffer_size,
        max_storage_binding_bytes: limits.max_storage_buffer_binding_size,
        max_workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
    }
}

/// GPT-3 on 1,024 A100: tens of thousands of plans, a blink on any engine.
fn question(library: &Library) -> Result<(Setting, PlanSpace, f64), Fault> {
    let chip = library.chip("nvidia-a100-sxm-80gb")?;
    let workload = library.workload("gpt-3-175b")?;
    let cluster = library.cluster(&chip.cluster)?;
    let stack = library.stack("megatron-core-2025")?;
    let site = library.site("us-average", None)?;
    let (calibration, assumptions) = (library.calibration()?, library.assumptions()?);
    let setting = Setting::new(&chip, &cluster, &workload, &stack, &site, calibration, assumptions, None);
    let batch = Batch::within(workload.run.global_batch, assumptions.batch_tolerance);
    let space = PlanSpace::new(&setting, &Fixed::default(), 1024, batch, false);
    Ok((setting, space, 1024.0))
}

fn self_check(library: &Library, adapters: &[wgpu::Adapter]) -> SelfCheck {
    let (setting, space, chips) = match question(library) {
        Ok(question) => question,
        Err(fault) => {
            return SelfCheck { plans: 0, cpu_s: 0.0, devices: Vec::new(), fault: Some(fault.message()) };
        }
    };
    let begun = Instant::now();
    let expected = crate::search::search(&setting, &space, chips);
    let cpu_s = begun.elapsed().as_secs_f64();
    let devices = adapters
        .iter()
        .map(|adapter| {
            let name = adapter.get_info().name;
            let answer = Gpu::open(adapter).and_then(|gpu| {
                let engine = Engine::gpu(gpu);
                // The first search compiles the kernels; the second one is timed.
                engine.search(&setting, &space, chips)?;
                let begun = Instant::now();
                let found = engine.search(&setting, &space, chips)?;
                Ok((found, begun.elapsed().as_secs_f64(), engine.take_warning()))
            });
            match answer {
                Ok((found, seconds, warning)) => {
                    let fault = warning.or_else(|| difference(&expected, &found));
                    DeviceCheck {
                        name,
                        passed: fault.is_none(),
                        seconds,
                        evaluations_per_s: found.evaluated as f64 / seconds,
                        fault,
                    }
                }
                Err(fault) => DeviceCheck {
                    name,
                    passed: false,
                    seconds: 0.0,
                    evaluations_per_s: 0.0,
                    fault: Some(fault.to_string()),
                },
            }
        })
        .collect();
    SelfCheck { plans: expected.evaluated, cpu_s, devices, fault: None }
}

/// What a device's answer says otherwise than the CPU's.
fn difference(expected: &Found, found: &Found) -> Option<String> {
    if found.evaluated != expected.evaluated {
        return Some(format!("{} plans instead of {}", found.evaluated, expected.evaluated));
    }
    Objective::ALL.into_iter().find_map(|objective| {
        let value = |found: &Found| found.by(objective).map(|estimate| objective.of(estimate));
        let (ours, theirs) = (value(expected), value(found));
        (ours != theirs).then(|| format!("the best {} is {theirs:?} instead of {ours:?}", objective.word()))
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        if self.adapters.is_empty() {
            writeln!(f, "adapters      none (no Vulkan, Metal or DirectX 12 driver)")?;
        }
        for (index, adapter) in self.adapters.iter().enumerate() {
            let label = if index == 0 { "adapters" } else { "" };
            writeln!(f, "{label:13} {} ({}, {}, {})", adapter.name, adapter.kind, adapter.backend, adapter.driver)?;
            writeln!(
                f,
                "{:13} {} workgroups a dispatch, buffers to {} MiB, {} KiB shared by a workgroup",
                "",
                adapter.max_workgroups,
                adapter.max_buffer_bytes.min(adapter.max_storage_binding_bytes) / MIB,
                adapter.max_workgroup_storage_bytes / 1024,
            )?;
        }
        writeln!(f, "--engine auto {}: {}", self.auto.engine, self.auto.why)?;
        let check = &self.self_check;
        if let Some(fault) = &check.fault {
            return writeln!(f, "self-check    not run: {fault}");
        }
        writeln!(
            f,
            "self-check    cpu: {} plans in {:.0} ms, {:.2} million a second on {} threads",
            check.plans,
            1e3 * check.cpu_s,
            1e-6 * check.plans as f64 / check.cpu_s,
            self.cpu_threads,
        )?;
        for device in &check.devices {
            match &device.fault {
                None => writeln!(
                    f,
                    "{:13} {}: the same winners in {:.0} ms, {:.2} million a second",
                    "",
                    device.name,
                    1e3 * device.seconds,
                    1e-6 * device.evaluations_per_s,
                )?,
                Some(fault) => writeln!(f, "{:13} {}: {fault}", "", device.name)?,
            }
        }
        for (index, rate) in self.bench.iter().enumerate() {
            let label = if index == 0 { "bench" } else { "" };
            writeln!(
                f,
                "{label:13} {}: {:.2} million plans a second, {:.2} x the CPU",
                rate.engine,
                1e-6 * rate.evaluations_per_s,
                rate.over_cpu
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_every_adapter_and_the_engine_of_auto() {
        let library = Library::open::<&str>(&[]).unwrap();
        let report = examine(&library);
        let text = report.to_string();
        assert!(text.contains("--engine auto") && text.contains("self-check    cpu:"), "{text}");
        for adapter in &report.adapters {
            assert!(text.contains(&adapter.name), "{text}");
        }
        assert!(report.healthy(), "{text}");
        assert!(report.self_check.plans > 1000);
        println!("{text}");
    }
}
