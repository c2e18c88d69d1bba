//! The f32 twin of the model on a GPU: chunks of a space go out, the best few of each workgroup come back.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::EngineFault;
use super::rows::{self, Inputs, MOST_PICKED, Outcome, Tally};
use super::shaders;
use crate::model::plan::Reason;
use crate::model::setting::Setting;
use crate::model::{Estimate, Rejection, estimate};
use crate::search::frontier::{Depth, Frontier};
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective, nearer};

/// Invocations of a workgroup.
const LANES: u32 = 64;
/// Points that an invocation takes where there are enough, and workgroups that keep every device busy.
const POINTS_A_LANE: u32 = 8;
const MOST_GROUPS: u32 = 4096;
/// A dispatch should take about this long: far below every watchdog, far above the cost of a submission.
const PACE: Duration = Duration::from_millis(30);
/// Points of a dispatch: where it starts, and its bounds. Buffers hold 24 bytes a point.
const FIRST_CHUNK: u64 = 1 << 18;
const LEAST_CHUNK: u64 = 1 << 16;
const MOST_CHUNK: u64 = 1 << 22;
/// Longest wait for one dispatch before the device counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);
/// Relative distance within which f32 does not decide. The models differ by about 1e-6 (`tests/parity`).
const NEAR_TIE: f32 = 2e-5;

/// A guard of data that stays valid when another thread panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an adapter is a program on the CPU (lavapipe, llvmpipe, WARP).
pub fn is_software(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
}

/// Adapters of this machine, the best first: discrete, integrated, virtual, others, software.
pub fn adapters() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    // Validation layers would only slow what wgpu has validated already.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

/// A device with its kernels.
pub struct Gpu {
    name: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// The kernels of a search, in their order.
    search: [wgpu::ComputePipeline; 3],
    evaluate: OnceLock<wgpu::ComputePipeline>,
    /// Buffers that a search leaves to the next one.
    idle: Mutex<Vec<Slot>>,
    /// Points of a dispatch that takes about [`PACE`].
    chunk: AtomicU64,
    fault: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Buffers of one search, kept from chunk to chunk and from search to search.
struct Slot {
    inputs: wgpu::Buffer,
    axes: wgpu::Buffer,
    /// What comes back: a tally, or outcomes.
    results: wgpu::Buffer,
    readback: wgpu::Buffer,
    group: wgpu::BindGroup,
    /// Points that the buffers have room for.
    points: u64,
}

impl Gpu {
    /// Opens an adapter.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Gpu, EngineFault> {
        let name = adapter.get_info().name;
        let descriptor = wgpu::DeviceDescriptor { label: Some("wattline"), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| EngineFault::Refused { adapter: name.clone(), why: e.to_string() })?;
        Gpu::from_device(name, device, queue)
    }

