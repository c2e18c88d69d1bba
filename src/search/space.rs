//! The plans of a design as one numbered space, which both engines decode alike.
//!
//! Twin of [`PlanSpace::decode`]: `shaders/model/space.wgsl`.

use std::ops::Range;

use crate::library::workload::Precision;
use crate::model::plan::{Plan, Recompute, Shard};
use crate::model::setting::Setting;

/// What the user fixed of a plan; every field left out is searched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fixed {
    pub tp: Option<u32>,
    pub cp: Option<u32>,
    pub pp: Option<u32>,
    pub vpp: Option<u32>,
    pub dp: Option<u32>,
    pub ep: Option<u32>,
    pub etp: Option<u32>,
    pub micro_batch: Option<u32>,
    pub recompute: Option<Recompute>,
    pub shard: Option<Shard>,
    pub sequence_parallel: Option<bool>,
    pub precision: Option<Precision>,
}

/// How the global batch of a plan is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch {
    /// Sequences a step that a plan should have.
    pub target: u32,
    /// Bounds that it may be rounded to; both equal to the target where the user typed it.
    pub least: u32,
    pub most: u32,
}

impl Batch {
    /// A target that may be rounded by a share either way.
    pub fn within(target: f64, tolerance: f64) -> Batch {
        Batch {
            target: target.round().clamp(1.0, 4e9) as u32,
            least: (target * (1.0 - tolerance)).ceil().clamp(1.0, 4e9) as u32,
            most: (target * (1.0 + tolerance)).floor().clamp(1.0, 4e9) as u32,
        }
    }
    /// A batch that the user typed.
    pub fn exact(target: u32) -> Batch {
        Batch { target, least: target, most: target }
    }
}

/// Axes of a plan space. A plan's index counts through them, the last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanSpace {
    pub tp: Vec<u32>,
    pub cp: Vec<u32>,
    pub pp: Vec<u32>,
    pub vpp: Vec<u32>,
    pub ep: Vec<u32>,
    pub micro_batch: Vec<u32>,
    pub recompute: Vec<Recompute>,
    pub shard: Vec<Shard>,
    pub sequence_parallel: Vec<bool>,
    /// Which of the micro-batch counts around the target: how many above the largest that full use of the ranks allows.
    pub fill: Vec<u32>,
    /// `Some`: every plan has this data-parallel size.
    pub dp: Option<u32>,
    pub expert_tensor_parallel: bool,
    pub etp: Option<u32>,
    pub precision: Precision,
    pub batch: Batch,
    /// Ranks that a plan may use, and must.
    pub ranks: u32,
    pub least_ranks: u32,
}

/// What follows from the sizes of a plan.
#[derive(Clone, Copy)]
struct Fit {
    etp: u32,
    dp: u32,
    micro_batches: u32,
}

/// Number of axes of a [`PlanSpace`].
pub const AXES: usize = 10;
/// The first axis that decides nothing about sizes: recompute, shard, sequence parallelism and fill follow it.
pub const SWITCHES: usize = 6;

