//! The f32 twin of the model on a GPU: chunks of a space go out, the best few of each workgroup come back.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::EngineFault;
use super::rows::{self, Axes, Chunk, NOTHING, Outcome, Record, SettingRows, SpaceRow};
use super::shaders;
use crate::model::plan::Reason;
use crate::model::setting::Setting;
use crate::model::{Estimate, Rejection, estimate};
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective, nearer};

/// Points that one workgroup sorts at most (`MOST_POINTS` of the kernel).
const MOST_POINTS: u32 = 1024;
/// Fewer would leave lanes idle: most points are no plans, and most plans do not fit.
const LEAST_POINTS: u32 = 256;
/// Invocations of a workgroup (`LANES` of the kernels).
const LANES: u32 = 64;
/// A dispatch should take about this long: far below every watchdog, far above the cost of a submission.
const PACE: Duration = Duration::from_millis(30);
/// Points of a dispatch: where it starts, and its bounds.
const FIRST_CHUNK: u64 = 1 << 18;
const LEAST_CHUNK: u64 = 1 << 16;
const MOST_CHUNK: u64 = 1 << 24;
/// Workgroups that keep a large device busy, and a software adapter.
const BUSY_GROUPS: u64 = 512;
const BUSY_THREADS: u64 = 8;
/// Records that buffers have room for at least, so that the next search finds them large enough.
const USUAL_GROUPS: u64 = 4096;
/// Longest wait for one dispatch before the device counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);
/// Stripes (the points of one workgroup) of each objective that are kept: near-ties in f32 are told apart in f64.
const CANDIDATES: usize = 32;
/// Relative distance within which f32 does not decide. The models differ by about 1e-6 (`tests/parity`).
const NEAR_TIE: f32 = 2e-5;
/// Bytes between two rows of the uniform buffer.
const ROW_STRIDE: u64 = 256;
/// Uniform rows: eight of a setting, the space, the lengths of its axes, the chunk.
const ROWS: u64 = 11;
const CHUNK_ROW: u64 = 10;

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
    best: wgpu::ComputePipeline,
    evaluate: OnceLock<wgpu::ComputePipeline>,
    /// Buffers that a search leaves to the next one.
    idle: Mutex<Vec<Slot>>,
    /// Points of a dispatch that takes about [`PACE`].
    chunk: AtomicU64,
    /// Workgroups that keep the device busy.
    busy: u64,
    fault: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Buffers of one search, kept from chunk to chunk and from search to search.
struct Slot {
    rows: wgpu::Buffer,
    axes: wgpu::Buffer,
    results: wgpu::Buffer,
    readback: wgpu::Buffer,
    group: wgpu::BindGroup,
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
        let busy = if is_software(&device.adapter_info()) { BUSY_THREADS } else { BUSY_GROUPS };
        let best = pipeline(&device, shaders::BEST, "best");
        let gpu = Gpu {
            name,
            device,
            queue,
            best,
            evaluate: OnceLock::new(),
            idle: Mutex::new(Vec::new()),
            chunk: AtomicU64::new(FIRST_CHUNK),
            busy,
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
        let pipeline = self.evaluate.get_or_init(|| pipeline(&self.device, shaders::EVALUATE, "evaluate"));
        let mut outcomes = Vec::new();
        let mut base = range.start;
        while base < range.end {
            let count = (range.end - base).min(u64::from(LANES) * 4096);
            let groups = (count as u32).div_ceil(LANES);
            let size = groups as usize * LANES as usize * size_of::<Outcome>();
            let slot = self.slot(pipeline, setting, space, chips, size as u64);
            let chunk = Chunk::new(rows::digits(space, base), count as u32, LANES);
            let bytes = self.execute(pipeline, &slot, chunk, groups, size as u64)?;
            outcomes.extend_from_slice(&bytemuck::pod_collect_to_vec::<u8, Outcome>(&bytes)[..count as usize]);
            base += count;
        }
        Ok(outcomes)
    }