    /// Builds the kernels on a device.
    pub fn from_device(name: String, device: wgpu::Device, queue: wgpu::Queue) -> Result<Gpu, EngineFault> {
        let fault = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&noted).get_or_insert(error.to_string());
        }));
        let noted = Arc::clone(&fault);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                lock(&noted).get_or_insert(message);
            }
        });
        let module = module(&device, shaders::BEST);
        let layout = search_layout(&device);
        let search =
            ["admit_points", "time_plans", "pick_best"].map(|entry| pipeline(&device, &module, entry, Some(&layout)));
        let gpu = Gpu {
            name,
            device,
            queue,
            search,
            evaluate: OnceLock::new(),
            idle: Mutex::new(Vec::new()),
            chunk: AtomicU64::new(FIRST_CHUNK),
            fault,
        };
        match gpu.lost() {
            Some(why) => Err(EngineFault::Refused { adapter: gpu.name, why }),
            None => Ok(gpu),
        }
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why the device is of no more use; `None` while it works.
    pub fn lost(&self) -> Option<String> {
        lock(&self.fault).clone()
    }

    /// Declares the device lost, as a driver would: further searches answer with this reason.
    pub fn give_up(&self, why: &str) {
        lock(&self.fault).get_or_insert(why.to_owned());
        self.device.destroy();
    }

    /// Searches a space and re-estimates the best candidates with the reference.
    pub fn search(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Found, EngineFault> {
        let harvest = self.harvest(setting, space, chips)?;
        Ok(harvest.settle(setting, space, chips))
    }

    /// One outcome a point of a range of the space.
    pub fn evaluate(
        &self,
        setting: &Setting,
        space: &PlanSpace,
        chips: f64,
        range: Range<u64>,
    ) -> Result<Vec<Outcome>, EngineFault> {
        let pipeline = self.evaluate.get_or_init(|| {
            let module = module(&self.device, shaders::EVALUATE);
            pipeline(&self.device, &module, "evaluate", None)
        });
        let most = u64::from(LANES) * u64::from(MOST_GROUPS);
        let points = most.min(range.end.saturating_sub(range.start)).max(1);
        let slot =
            self.slot(&pipeline.get_bind_group_layout(0), space, points, points * size_of::<Outcome>() as u64, false);
        self.queue.write_buffer(&slot.axes, 0, bytemuck::cast_slice(&rows::axis_values(space)));
        let inputs = Inputs::new(setting, space, chips, NEAR_TIE);
        let mut outcomes = Vec::new();
        let mut base = range.start;
        while base < range.end {
            let count = (range.end - base).min(points);
            let chunk = inputs.chunk(space, base, count as u32);
            let groups = (count as u32).div_ceil(LANES);
            let bytes = self.execute(
                std::slice::from_ref(pipeline),
                &slot,
                &chunk,
                groups,
                count * size_of::<Outcome>() as u64,
            )?;
            outcomes.extend(bytemuck::pod_collect_to_vec::<u8, Outcome>(&bytes));
            base += count;
        }
        Ok(outcomes)
    }

    /// Runs the kernels of a search over the whole space.
    fn harvest(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Harvest, EngineFault> {
        let mut harvest = Harvest::default();
        let length = space.len();
        if length == 0 {
            return Ok(harvest);
        }
        if let Some(why) = self.lost() {
            return Err(EngineFault::Lost { adapter: self.name.clone(), why });
        }
        let idle = lock(&self.idle).pop();
        let slot = match idle {
            Some(slot) if slot.fits(space, length) => slot,
            _ => {
                let points = length.clamp(FIRST_CHUNK, MOST_CHUNK).next_power_of_two();
                let layout = self.search[0].get_bind_group_layout(0);
                self.slot(&layout, space, points, size_of::<Tally>() as u64, true)
            }
        };
        self.queue.write_buffer(&slot.axes, 0, bytemuck::cast_slice(&rows::axis_values(space)));
        let inputs = Inputs::new(setting, space, chips, NEAR_TIE);
        let mut base = 0;
        while base < length {
            let count = self.chunk.load(Ordering::Relaxed).min(length - base).min(slot.points);
            let chunk = inputs.chunk(space, base, count as u32);
            let groups = (count as u32).div_ceil(LANES * POINTS_A_LANE).min(MOST_GROUPS);
            let begun = Instant::now();
            let bytes = self.execute(&self.search, &slot, &chunk, groups, size_of::<Tally>() as u64)?;
            self.keep_pace(count, begun.elapsed());
            for tally in bytemuck::pod_collect_to_vec::<u8, Tally>(&bytes) {
                harvest.gather(base..base + count, &tally);
            }
            base += count;
        }
        lock(&self.idle).push(slot);
        Ok(harvest)
    }

    /// Lets the next dispatch be larger or smaller, so that it takes about [`PACE`].
    fn keep_pace(&self, count: u64, took: Duration) {
        let chunk = self.chunk.load(Ordering::Relaxed);
        let next = if took > 2 * PACE {
            chunk / 2
        } else if took < PACE / 2 && count == chunk {
            chunk * 2
        } else {
            chunk
        };
        self.chunk.store(next.clamp(LEAST_CHUNK, MOST_CHUNK), Ordering::Relaxed);
    }

    /// Buffers for so many points and bytes of results; a search also needs room between its kernels.
    fn slot(
        &self,
        layout: &wgpu::BindGroupLayout,
        space: &PlanSpace,
        points: u64,
        results_size: u64,
        between: bool,
    ) -> Slot {
        let buffer = |label, size: u64, usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let (written, stored) = (wgpu::BufferUsages::COPY_DST, wgpu::BufferUsages::STORAGE);
        let inputs = buffer("inputs", size_of::<Inputs>() as u64, stored | written);
        let axes = buffer("axes", axes_size(space).next_power_of_two().max(1024), stored | written);
        let results = buffer("results", results_size, stored | written | wgpu::BufferUsages::COPY_SRC);
        let readback = buffer("readback", results_size, wgpu::BufferUsages::MAP_READ | written);
        let kept = if between {
            vec![
                buffer("queue", 4 * points, stored),
                buffer("values", 16 * points, stored),
                buffer("nearness", 4 * points, stored),
            ]
        } else {
            Vec::new()
        };
        let bound = [&inputs, &axes, &results].into_iter().chain(&kept);
        let entries: Vec<_> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("search"),
            layout,
            entries: &entries,
        });
        Slot { inputs, axes, results, readback, group, points }
    }

    /// One chunk through the kernels, to the bytes of its results.
    fn execute(
        &self,
        pipelines: &[wgpu::ComputePipeline],
        slot: &Slot,
        chunk: &Inputs,
        groups: u32,
        size: u64,
    ) -> Result<Vec<u8>, EngineFault> {
        let outcome = execute_inner(&self.device, &self.queue, pipelines, slot, chunk, groups, size);
        match (outcome, self.lost()) {
            (Ok(bytes), None) => Ok(bytes),
            (_, Some(why)) => Err(EngineFault::Lost { adapter: self.name.clone(), why }),
            (Err(why), None) => {
                lock(&self.fault).get_or_insert(why.clone());
                Err(EngineFault::Lost { adapter: self.name.clone(), why })
            }
        }
    }
}

