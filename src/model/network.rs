//! Time of the collectives on each network tier.
//!
//! Twin: `shaders/model/network.wgsl`. Latency-bandwidth (α–β) cost of hierarchical algorithms: Thakur, Rabenseifner and Gropp,
//! "Optimization of Collective Communication Operations in MPICH", IJHPCA 19 (2005).

use super::setting::Setting;
use crate::library::stack::Dispatch;

/// How a group of `n` ranks, `stride` apart, lies in the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    pub n: f64,
    /// Members in one scale-up domain.
    pub inside: f64,
    /// Domains that the group spans.
    pub outside: f64,
    /// Whether it reaches beyond one pod of the fabric.
    pub beyond_pod: bool,
}

/// Largest divisor of `n` that is at most `most`.
pub fn largest_divisor(n: u32, most: u32) -> u32 {
    if most >= n {
        return n.max(1);
    }
    let mut divisor = most.max(1);
    while n % divisor != 0 {
        divisor -= 1;
    }
    divisor
}

/// Places a group: the largest divisor of `n` that fits into a domain is inside, the rest lies across the fabric.
pub fn group(setting: &Setting, n: u32, stride: u32) -> Group {
    let fits = (setting.cluster.domain_chips as u32 / stride.max(1)).max(1);
    let inside = largest_divisor(n, fits);
    Group {
        n: f64::from(n),
        inside: f64::from(inside),
        outside: f64::from(n / inside),
        beyond_pod: f64::from(n) * f64::from(stride) > setting.cluster.pod_chips,
    }
}

/// Achieved scale-up bandwidth of a rank, bytes/s in one direction. A ring on a torus uses part of the links.
pub fn scale_up_rate(setting: &Setting) -> f64 {
    let links = if setting.cluster.torus { setting.calibration.torus_links } else { 1.0 };
    setting.chip.scale_up_bytes_per_s * setting.calibration.scale_up_fraction * links
}

/// Achieved fabric bandwidth of a rank, bytes/s in one direction.
pub fn fabric_rate(setting: &Setting, beyond_pod: bool) -> f64 {
    let spine = if beyond_pod { setting.cluster.spine_oversubscription } else { 1.0 };
    setting.chip.nic_bytes_per_s * setting.calibration.fabric_fraction / (setting.cluster.pod_oversubscription * spine)
}

fn fabric_latency(setting: &Setting, beyond_pod: bool) -> f64 {
    setting.calibration.fabric_latency_s
        + setting.cluster.pod_latency_s
        + if beyond_pod { setting.cluster.spine_latency_s } else { 0.0 }
}

/// All-gather or reduce-scatter of `bytes` (the whole, not a rank's share): inside the domain, then the domain's
/// share across the fabric, every rank through its own NIC.
pub fn all_gather(setting: &Setting, bytes: f64, g: Group) -> f64 {
    if g.n <= 1.0 || bytes <= 0.0 {
        return 0.0;
    }
    let mut seconds = 0.0;
    if g.inside > 1.0 {
        seconds += (g.inside - 1.0) / g.inside * bytes / scale_up_rate(setting)
            + setting.calibration.scale_up_latency_s * (1.0 + 0.25 * g.inside.log2());
    }
    if g.outside > 1.0 {
        seconds += (g.outside - 1.0) / g.outside * (bytes / g.inside) / fabric_rate(setting, g.beyond_pod)
            + fabric_latency(setting, g.beyond_pod) * g.outside.log2();
    }
    seconds
}

/// All-reduce = reduce-scatter + all-gather.
pub fn all_reduce(setting: &Setting, bytes: f64, g: Group) -> f64 {
    2.0 * all_gather(setting, bytes, g)
}

/// Expected number of other members, of `n`, that hold any of `copies` experts drawn evenly.
fn others_reached(n: f64, copies: f64) -> f64 {
    (n - 1.0) * (1.0 - (1.0 - 1.0 / n).powf(copies))
}

/// Chips that one host drives at most: a larger scale-up domain is a rack.
const HOST_CHIPS: f64 = 8.0;

/// Whether the all-to-all sends a token once to each rank that holds any of its experts.
pub fn fused_dispatch(setting: &Setting) -> bool {
    match setting.stack.dispatch {
        Dispatch::AllToAll => false,
        Dispatch::FusedOnRacks => setting.cluster.domain_chips > HOST_CHIPS,
        Dispatch::Fused => true,
    }
}

/// One expert all-to-all: every rank sends `copies` copies of its `bytes`. A library's all-to-all sends each copy. A fused
/// dispatcher sends a token once to each rank that holds any of its experts, and across the fabric once to each domain
/// (`limit` domains at most, 0: no limit), as DeepEP does.
pub fn all_to_all(setting: &Setting, bytes: f64, copies: f64, limit: f64, g: Group) -> f64 {
    if g.n <= 1.0 {
        return 0.0;
    }
    let fused = fused_dispatch(setting);
    let near = if fused {
        (g.inside - 1.0) / (g.n - 1.0) * others_reached(g.n, copies) * g.outside
    } else {
        copies * (g.inside - 1.0) / g.inside
    };
    let efficiency = if fused { 1.0 } else { setting.calibration.all_to_all };
    let inside = bytes * near / (efficiency * scale_up_rate(setting));
    if g.outside <= 1.0 {
        return inside + 2.0 * setting.calibration.scale_up_latency_s;
    }
    let domains = if !fused {
        copies * (g.outside - 1.0) / g.outside
    } else if limit > 0.0 {
        others_reached(g.outside, copies).min(limit * (g.outside - 1.0) / g.outside)
    } else {
        others_reached(g.outside, copies)
    };
    inside + bytes * domains / fabric_rate(setting, g.beyond_pod) + 2.0 * fabric_latency(setting, g.beyond_pod)
}

/// One message to the next rank of a group whose members are `stride` apart.
pub fn point_to_point(setting: &Setting, bytes: f64, stride: u32) -> f64 {
    let near = 2.0 * f64::from(stride) <= setting.cluster.domain_chips;
    let rate = if near {
        scale_up_rate(setting)
    } else {
        fabric_rate(setting, 2.0 * f64::from(stride) > setting.cluster.pod_chips)
    };
    bytes / rate + setting.calibration.scale_up_latency_s
}
