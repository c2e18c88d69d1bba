// What both kernels read: the rows of a setting, the axes of a space, the chunk of it that a dispatch covers.

struct Chunk {
    // Points of the chunk, and points that one workgroup takes.
    count: u32,
    tile: u32,
    // Digits of the first point.
    @align(16) base: Axes,
}

@group(0) @binding(0) var<uniform> chip_row: ChipRow;
@group(0) @binding(1) var<uniform> cluster_row: ClusterRow;
@group(0) @binding(2) var<uniform> workload_row: WorkloadRow;
@group(0) @binding(3) var<uniform> stack_row: StackRow;
@group(0) @binding(4) var<uniform> site_row: SiteRow;
@group(0) @binding(5) var<uniform> calibration_row: CalibrationRow;
@group(0) @binding(6) var<uniform> assumptions_row: AssumptionsRow;
@group(0) @binding(7) var<uniform> design_row: DesignRow;
@group(0) @binding(8) var<uniform> space_row: SpaceRow;
@group(0) @binding(9) var<uniform> lengths: Axes;
@group(0) @binding(10) var<uniform> chunk: Chunk;
// The values of all axes, one list after the other.
@group(0) @binding(11) var<storage, read> axis_values: array<u32>;

fn bound_setting() -> Setting {
    return Setting(
        chip_row, cluster_row, workload_row, stack_row, site_row, calibration_row, assumptions_row, design_row,
    );
}

// The plan at an offset from the first point of the chunk.
fn plan_at(offset: u32) -> Decoded {
    let at = digits(lengths, chunk.base, offset);
    let cp = lengths.tp;
    let pp = cp + lengths.cp;
    let vpp = pp + lengths.pp;
    let ep = vpp + lengths.vpp;
    let micro_batch = ep + lengths.ep;
    let recompute = micro_batch + lengths.micro_batch;
    let shard = recompute + lengths.recompute;
    let sequence_parallel = shard + lengths.shard;
    let fill = sequence_parallel + lengths.sequence_parallel;
    return decode(
        space_row,
        Axes(
            axis_values[at.tp],
            axis_values[cp + at.cp],
            axis_values[pp + at.pp],
            axis_values[vpp + at.vpp],
            axis_values[ep + at.ep],
            axis_values[micro_batch + at.micro_batch],
            axis_values[recompute + at.recompute],
            axis_values[shard + at.shard],
            axis_values[sequence_parallel + at.sequence_parallel],
            axis_values[fill + at.fill],
        ),
    );
}
