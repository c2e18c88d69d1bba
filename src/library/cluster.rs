//! A cluster as the model reads it: node, scale-up domain, fabric, storage.

use super::record::{Lacking, Record};

/// How chips are packed, joined and fed.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub title: String,
    pub node_chips: f64,
    /// Everything in the node except its chips, at its AC input, under load.
    pub node_host_w: f64,
    pub host_idle_share: f64,
    /// Host watts at nameplate and the published maximum of the node (0: not published).
    pub host_nameplate_w: f64,
    pub nameplate_w: f64,
    pub domain_chips: f64,
    pub torus: bool,
    /// 0: the chip's own.
    pub scale_up_bytes_per_s: f64,
    /// 0: the chip's own.
    pub nic_bytes_per_s: f64,
    pub pod_chips: f64,
    pub pod_oversubscription: f64,
    pub pod_latency_s: f64,
    pub pod_fabric_w: f64,
    pub spine_oversubscription: f64,
    pub spine_latency_s: f64,
    pub spine_fabric_w: f64,
    pub storage_bytes_per_s: f64,
    pub storage_w: f64,
}

impl Cluster {
    /// Reads a cluster; the error names what is missing.
    pub fn from_record(record: &Record) -> Result<Cluster, Lacking> {
        let mut need = record.needs();
        let or = |key: &str, default: f64| record.number(key).unwrap_or(default);
        let node_host_w = need.number("node.host_w");
        let cluster = Cluster {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            node_chips: need.integer("node.chips") as f64,
            node_host_w,
            host_idle_share: or("node.host_idle_share", 0.7),
            host_nameplate_w: or("node.host_nameplate_w", node_host_w),
            nameplate_w: or("node.nameplate_w", 0.0),
            domain_chips: need.integer("scale_up.domain_chips") as f64,
            torus: need.word("scale_up.topology").starts_with("torus"),
            scale_up_bytes_per_s: or("scale_up.gb_per_s", 0.0) * 1e9,
            nic_bytes_per_s: or("pod.gb_per_s", 0.0) * 1e9,
            pod_chips: need.integer("pod.chips") as f64,
            pod_oversubscription: or("pod.oversubscription", 1.0),
            pod_latency_s: or("pod.latency_us", 0.0) * 1e-6,
            pod_fabric_w: need.number("pod.fabric_w_per_chip"),
            spine_oversubscription: or("spine.oversubscription", 1.0),
            spine_latency_s: or("spine.latency_us", 0.0) * 1e-6,
            spine_fabric_w: or("spine.fabric_w_per_chip", 0.0),
            storage_bytes_per_s: or("storage.gb_per_s_per_chip", 0.1) * 1e9,
            storage_w: or("storage.w_per_chip", 5.0),
        };
        need.finish(cluster)
    }
}
