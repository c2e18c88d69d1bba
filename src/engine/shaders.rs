//! The device's model and kernels as WGSL text: the stages joined in order, then a kernel.

/// Every stage of the model, pure functions without bindings.
pub const MODEL: &str = concat!(
    include_str!("../../shaders/model/rows.wgsl"),
    include_str!("../../shaders/model/arithmetic.wgsl"),
    include_str!("../../shaders/model/plan.wgsl"),
    include_str!("../../shaders/model/weights.wgsl"),
    include_str!("../../shaders/model/roofline.wgsl"),
    include_str!("../../shaders/model/attention.wgsl"),
    include_str!("../../shaders/model/network.wgsl"),
    include_str!("../../shaders/model/adapter.wgsl"),
    include_str!("../../shaders/model/operations.wgsl"),
    include_str!("../../shaders/model/memory.wgsl"),
    include_str!("../../shaders/model/layout.wgsl"),
    include_str!("../../shaders/model/schedule.wgsl"),
    include_str!("../../shaders/model/goodput.wgsl"),
    include_str!("../../shaders/model/power.wgsl"),
    include_str!("../../shaders/model/cost.wgsl"),
    include_str!("../../shaders/model/carbon.wgsl"),
    include_str!("../../shaders/model/space.wgsl"),
    include_str!("../../shaders/model/estimate.wgsl"),
);

/// Bindings, and the plan of an invocation.
pub const BINDINGS: &str = include_str!("../../shaders/kernels/bindings.wgsl");

/// One outcome a point of the space.
pub const EVALUATE: &str = include_str!("../../shaders/kernels/evaluate.wgsl");

/// The best point of each objective, and counts, a workgroup.
pub const BEST: &str = include_str!("../../shaders/kernels/best.wgsl");