impl PlanSpace {
    /// The plans that a stack's users would consider for a setting, with the user's fields fixed. With `exact` every rank
    /// must be used.
    pub fn new(setting: &Setting, fixed: &Fixed, ranks: u32, batch: Batch, exact: bool) -> PlanSpace {
        let a = &setting.workload.architecture;
        let one = |value: Option<u32>, values: Vec<u32>| value.map_or(values, |v| vec![v]);
        let recipes = &setting.stack.recipes;
        let where_used = |used: bool, values: Vec<u32>| if used { values } else { vec![1] };
        let domain = setting.cluster.domain_chips as u32;
        let heads = a.heads as u32;
        let layers = a.layers as u32;
        let tp = (0..=6).map(|e| 1 << e).filter(|tp| *tp <= domain.max(8) && heads % tp == 0 && *tp <= ranks).collect();
        let long = setting.workload.run.seq_len >= 8192.0;
        let cp = [1, 2, 4, 8, 16]
            .into_iter()
            .filter(|cp| *cp == 1 || (long && setting.workload.run.seq_len / f64::from(*cp) >= 1024.0))
            .collect();
        // Depths that leave the stages even, embedding and head counted as layers or not, and powers of two.
        let pp = (1..=layers.min(128).min(ranks))
            .filter(|pp| pp.is_power_of_two() || layers.is_multiple_of(*pp) || (layers + 2).is_multiple_of(*pp))
            .collect();
        let vpp = if setting.stack.interleaving { vec![1, 2, 3, 4, 5, 6, 8, 10, 12, 16] } else { vec![1] };
        let ep = if a.experts > 0.0 {
            let experts = a.experts as u32;
            (1..=experts.min(512)).filter(|ep| experts % ep == 0 && (ep.is_power_of_two() || *ep == experts)).collect()
        } else {
            vec![1]
        };
        PlanSpace {
            tp: one(fixed.tp, where_used(recipes.tensor_parallel, tp)),
            cp: one(fixed.cp, where_used(recipes.context_parallel, cp)),
            pp: one(fixed.pp, where_used(recipes.pipeline_parallel, pp)),
            vpp: one(fixed.vpp, vpp),
            ep: one(fixed.ep, ep),
            micro_batch: one(fixed.micro_batch, vec![1, 2, 4, 8, 16]),
            recompute: fixed.recompute.map_or(recipes.recompute.clone(), |r| vec![r]),
            shard: fixed.shard.map_or(recipes.shard.clone(), |s| vec![s]),
            sequence_parallel: vec![fixed.sequence_parallel.unwrap_or(setting.stack.sequence_parallel)],
            fill: fills(exact || fixed.dp.is_some(), batch, setting.assumptions.minimum_used),
            dp: fixed.dp,
            expert_tensor_parallel: setting.stack.expert_tensor_parallel,
            etp: fixed.etp,
            precision: fixed.precision.unwrap_or(setting.workload.run.precision),
            batch,
            ranks,
            least_ranks: if exact {
                ranks
            } else {
                (f64::from(ranks) * setting.assumptions.minimum_used).ceil() as u32
            },
        }
    }

    /// Lengths of the axes, slowest first.
    pub fn lengths(&self) -> [u32; AXES] {
        [
            self.tp.len(),
            self.cp.len(),
            self.pp.len(),
            self.vpp.len(),
            self.ep.len(),
            self.micro_batch.len(),
            self.recompute.len(),
            self.shard.len(),
            self.sequence_parallel.len(),
            self.fill.len(),
        ]
        .map(|n| n as u32)
    }

    /// Points of the space, plans or not.
    pub fn len(&self) -> u64 {
        self.lengths().iter().map(|n| u64::from(*n)).product()
    }

    /// Whether an axis is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The plan of an index; `None` where the point is no plan (sizes that do not multiply to the ranks, a batch that
    /// does not divide, an axis value that changes nothing).
    pub fn decode(&self, index: u64) -> Option<Plan> {
        let mut rest = index;
        let mut at = [0usize; AXES];
        for (axis, length) in self.lengths().iter().enumerate().rev() {
            at[axis] = (rest % u64::from(*length)) as usize;
            rest /= u64::from(*length);
        }
        let (tp, cp, pp, vpp, ep) = (self.tp[at[0]], self.cp[at[1]], self.pp[at[2]], self.vpp[at[3]], self.ep[at[4]]);
        let micro_batch = self.micro_batch[at[5]];
        let fit = self.fit([tp, cp, pp, vpp, ep, micro_batch], self.fill[at[9]])?;
        Some(self.plan(
            [tp, cp, pp, vpp, ep, micro_batch],
            fit,
            self.recompute[at[6]],
            self.shard[at[7]],
            self.sequence_parallel[at[8]],
        ))
    }

    /// Visits the plans of a range of sizes (an index divided by [`PlanSpace::switches`]) in the order of their indices.
    pub fn visit(&self, sizes: Range<u64>, mut seen: impl FnMut(&Plan)) {
        let lengths = self.lengths().map(u64::from);
        let mut fits = Vec::with_capacity(self.fill.len());
        let mut size = sizes.start;
        while size < sizes.end {
            let mut rest = size;
            let mut at = [0usize; SWITCHES];
            for (digit, length) in at.iter_mut().zip(&lengths[..SWITCHES]).rev() {
                *digit = (rest % length) as usize;
                rest /= length;
            }
            let (tp, cp, pp) = (self.tp[at[0]], self.cp[at[1]], self.pp[at[2]]);
            // Where tp, cp and pp leave no replica, no other axis helps.
            let inner: u64 = lengths[3..SWITCHES].iter().product();
            if self.most_dp(tp, cp, pp).is_none() {
                size = (size / inner + 1) * inner;
                continue;
            }
            let inner = size / inner * inner..((size / inner + 1) * inner).min(sizes.end);
            let (mut vpp_at, mut ep_at, mut micro_at) = (at[3], at[4], at[5]);
            while size < inner.end {
                let axes = [tp, cp, pp, self.vpp[vpp_at], self.ep[ep_at], self.micro_batch[micro_at]];
                fits.clear();
                fits.extend(self.fill.iter().map(|fill| self.fit(axes, *fill)));
                if fits.iter().any(Option::is_some) {
                    for recompute in &self.recompute {
                        for shard in &self.shard {
                            for sequence_parallel in &self.sequence_parallel {
                                for fit in fits.iter().flatten() {
                                    seen(&self.plan(axes, *fit, *recompute, *shard, *sequence_parallel));
                                }
                            }
                        }
                    }
                }
                size += 1;
                micro_at += 1;
                if micro_at == self.micro_batch.len() {
                    (micro_at, ep_at) = (0, ep_at + 1);
                }
                if ep_at == self.ep.len() {
                    (ep_at, vpp_at) = (0, vpp_at + 1);
                }
            }
        }
    }

