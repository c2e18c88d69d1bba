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

/// Largest divisor of `n` that is at most `most`. Whichever of the divisor and its partner is small walks, so that no more
/// than 2·√n remainders are taken.
pub fn largest_divisor(n: u32, most: u32) -> u32 {
    if most >= n {
        return n.max(1);
    }
    let start = most.max(1);
    let mut partner = n.div_ceil(start);
    while partner <= n / partner {
        if n % partner == 0 {
            return n / partner;
        }
        partner += 1;
    }
    let mut divisor = start.min(n / partner);
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

/// Switches that a message across the fabric passes, beyond the NICs at its ends.
fn switch_latency(setting: &Setting, beyond_pod: bool) -> f64 {
    setting.cluster.pod_latency_s + if beyond_pod { setting.cluster.spine_latency_s } else { 0.0 }
}

/// Steps of one walk round the members of a domain: all of them in a switched one; along two axes of a torus.
fn inside_hops(setting: &Setting, g: Group) -> f64 {
    if setting.cluster.torus { 2.0 * (g.inside.sqrt() - 1.0) } else { g.inside - 1.0 }
}

/// Latency of a ring, which passes every member: n - 1 steps, of which one a domain crosses the fabric.
fn ring_latency(setting: &Setting, g: Group) -> f64 {
    let c = &setting.calibration;
    c.scale_up_latency_s
        + g.outside * inside_hops(setting, g) * c.scale_up_hop_s
        + (g.outside - 1.0) * (c.fabric_hop_s + switch_latency(setting, g.beyond_pod))
}

/// Latency of a reduction up a tree of domains and down again; inside a domain the members are in a chain.
fn tree_latency(setting: &Setting, g: Group) -> f64 {
    let c = &setting.calibration;
    let level = c.fabric_latency_s + switch_latency(setting, g.beyond_pod);
    c.scale_up_latency_s + 2.0 * (inside_hops(setting, g) * c.scale_up_hop_s + g.outside.log2() * level)
}

/// Seconds that `bytes` spread over a group take by bandwidth alone. A ring passes every member, through the domain's
/// links and all its NICs at once, so the slower of the two sets the pace; a torus takes one tier after the other.
fn spread(setting: &Setting, bytes: f64, g: Group) -> f64 {
    let scale_up = scale_up_rate(setting);
    let nics = g.inside * fabric_rate(setting, g.beyond_pod);
    if setting.cluster.torus {
        let inside = (g.inside - 1.0) / g.inside * bytes / scale_up;
        return if g.outside > 1.0 { inside + (g.outside - 1.0) / g.outside * bytes / nics } else { inside };
    }
    let slower = if g.outside <= 1.0 {
        scale_up
    } else if g.inside > 1.0 {
        nics.min(scale_up)
    } else {
        nics
    };
    (g.n - 1.0) / g.n * bytes / slower
}

/// All-gather or reduce-scatter of `bytes` (the whole, not a rank's share), round a ring: NCCL has no tree for these.
pub fn all_gather(setting: &Setting, bytes: f64, g: Group) -> f64 {
    if g.n <= 1.0 || bytes <= 0.0 {
        return 0.0;
    }
    spread(setting, bytes, g) + ring_latency(setting, g)
}

/// All-reduce: twice the traffic, by ring or by tree, whichever starts sooner.
pub fn all_reduce(setting: &Setting, bytes: f64, g: Group) -> f64 {
    if g.n <= 1.0 || bytes <= 0.0 {
        return 0.0;
    }
    2.0 * spread(setting, bytes, g) + (2.0 * ring_latency(setting, g)).min(tree_latency(setting, g))
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
    inside
        + bytes * domains / fabric_rate(setting, g.beyond_pod)
        + 2.0
            * (setting.calibration.scale_up_latency_s
                + setting.calibration.fabric_latency_s
                + switch_latency(setting, g.beyond_pod))
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