fn execute_inner(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    pipelines: &[wgpu::ComputePipeline],
    slot: &Slot,
    chunk: &Inputs,
    groups: u32,
    size: u64,
) -> Result<Vec<u8>, String> {
    queue.write_buffer(&slot.inputs, 0, bytemuck::bytes_of(chunk));
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.clear_buffer(&slot.results, 0, None);
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_bind_group(0, &slot.group, &[]);
        for pipeline in pipelines {
            pass.set_pipeline(pipeline);
            pass.dispatch_workgroups(groups, 1, 1);
        }
    }
    encoder.copy_buffer_to_buffer(&slot.results, 0, &slot.readback, 0, size);
    let submission = queue.submit([encoder.finish()]);
    let (sender, receiver) = mpsc::channel();
    slot.readback.map_async(wgpu::MapMode::Read, 0..size, move |mapped| {
        // The receiver waits below; where it gave up, nobody needs the answer.
        let _ = sender.send(mapped);
    });
    device
        .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) })
        .map_err(|e| e.to_string())?;
    receiver.recv_timeout(PATIENCE).map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let bytes = slot.readback.get_mapped_range(0..size).map_err(|e| e.to_string())?.to_vec();
    slot.readback.unmap();
    Ok(bytes)
}

fn module(device: &wgpu::Device, kernels: &str) -> wgpu::ShaderModule {
    let text = [shaders::MODEL, shaders::BINDINGS, kernels].concat();
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("wattline"),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    })
}

fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    entry: &str,
    layout: Option<&wgpu::PipelineLayout>,
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout,
        module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

/// One layout for the kernels of a search: inputs, axes, tally, and what passes between them.
fn search_layout(device: &wgpu::Device) -> wgpu::PipelineLayout {
    let entries: Vec<_> = (0..6)
        .map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: binding < 2 },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let group =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("search"), entries: &entries });
    device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("search"),
        bind_group_layouts: &[Some(&group)],
        immediate_size: 0,
    })
}

