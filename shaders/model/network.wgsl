// Time of the collectives on each network tier.
//
// Twin: `src/model/network.rs`.

struct Group {
    n: f32,
    inside: f32,
    outside: f32,
    beyond_pod: bool,
}

// Largest divisor of `n` that is at most `most`. Whichever of the divisor and its partner is small walks, so that no more
// than 2·√n remainders are taken.
fn largest_divisor(n: u32, most: u32) -> u32 {
    if most >= n {
        return max(n, 1u);
    }
    // The partner of the divisor grows from n / most.
    let start = max(most, 1u);
    var partner = (n + start - 1u) / start;
    while partner <= n / partner {
        if n % partner == 0u {
            return n / partner;
        }
        partner += 1u;
    }
    var divisor = min(start, n / partner);
    while n % divisor != 0u {
        divisor -= 1u;
    }
    return divisor;
}

fn group(setting: Setting, n: u32, stride: u32) -> Group {
    let fits = max(u32(setting.cluster.domain_chips) / max(stride, 1u), 1u);
    let inside = largest_divisor(n, fits);
    return Group(
        f32(n),
        f32(inside),
        f32(n / inside),
        f32(n) * f32(stride) > setting.cluster.pod_chips,
    );
}

fn scale_up_rate(setting: Setting) -> f32 {
    let links = select(1.0, setting.calibration.torus_links, setting.cluster.torus != 0u);
    return setting.chip.scale_up_bytes_per_s * setting.calibration.scale_up_fraction * links;
}

fn fabric_rate(setting: Setting, beyond_pod: bool) -> f32 {
    let spine = select(1.0, setting.cluster.spine_oversubscription, beyond_pod);
    return setting.chip.nic_bytes_per_s * setting.calibration.fabric_fraction / (setting.cluster.pod_oversubscription * spine);
}

fn switch_latency(setting: Setting, beyond_pod: bool) -> f32 {
    return setting.cluster.pod_latency_s + select(0.0, setting.cluster.spine_latency_s, beyond_pod);
}

fn inside_hops(setting: Setting, g: Group) -> f32 {
    return select(g.inside - 1.0, 2.0 * (sqrt(g.inside) - 1.0), setting.cluster.torus != 0u);
}

fn ring_latency(setting: Setting, g: Group) -> f32 {
    let c = setting.calibration;
    return c.scale_up_latency_s
        + g.outside * inside_hops(setting, g) * c.scale_up_hop_s
        + (g.outside - 1.0) * (c.fabric_hop_s + switch_latency(setting, g.beyond_pod));
}

fn tree_latency(setting: Setting, g: Group) -> f32 {
    let c = setting.calibration;
    let level = c.fabric_latency_s + switch_latency(setting, g.beyond_pod);
    return c.scale_up_latency_s + 2.0 * (inside_hops(setting, g) * c.scale_up_hop_s + log2(g.outside) * level);
}

fn spread(setting: Setting, bytes: f32, g: Group) -> f32 {
    let scale_up = scale_up_rate(setting);
    let nics = g.inside * fabric_rate(setting, g.beyond_pod);
    if setting.cluster.torus != 0u {
        let inside = (g.inside - 1.0) / g.inside * bytes / scale_up;
        if g.outside > 1.0 {
            return inside + (g.outside - 1.0) / g.outside * bytes / nics;
        }
        return inside;
    }
    var slower = nics;
    if g.outside <= 1.0 {
        slower = scale_up;
    } else if g.inside > 1.0 {
        slower = min(nics, scale_up);
    }
    return (g.n - 1.0) / g.n * bytes / slower;
}

fn all_gather(setting: Setting, bytes: f32, g: Group) -> f32 {
    if g.n <= 1.0 || bytes <= 0.0 {
        return 0.0;
    }
    return spread(setting, bytes, g) + ring_latency(setting, g);
}

fn all_reduce(setting: Setting, bytes: f32, g: Group) -> f32 {
    if g.n <= 1.0 || bytes <= 0.0 {
        return 0.0;
    }
    return 2.0 * spread(setting, bytes, g) + min(2.0 * ring_latency(setting, g), tree_latency(setting, g));
}

const HOST_CHIPS = 8.0;

fn fused_dispatch(setting: Setting) -> bool {
    switch setting.stack.dispatch {
        case DISPATCH_ALLTOALL: { return false; }
        case DISPATCH_FUSEDONRACKS: { return setting.cluster.domain_chips > HOST_CHIPS; }
        default: { return true; }
    }
}

// (n − 1)·(1 − (1 − 1/n)^copies), without the cancellation.
fn others_reached(n: f32, copies: f32) -> f32 {
    return (n - 1.0) * -exp_minus_one(copies * ln_one_plus(-1.0 / n));
}

fn all_to_all(setting: Setting, bytes: f32, copies: f32, limit: f32, g: Group) -> f32 {
    if g.n <= 1.0 {
        return 0.0;
    }
    let fused = fused_dispatch(setting);
    var near = copies * (g.inside - 1.0) / g.inside;
    if fused {
        near = (g.inside - 1.0) / (g.n - 1.0) * others_reached(g.n, copies) * g.outside;
    }
    let efficiency = select(setting.calibration.all_to_all, 1.0, fused);
    let inside = bytes * near / (efficiency * scale_up_rate(setting));
    if g.outside <= 1.0 {
        return inside + 2.0 * setting.calibration.scale_up_latency_s;
    }
    var domains = copies * (g.outside - 1.0) / g.outside;
    if fused {
        domains = others_reached(g.outside, copies);
        if limit > 0.0 {
            domains = min(domains, limit * (g.outside - 1.0) / g.outside);
        }
    }
    return inside + bytes * domains / fabric_rate(setting, g.beyond_pod) + 2.0 * (setting.calibration.scale_up_latency_s
        + setting.calibration.fabric_latency_s
        + switch_latency(setting, g.beyond_pod));
}

fn point_to_point(setting: Setting, bytes: f32, stride: u32) -> f32 {
    let reach = 2.0 * f32(stride);
    var rate = scale_up_rate(setting);
    if reach > setting.cluster.domain_chips {
        rate = fabric_rate(setting, reach > setting.cluster.pod_chips);
    }
    return bytes / rate + setting.calibration.scale_up_latency_s;
}
