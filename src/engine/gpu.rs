//! The f32 twin of the model on a GPU: chunks of a space go out, the best few of each workgroup come back.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::EngineFault;
use super::rows::{self, BINS_SIZE, Inputs, LAYER_SIZE, List, MOST_PICKED, Outcome, Tally};
use super::shaders;
use crate::model::evaluator::Evaluator;
use crate::model::plan::Reason;
use crate::model::setting::Setting;
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective};

/// Invocations of a workgroup.
const LANES: u32 = 64;
/// Points that an invocation takes where there are enough, and workgroups that keep every device busy.
const POINTS_A_LANE: u32 = 8;
const MOST_GROUPS: u32 = 4096;
/// A dispatch should take about this long: far below every watchdog, far above the cost of a submission.
const PACE: Duration = Duration::from_millis(30);
/// Points of a dispatch: where it starts, and its bounds. Buffers hold 28 bytes a point.
const FIRST_CHUNK: u64 = 1 << 18;
const LEAST_CHUNK: u64 = 1 << 16;
const MOST_CHUNK: u64 = 1 << 22;
/// Layers that are worth a table.
const MOST_LAYERS: u64 = 1 << 18;
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
    search: Kernels,
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

/// The kernels of a search.
struct Kernels {
    admit: wgpu::ComputePipeline,
    /// Each plan with its layer.
    whole: wgpu::ComputePipeline,
    /// The table of layers, and plans that read it.
    layers: wgpu::ComputePipeline,
    by_layer: wgpu::ComputePipeline,
    bin: wgpu::ComputePipeline,
    join: wgpu::ComputePipeline,
    pick: wgpu::ComputePipeline,
}

/// Buffers of one search, kept from chunk to chunk and from search to search.
struct Slot {
    axes: wgpu::Buffer,
    bins: Option<wgpu::Buffer>,
    /// Two chunks are on their way at a time: one is computed while the other is read.
    ends: [End; 2],
    /// Points and layers that the buffers have room for.
    points: u64,
    layers: u64,
}

