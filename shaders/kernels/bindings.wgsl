// What all kernels read: the rows of a setting, the axes of a space, the chunk of it that a dispatch covers.
//
// Twin: `Inputs` in `src/engine/rows.rs`. A storage buffer, not a uniform one: lavapipe 22.3 looks for branches on uniforms
// to inline and writes beyond its list where there are as many as here.

struct Inputs {
    setting: Setting,
    space: SpaceRow,
    lengths: Axes,
    // Digits of the chunk's first point, and its points.
    base: Axes,
    count: u32,
    // Relative distance from the best value within which the reference decides.
    near_tie: f32,
}

@group(0) @binding(0) var<storage, read> inputs: Inputs;
// The values of all axes, one list after the other.
@group(0) @binding(1) var<storage, read> axis_values: array<u32>;

// The values that stand at the digits of a point.
fn axes_at(at: Axes) -> Axes {
    let lengths = inputs.lengths;
    let cp = lengths.tp;
    let pp = cp + lengths.cp;
    let vpp = pp + lengths.pp;
    let ep = vpp + lengths.vpp;
    let micro_batch = ep + lengths.ep;
    let recompute = micro_batch + lengths.micro_batch;
    let shard = recompute + lengths.recompute;
    let sequence_parallel = shard + lengths.shard;
    let fill = sequence_parallel + lengths.sequence_parallel;
    return Axes(
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
    );
}

// The plan at an offset from the first point of the chunk.
fn plan_at(offset: u32) -> Decoded {
    return decode(inputs.space, axes_at(digits(inputs.lengths, inputs.base, offset)));
}
