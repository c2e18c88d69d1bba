//! How a run is laid out over the ranks: the parallel groups, the micro-batches, the reasons a layout is rejected.

use crate::library::workload::Precision;

/// How activations are recomputed in backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Recompute {
    None = 0,
    Selective = 1,
    Full = 2,
}

/// What is sharded over the data-parallel ranks: nothing, or ZeRO stage 1, 2 or 3 (FSDP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Shard {
    None = 0,
    Optimizer = 1,
    Grads = 2,
    Full = 3,
}

impl Recompute {
    pub const ALL: [Recompute; 3] = [Recompute::None, Recompute::Selective, Recompute::Full];
    pub fn word(self) -> &'static str {
        ["none", "selective", "full"][self as usize]
    }
    pub fn parse(word: &str) -> Option<Recompute> {
        Recompute::ALL.into_iter().find(|r| r.word().eq_ignore_ascii_case(word))
    }
}

impl Shard {
    pub const ALL: [Shard; 4] = [Shard::None, Shard::Optimizer, Shard::Grads, Shard::Full];
    pub fn word(self) -> &'static str {
        ["none", "optimizer", "grads", "full"][self as usize]
    }
    pub fn parse(word: &str) -> Option<Shard> {
        match word.to_ascii_lowercase().as_str() {
            "0" => Some(Shard::None),
            "1" | "zero1" | "zero-1" => Some(Shard::Optimizer),
            "2" | "zero2" | "zero-2" => Some(Shard::Grads),
            "3" | "zero3" | "zero-3" | "fsdp" => Some(Shard::Full),
            word => Shard::ALL.into_iter().find(|s| s.word() == word),
        }
    }
}

/// A complete layout. Ranks are placed tp innermost, then cp, ep, dp, pp outermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    pub tp: u32,
    pub cp: u32,
    pub pp: u32,
    /// Interleaved stages per pipeline rank.
    pub vpp: u32,
    pub dp: u32,
    /// Expert-parallel group, inside tp·cp·dp.
    pub ep: u32,
    /// Tensor-parallel group of an expert: tp or 1.
    pub etp: u32,
    pub micro_batch: u32,
    pub micro_batches: u32,
    pub recompute: Recompute,
    pub shard: Shard,
    pub sequence_parallel: bool,
    pub precision: Precision,
}

impl Plan {
    /// Ranks in use.
    pub fn ranks(&self) -> u64 {
        u64::from(self.tp) * u64::from(self.cp) * u64::from(self.pp) * u64::from(self.dp)
    }

    /// Sequences a step.
    pub fn global_batch(&self) -> u64 {
        u64::from(self.dp) * u64::from(self.micro_batch) * u64::from(self.micro_batches)
    }

    /// The fields as whole numbers, in their order.
    pub fn codes(&self) -> [u32; 13] {
        [
            self.tp,
            self.cp,
            self.pp,
            self.vpp,
            self.dp,
            self.ep,
            self.etp,
            self.micro_batch,
            self.micro_batches,
            self.recompute as u32,
            self.shard as u32,
            u32::from(self.sequence_parallel),
            self.precision as u32,
        ]
    }

    /// The plan of such numbers; `None` where a code stands for nothing.
    pub fn from_codes(codes: [u32; 13]) -> Option<Plan> {
        let [tp, cp, pp, vpp, dp, ep, etp, micro_batch, micro_batches, recompute, shard, sequence_parallel, precision] =
            codes;
        Some(Plan {
            tp,
            cp,
            pp,
            vpp,
            dp,
            ep,
            etp,
            micro_batch,
            micro_batches,
            recompute: Recompute::ALL.into_iter().find(|r| *r as u32 == recompute)?,
            shard: Shard::ALL.into_iter().find(|s| *s as u32 == shard)?,
            sequence_parallel: sequence_parallel == 1,
            precision: Precision::ALL.into_iter().find(|p| *p as u32 == precision)?,
        })
    }

    /// `interleaved` or `1f1b`.
    pub fn schedule(&self) -> &'static str {
        if self.vpp > 1 { "interleaved" } else { "1f1b" }
    }
}

/// Why a layout cannot run. The discriminant is the code that the device writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Reason {
    /// Query heads do not divide by tp.
    Heads = 1,
    /// Experts do not divide by ep, or ep·etp does not divide tp·cp·dp.
    Experts = 2,
    /// More stages than layers.
    Layers = 3,
    /// The stack cannot interleave, or the micro-batches do not divide by pp.
    Schedule = 4,
    /// The chip lacks the precision.
    Precision = 5,
    /// A stage needs more memory than a chip has.
    Memory = 6,
    /// Failures come faster than progress.
    Failures = 7,
    /// Peak power above the site's cap.
    SitePower = 8,
    /// The power cap is below what the chip draws standing still.
    PowerCap = 9,
    /// No batch within the tolerance divides by dp·micro_batch.
    Batch = 10,
}

impl Reason {
    pub const ALL: [Reason; 10] = [
        Reason::Heads,
        Reason::Experts,
        Reason::Layers,
        Reason::Schedule,
        Reason::Precision,
        Reason::Memory,
        Reason::Failures,
        Reason::SitePower,
        Reason::PowerCap,
        Reason::Batch,
    ];
    pub fn word(self) -> &'static str {
        match self {
            Reason::Heads => "heads",
            Reason::Experts => "experts",
            Reason::Layers => "layers",
            Reason::Schedule => "schedule",
            Reason::Precision => "precision",
            Reason::Memory => "memory",
            Reason::Failures => "failures",
            Reason::SitePower => "site_power",
            Reason::PowerCap => "power_cap",
            Reason::Batch => "batch",
        }
    }
}
