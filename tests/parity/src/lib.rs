//! The shader model as Rust, and random runs to compare it with the reference on.

pub mod domain;
pub mod tolerance;

/// `shaders/model/*.wgsl`, translated when this crate is built.
#[allow(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
pub mod device {
    use super::Functions as _;
    include!(concat!(env!("OUT_DIR"), "/model.rs"));
}

use naga_rust_rt::Scalar;
use wattline::engine::rows;
use wattline::model::plan::Plan;
use wattline::model::setting::Setting;

/// Functions that the translation calls and naga-rust 0.4 lacks on scalars.
trait Functions {
    fn sqrt(self) -> Self;
    fn log(self) -> Self;
}

impl Functions for Scalar<f32> {
    fn sqrt(self) -> Self {
        Scalar(self.0.sqrt())
    }
    fn log(self) -> Self {
        Scalar(self.0.ln())
    }
}

/// A setting as the translated model reads it.
pub fn setting(setting: &Setting, chips: f64) -> device::Setting {
    let rows = rows::SettingRows::new(setting, chips);
    device::Setting {
        chip: device::ChipRow::from_words(words(&rows.chip)),
        cluster: device::ClusterRow::from_words(words(&rows.cluster)),
        workload: device::WorkloadRow::from_words(words(&rows.workload)),
        stack: device::StackRow::from_words(words(&rows.stack)),
        site: device::SiteRow::from_words(words(&rows.site)),
        calibration: device::CalibrationRow::from_words(words(&rows.calibration)),
        assumptions: device::AssumptionsRow::from_words(words(&rows.assumptions)),
        design: device::DesignRow::from_words(words(&rows.design)),
    }
}

/// A host row as the words that reach the device.
pub fn words<Row: bytemuck::NoUninit>(row: &Row) -> &[u32] {
    bytemuck::cast_slice(bytemuck::bytes_of(row))
}

/// A plan as the translated model reads it.
pub fn plan(plan: &Plan) -> device::Plan {
    device::Plan {
        tp: plan.tp,
        cp: plan.cp,
        pp: plan.pp,
        vpp: plan.vpp,
        dp: plan.dp,
        ep: plan.ep,
        etp: plan.etp,
        micro_batch: plan.micro_batch,
        micro_batches: plan.micro_batches,
        recompute: plan.recompute as u32,
        shard: plan.shard as u32,
        sequence_parallel: u32::from(plan.sequence_parallel),
        precision_code: plan.precision as u32,
    }
}