    /// Points that share their sizes: those of recompute, shard, sequence parallelism and fill.
    pub fn switches(&self) -> u64 {
        self.lengths()[SWITCHES..].iter().map(|n| u64::from(*n)).product()
    }

    /// Replicas that the ranks allow, or that the user fixed.
    fn most_dp(&self, tp: u32, cp: u32, pp: u32) -> Option<u32> {
        let block = tp.checked_mul(cp)?.checked_mul(pp)?;
        Some(self.dp.unwrap_or(self.ranks / block)).filter(|dp| *dp > 0)
    }

    /// Replicas and micro-batches of the sizes of a plan; `None` where there is no such plan.
    fn fit(&self, [tp, cp, pp, vpp, ep, micro_batch]: [u32; SWITCHES], fill: u32) -> Option<Fit> {
        if pp == 1 && vpp > 1 {
            return None;
        }
        let etp = self.etp.unwrap_or(if self.expert_tensor_parallel && ep > 0 && self.ep.len() > 1 { tp } else { 1 });
        let most_dp = self.most_dp(tp, cp, pp)?;
        let unit = if vpp > 1 { pp } else { 1 };
        let per_unit = u64::from(most_dp) * u64::from(micro_batch) * u64::from(unit);
        let count = (u64::from(self.batch.target) / per_unit) as u32 + fill;
        let micro_batches = count.checked_mul(unit)?;
        if micro_batches == 0 {
            return None;
        }
        // Fewer replicas where the batch would grow beyond its bound; whole expert groups.
        let by_batch = (u64::from(self.batch.most) / (u64::from(micro_batch) * u64::from(micro_batches))) as u32;
        let experts = ep.checked_mul(etp)?;
        let step = experts / gcd(experts, tp * cp);
        let dp = if self.dp.is_some() { most_dp } else { most_dp.min(by_batch) / step * step };
        let batch = u64::from(dp) * u64::from(micro_batch) * u64::from(micro_batches);
        let used = u64::from(tp * cp * pp) * u64::from(dp);
        if dp == 0
            || batch < u64::from(self.batch.least)
            || batch > u64::from(self.batch.most)
            || used < u64::from(self.least_ranks)
            || used > u64::from(self.ranks)
        {
            return None;
        }
        Some(Fit { etp, dp, micro_batches })
    }

    /// The plan of sizes that fit and of switches.
    fn plan(
        &self,
        [tp, cp, pp, vpp, ep, micro_batch]: [u32; SWITCHES],
        Fit { etp, dp, micro_batches }: Fit,
        recompute: Recompute,
        shard: Shard,
        sequence_parallel: bool,
    ) -> Plan {
        Plan {
            tp,
            cp,
            pp,
            vpp,
            dp,
            ep,
            etp,
            micro_batch,
            micro_batches,
            recompute,
            shard,
            sequence_parallel: sequence_parallel && tp > 1,
            precision: self.precision,
        }
    }
}

/// Micro-batch counts worth trying. A batch that may be rounded fits one of two; a typed one may divide only by a smaller
/// data-parallel size, which leaves ranks spare and takes more micro-batches.
fn fills(one_dp: bool, batch: Batch, least_used: f64) -> Vec<u32> {
    const MOST: f64 = 64.0;
    if batch.least < batch.most {
        return vec![0, 1];
    }
    if one_dp {
        return vec![0];
    }
    // The smallest dp of which a whole part may stay spare: fewer micro-batches lie between all of it and the rest.
    let dp = 1.0 / (1.0 - least_used).max(1e-6);
    let more = (f64::from(batch.target) / dp * (1.0 / least_used - 1.0)).ceil();
    (0..=more.clamp(1.0, MOST) as u32).collect()
}

/// Greatest common divisor.
pub fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