/// Where a chunk enters and leaves the device.
struct End {
    inputs: wgpu::Buffer,
    /// What comes back: a tally, or outcomes.
    results: wgpu::Buffer,
    readback: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// A chunk on its way.
struct Flight {
    range: Range<u64>,
    begun: Instant,
    submission: wgpu::SubmissionIndex,
    mapped: mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
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
        let kernel = |entry| pipeline(&device, &module, entry, Some(&layout));
        let search = Kernels {
            admit: kernel("admit_points"),
            whole: kernel("time_plans"),
            layers: kernel("time_layers"),
            by_layer: kernel("time_plans_by_layer"),
            bin: kernel("bin_plans"),
            join: kernel("join_bins"),
            pick: kernel("pick_plans"),
        };
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
        let size = points * size_of::<Outcome>() as u64;
        let slot = self.slot(&pipeline.get_bind_group_layout(0), space, points, None, size);
        self.queue.write_buffer(&slot.axes, 0, bytemuck::cast_slice(&rows::axis_values(space)));
        let inputs = Inputs::new(setting, space, chips, NEAR_TIE);
        let mut outcomes = Vec::new();
        let mut base = range.start;
        while base < range.end {
            let count = (range.end - base).min(points);
            let size = count * size_of::<Outcome>() as u64;
            let chunk = inputs.chunk(space, base, count as u32);
            let steps = [(pipeline, (count as u32).div_ceil(LANES))];
            let flight = self.submit(&steps, &slot, 0, &chunk, base..base + count, size);
            let bytes = self.collect(&slot.ends[0], &flight, size)?;
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
        let kernels = &self.search;
        let layers = layers_of(space);
        let idle = lock(&self.idle).pop();
        let slot = match idle {
            Some(slot) if slot.fits(space, length, layers.unwrap_or(0)) => slot,
            _ => {
                let points = length.clamp(FIRST_CHUNK, MOST_CHUNK).next_power_of_two();
                let layout = kernels.admit.get_bind_group_layout(0);
                self.slot(&layout, space, points, Some(layers.unwrap_or(1)), size_of::<Tally>() as u64)
            }
        };
        self.queue.write_buffer(&slot.axes, 0, bytemuck::cast_slice(&rows::axis_values(space)));
        let inputs = Inputs::new(setting, space, chips, NEAR_TIE);
        let size = size_of::<Tally>() as u64;
        let mut flights: VecDeque<(usize, Flight)> = VecDeque::new();
        let mut table = layers.map(|n| (&kernels.layers, n.div_ceil(u64::from(LANES)) as u32));
        let (mut base, mut end, mut landed) = (0, 0, Instant::now());
        while base < length || !flights.is_empty() {
            if base < length && flights.len() < slot.ends.len() {
                let count = self.chunk.load(Ordering::Relaxed).min(length - base).min(slot.points);
                let chunk = inputs.chunk(space, base, count as u32);
                let groups = (count as u32).div_ceil(LANES * POINTS_A_LANE).min(MOST_GROUPS);
                let time = if layers.is_some() { &kernels.by_layer } else { &kernels.whole };
                // The first chunk brings the table of layers along.
                let steps: Vec<_> = table
                    .take()
                    .into_iter()
                    .chain([(&kernels.admit, groups), (time, groups), (&kernels.bin, groups)])
                    .chain([(&kernels.join, 1), (&kernels.pick, groups)])
                    .collect();
                let flight = self.submit(&steps, &slot, end, &chunk, base..base + count, size);
                flights.push_back((end, flight));
                end = (end + 1) % slot.ends.len();
                base += count;
            } else if let Some((end, flight)) = flights.pop_front() {
                let bytes = self.collect(&slot.ends[end], &flight, size)?;
                let begun = flight.begun.max(landed);
                landed = Instant::now();
                self.keep_pace(flight.range.end - flight.range.start, landed - begun);
                for tally in bytemuck::pod_collect_to_vec::<u8, Tally>(&bytes) {
                    harvest.gather(flight.range.clone(), &tally);
                }
            }
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

    /// Buffers for so many points and bytes of results; a search also needs room between its kernels, for its layers among
    /// them.
    fn slot(
        &self,
        layout: &wgpu::BindGroupLayout,
        space: &PlanSpace,
        points: u64,
        layers: Option<u64>,
        results_size: u64,
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
        let axes = buffer("axes", axes_size(space).next_power_of_two().max(1024), stored | written);
        let kept = match layers {
            Some(layers) => vec![
                buffer("queue", 4 * points, stored),
                buffer("values", 20 * points, stored),
                buffer("nearness", 4 * points, stored),
                buffer("bins", BINS_SIZE, stored | written),
                buffer("layers", LAYER_SIZE * layers, stored),
            ],
            None => Vec::new(),
        };
        let ends = [(); 2].map(|()| {
            let inputs = buffer("inputs", size_of::<Inputs>() as u64, stored | written);
            let results = buffer("results", results_size, stored | written | wgpu::BufferUsages::COPY_SRC);
            let readback = buffer("readback", results_size, wgpu::BufferUsages::MAP_READ | written);
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
            End { inputs, results, readback, group }
        });
        Slot { axes, bins: kept.into_iter().nth(3), ends, points, layers: layers.unwrap_or(0) }
    }

    /// Sends a chunk through kernels, each in so many workgroups.
    fn submit(
        &self,
        steps: &[(&wgpu::ComputePipeline, u32)],
        slot: &Slot,
        end: usize,
        chunk: &Inputs,
        range: Range<u64>,
        size: u64,
    ) -> Flight {
        let end = &slot.ends[end];
        let begun = Instant::now();
        self.queue.write_buffer(&end.inputs, 0, bytemuck::bytes_of(chunk));
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.clear_buffer(&end.results, 0, None);
        if let Some(bins) = &slot.bins {
            encoder.clear_buffer(bins, 0, None);
        }
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_bind_group(0, &end.group, &[]);
            for (pipeline, groups) in steps {
                pass.set_pipeline(pipeline);
                pass.dispatch_workgroups(*groups, 1, 1);
            }
        }
        encoder.copy_buffer_to_buffer(&end.results, 0, &end.readback, 0, size);
        let submission = self.queue.submit([encoder.finish()]);
        let (sender, mapped) = mpsc::channel();
        end.readback.map_async(wgpu::MapMode::Read, 0..size, move |outcome| {
            // Where nobody waits any more, nobody needs the answer.
            let _ = sender.send(outcome);
        });
        Flight { range, begun, submission, mapped }
    }

    /// Waits for a chunk, and reads what came back.
    fn collect(&self, end: &End, flight: &Flight, size: u64) -> Result<Vec<u8>, EngineFault> {
        match (read(&self.device, end, flight, size), self.lost()) {
            (Ok(bytes), None) => Ok(bytes),
            (_, Some(why)) => Err(EngineFault::Lost { adapter: self.name.clone(), why }),
            (Err(why), None) => {
                lock(&self.fault).get_or_insert(why.clone());
                Err(EngineFault::Lost { adapter: self.name.clone(), why })
            }
        }
    }
}

fn read(device: &wgpu::Device, end: &End, flight: &Flight, size: u64) -> Result<Vec<u8>, String> {
    device
        .poll(wgpu::PollType::Wait { submission_index: Some(flight.submission.clone()), timeout: Some(PATIENCE) })
        .map_err(|e| e.to_string())?;
    flight.mapped.recv_timeout(PATIENCE).map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let bytes = end.readback.get_mapped_range(0..size).map_err(|e| e.to_string())?.to_vec();
    end.readback.unmap();
    Ok(bytes)
}

/// Layers whose time the plans of a space share; `None` where it also depends on what is no axis, or there are too many.
fn layers_of(space: &PlanSpace) -> Option<u64> {
    let [tp, cp, _, _, ep, micro_batch, _, _, sequence_parallel, _] = space.lengths().map(u64::from);
    let layers = 2 * tp * cp * ep * micro_batch * sequence_parallel;
    (!space.precision.is_narrow() && layers <= MOST_LAYERS).then_some(layers)
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

/// One layout for the kernels of a search: inputs, axes, tally, and what passes between them. Eight buffers are what every
/// device binds.
fn search_layout(device: &wgpu::Device) -> wgpu::PipelineLayout {
    let entries: Vec<_> = (0..8)
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
    fn fits(&self, space: &PlanSpace, length: u64, layers: u64) -> bool {
        self.axes.size() >= axes_size(space) && self.points >= length.min(MOST_CHUNK) && self.layers >= layers
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
    /// Points that may lie on the frontier.
    frontier: Vec<u64>,
    /// Points of the rejections nearest to running, with their standing.
    nearest: Vec<(u32, u64)>,
    /// Points that the device did not count: those whose verdict f32 leaves open, and chunks with more candidates than fit
    /// into a list.
    open: Vec<Range<u64>>,
    feasible: u64,
    rejected: [u64; Reason::ALL.len()],
}

impl Harvest {
    /// Adds what was found in a chunk.
    fn gather(&mut self, chunk: Range<u64>, tally: &Tally) {
        let overflows = |list: List| tally.picked[list as usize] as usize > MOST_PICKED;
        if overflows(List::Frontier) || overflows(List::Doubtful) {
            self.open.push(chunk);
            return;
        }
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
        self.frontier.extend(tally.list(List::Frontier as usize).iter().map(point));
        self.open.extend(tally.list(List::Doubtful as usize).iter().map(|o| point(o)..point(o) + 1));
        let nearest = List::Nearest as usize;
        self.nearest.extend(tally.list(nearest).iter().map(|offset| (tally.best[nearest], point(offset))));
    }

    /// Points that the reference must see, in their order, and whether it has to count them: every plan that f32 cannot
    /// tell from a winner, or of which it cannot tell whether it runs.
    fn candidates(&self) -> Vec<(u64, bool)> {
        let near = self.picked.iter().filter(|(list, value, _)| {
            self.best[*list].is_some_and(|least| value - least <= 2.0 * NEAR_TIE * least.abs())
        });
        let mut points: Vec<(u64, bool)> = near.flat_map(|(_, _, points)| points.clone()).map(|p| (p, false)).collect();
        points.extend(self.frontier.iter().map(|p| (*p, false)));
        let standing = self.nearest.iter().map(|n| n.0).max();
        points.extend(self.nearest.iter().filter(|n| Some(n.0) == standing).map(|n| (n.1, false)));
        points.extend(self.open.iter().flat_map(Clone::clone).map(|p| (p, true)));
        // Of two entries of a point, the one that counts it comes first and stays.
        points.sort_unstable_by_key(|(point, counts)| (*point, !counts));
        points.dedup_by_key(|(point, _)| *point);
        points
    }

    /// Lets the reference decide between the candidates.
    fn settle(self, setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
        let candidates = self.candidates();
        let mut found = candidates
            .par_chunks(1024)
            .map_init(
                || Evaluator::new(setting, chips),
                |evaluator, chunk| {
                    let mut found = Found::nothing();
                    for (index, counts) in chunk {
                        let Some(plan) = space.decode(*index) else { continue };
                        let outcome = evaluator.estimate(&plan);
                        if *counts { found.offer(outcome) } else { found.consider(outcome) }
                    }
                    found
                },
            )
            .reduce(Found::nothing, Found::join);
        found.evaluated += self.feasible + self.rejected.iter().sum::<u64>();
        found.feasible += self.feasible;
        for (sum, count) in found.rejected.iter_mut().zip(self.rejected) {
            *sum += count;
        }
        found
    }
}