    /// Runs the `best` kernel over the whole space.
    fn harvest(&self, setting: &Setting, space: &PlanSpace, chips: f64) -> Result<Harvest, EngineFault> {
        let mut harvest = Harvest::default();
        let length = space.len();
        if length == 0 {
            return Ok(harvest);
        }
        if let Some(why) = self.lost() {
            return Err(EngineFault::Lost { adapter: self.name.clone(), why });
        }
        let most_groups = MOST_CHUNK.min(length).div_ceil(u64::from(MOST_POINTS)).max(USUAL_GROUPS);
        let size = most_groups * size_of::<Record>() as u64;
        let idle = lock(&self.idle).pop();
        let slot = match idle {
            Some(slot) if slot.fits(space, size) => {
                self.fill(&slot, setting, space, chips);
                slot
            }
            _ => self.slot(&self.best, setting, space, chips, size),
        };
        let mut base = 0;
        while base < length {
            let count = self.chunk.load(Ordering::Relaxed).min(length - base);
            let tile = tile(count, self.busy);
            let groups = (count as u32).div_ceil(tile);
            let chunk = Chunk::new(rows::digits(space, base), count as u32, tile);
            let begun = Instant::now();
            let bytes =
                self.execute(&self.best, &slot, chunk, groups, u64::from(groups) * size_of::<Record>() as u64)?;
            self.keep_pace(count, begun.elapsed());
            for (group, record) in (0..).zip(bytemuck::pod_collect_to_vec::<u8, Record>(&bytes)) {
                let begin = base + group * u64::from(tile);
                harvest.gather(base, begin..(begin + u64::from(tile)).min(base + count), &record);
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

    /// Buffers for a search with `size` bytes of results, filled.
    fn slot(
        &self,
        pipeline: &wgpu::ComputePipeline,
        setting: &Setting,
        space: &PlanSpace,
        chips: f64,
        size: u64,
    ) -> Slot {
        let buffer = |label, size: u64, usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let writable = wgpu::BufferUsages::COPY_DST;
        let rows = buffer("rows", ROWS * ROW_STRIDE, wgpu::BufferUsages::UNIFORM | writable);
        let values = axes_size(space).next_power_of_two().max(1024);
        let axes = buffer("axes", values, wgpu::BufferUsages::STORAGE | writable);
        let results = buffer("results", size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let readback = buffer("readback", size, wgpu::BufferUsages::MAP_READ | writable);
        let mut entries: Vec<_> = (0..ROWS)
            .map(|row| wgpu::BindGroupEntry {
                binding: row as u32,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &rows,
                    offset: row * ROW_STRIDE,
                    size: wgpu::BufferSize::new(ROW_STRIDE),
                }),
            })
            .collect();
        entries.push(wgpu::BindGroupEntry { binding: ROWS as u32, resource: axes.as_entire_binding() });
        entries.push(wgpu::BindGroupEntry { binding: ROWS as u32 + 1, resource: results.as_entire_binding() });
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("search"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        drop(entries);
        let slot = Slot { rows, axes, results, readback, group };
        self.fill(&slot, setting, space, chips);
        slot
    }

    /// Writes the rows of a search.
    fn fill(&self, slot: &Slot, setting: &Setting, space: &PlanSpace, chips: f64) {
        let setting = SettingRows::new(setting, chips);
        let space_row = SpaceRow::new(space);
        let lengths = Axes::new(space.lengths());
        let mut bytes = vec![0; (CHUNK_ROW * ROW_STRIDE) as usize];
        let rows = setting.bytes().into_iter().chain([bytemuck::bytes_of(&space_row), bytemuck::bytes_of(&lengths)]);
        for (place, row) in bytes.chunks_exact_mut(ROW_STRIDE as usize).zip(rows) {
            place[..row.len()].copy_from_slice(row);
        }
        self.queue.write_buffer(&slot.rows, 0, &bytes);
        self.queue.write_buffer(&slot.axes, 0, bytemuck::cast_slice(&rows::axis_values(space)));
    }

    /// One dispatch, from its chunk to the bytes of its results.
    fn execute(
        &self,
        pipeline: &wgpu::ComputePipeline,
        slot: &Slot,
        chunk: Chunk,
        groups: u32,
        size: u64,
    ) -> Result<Vec<u8>, EngineFault> {
        let outcome = execute_inner(&self.device, &self.queue, pipeline, slot, chunk, groups, size);
        match (outcome, self.lost()) {
            (Ok(bytes), None) => Ok(bytes),
            (Ok(_), Some(why)) | (Err(_), Some(why)) => Err(EngineFault::Lost { adapter: self.name.clone(), why }),
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
    pipeline: &wgpu::ComputePipeline,
    slot: &Slot,
    chunk: Chunk,
    groups: u32,
    size: u64,
) -> Result<Vec<u8>, String> {
    queue.write_buffer(&slot.rows, CHUNK_ROW * ROW_STRIDE, bytemuck::bytes_of(&chunk));
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &slot.group, &[]);
        pass.dispatch_workgroups(groups, 1, 1);
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

fn pipeline(device: &wgpu::Device, kernel: &str, entry: &str) -> wgpu::ComputePipeline {
    let text = [shaders::MODEL, shaders::BINDINGS, kernel].concat();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(entry),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module: &module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            // The kernels write what they read. Zeroing arrays of a thousand words also corrupts the heap of
            // lavapipe 22.3 while it compiles (one run in eight).
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}

impl Slot {
    /// Whether a search with this space and result size fits.
    fn fits(&self, space: &PlanSpace, size: u64) -> bool {
        self.axes.size() >= axes_size(space) && self.results.size() >= size
    }
}

/// Bytes of the axes' values.
fn axes_size(space: &PlanSpace) -> u64 {
    4 * space.lengths().iter().map(|n| u64::from(*n)).sum::<u64>()
}

/// Points of a workgroup: as many as it can sort, fewer where the device would not be busy.
fn tile(count: u64, busy: u64) -> u32 {
    let even = count.div_ceil(busy).div_ceil(u64::from(LANES)) * u64::from(LANES);
    even.clamp(u64::from(LEAST_POINTS), u64::from(MOST_POINTS)) as u32
}

/// The stripes with the best plans so far, the rejections nearest to running, and the counts.
#[derive(Clone, Debug, Default)]
struct Harvest {
    best: [Vec<Stripe>; 4],
    nearest: Vec<(u32, f32, u64)>,
    feasible: u64,
    rejected: [u64; Reason::ALL.len()],
}

/// The points of one workgroup, and the least value among them.
#[derive(Clone, Debug, PartialEq)]
struct Stripe {
    value: f32,
    points: Range<u64>,
}

impl Harvest {
    /// Adds what a workgroup found among its `points` in the chunk that begins at `base`.
    fn gather(&mut self, base: u64, points: Range<u64>, record: &Record) {
        self.feasible += u64::from(record.count[0]);
        for (sum, count) in self.rejected.iter_mut().zip(&record.count[1..]) {
            *sum += u64::from(*count);
        }
        for (list, (value, offset)) in self.best.iter_mut().zip(record.value.iter().zip(record.offset)) {
            if offset != NOTHING {
                keep(list, Stripe { value: *value, points: points.clone() }, |a, b| {
                    a.value < b.value || (a.value == b.value && a.points.start < b.points.start)
                });
            }
        }
        if record.nearest_offset != NOTHING {
            let rejection = (record.nearest_reason, record.nearest_ratio, base + u64::from(record.nearest_offset));
            let rank = |r: &(u32, f32, u64)| r.0 % Reason::Batch as u32;
            keep(&mut self.nearest, rejection, |a, b| {
                rank(a) > rank(b) || (rank(a) == rank(b) && (a.1 < b.1 || (a.1 == b.1 && a.2 < b.2)))
            });
        }
    }

    /// Points that the reference must see: every stripe whose best plan f32 cannot tell from the best of all.
    fn doubtful(&self) -> Vec<u64> {
        let mut stripes: Vec<Range<u64>> = Vec::new();
        for list in &self.best {
            let Some(least) = list.first().map(|stripe| stripe.value) else { continue };
            let near = list.iter().take_while(|stripe| stripe.value - least <= NEAR_TIE * least.abs());
            stripes.extend(near.map(|stripe| stripe.points.clone()));
        }
        stripes.sort_by_key(|points| points.start);
        stripes.dedup();
        // A plan at the very edge, which the device rejected, may run by the reference.
        let mut points: Vec<u64> = stripes.into_iter().flatten().chain(self.nearest.iter().map(|n| n.2)).collect();
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
            evaluated: self.feasible + self.rejected.iter().sum::<u64>(),
            feasible: self.feasible,
            nearest,
            rejected: self.rejected,
        }
    }
}

/// Inserts into a short list, the best first.
fn keep<T>(list: &mut Vec<T>, item: T, before: impl Fn(&T, &T) -> bool) {
    let place = list.iter().position(|other| before(&item, other)).unwrap_or(list.len());
    if place < CANDIDATES {
        list.insert(place, item);
        list.truncate(CANDIDATES);
    }
}