impl Slot {
    /// Whether a search of `length` points fits, in chunks of a good size.
    fn fits(&self, space: &PlanSpace, length: u64) -> bool {
        self.axes.size() >= axes_size(space) && self.points >= length.min(MOST_CHUNK)
    }
}

/// Bytes of the axes' values.
fn axes_size(space: &PlanSpace) -> u64 {
    4 * space.lengths().iter().map(|n| u64::from(*n)).sum::<u64>()
}

/// The plans that may be the best ones, and the counts.
#[derive(Clone, Debug, Default)]
struct Harvest {
    /// Least value that the device found for each objective.
    best: [Option<f32>; Objective::ALL.len()],
    /// Points that the reference must see, with the list and the chunk's best value that they were picked by.
    picked: Vec<(usize, f32, Range<u64>)>,
    /// Points of the rejections nearest to running, with their standing.
    nearest: Vec<(u32, u64)>,
    feasible: u64,
    rejected: [u64; Reason::ALL.len()],
}

impl Harvest {
    /// Adds what was found in a chunk.
    fn gather(&mut self, chunk: Range<u64>, tally: &Tally) {
        self.feasible += u64::from(tally.count[0]);
        for (sum, count) in self.rejected.iter_mut().zip(&tally.count[1..]) {
            *sum += u64::from(*count);
        }
        let point = |offset: &u32| chunk.start + u64::from(*offset);
        for (list, least) in self.best.iter_mut().enumerate() {
            let Some(value) = tally.best_value(list) else { continue };
            *least = Some(least.map_or(value, |other| other.min(value)));
            if tally.picked[list] as usize > MOST_PICKED {
                // A crowd of near-ties, of which the device kept only some: the reference looks at them all.
                self.picked.push((list, value, chunk.clone()));
            } else {
                self.picked.extend(tally.list(list).iter().map(|o| (list, value, point(o)..point(o) + 1)));
            }
        }
        let nearest = Objective::ALL.len();
        self.nearest.extend(tally.list(nearest).iter().map(|offset| (tally.best[nearest], point(offset))));
    }

    /// Points that the reference must see: every plan that f32 cannot tell from the best.
    fn doubtful(&self) -> Vec<u64> {
        let near = self.picked.iter().filter(|(list, value, _)| {
            self.best[*list].is_some_and(|least| value - least <= 2.0 * NEAR_TIE * least.abs())
        });
        let mut points: Vec<u64> = near.flat_map(|(_, _, points)| points.clone()).collect();
        // A plan at the very edge, which the device rejected, may run by the reference.
        let standing = self.nearest.iter().map(|n| n.0).max();
        points.extend(self.nearest.iter().filter(|n| Some(n.0) == standing).map(|n| n.1));
        points.sort_unstable();
        points.dedup();
        points
    }

    /// Lets the reference decide between the candidates: the least value, the lower index on a tie.
    fn settle(self, setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
        let again = |index: &u64| space.decode(*index).map(|plan| estimate(setting, &plan, chips));
        let points = self.doubtful();
        let outcomes: Vec<_> = points.par_iter().with_min_len(64).filter_map(again).collect();
        let mut best: [Option<Estimate>; 4] = [None; 4];
        let mut nearest: Option<Rejection> = None;
        for outcome in outcomes {
            match outcome {
                Ok(estimate) => {
                    for (objective, slot) in Objective::ALL.into_iter().zip(&mut best) {
                        if slot.as_ref().is_none_or(|least| objective.of(&estimate) < objective.of(least)) {
                            *slot = Some(estimate);
                        }
                    }
                }
                Err(rejection) => nearest = nearer(nearest, Some(rejection)),
            }
        }
        Found {
            best,
            frontier: Frontier::new(Depth::default()),
            evaluated: self.feasible + self.rejected.iter().sum::<u64>(),
            feasible: self.feasible,
            nearest,
            rejected: self.rejected,
        }
    }
}
