//! Rebuilds the program when a file of the library that it embeds changes: `include_dir` alone does not see that.

fn main() {
    for folder in ["hardware-profiles", "workloads", "sites", "stacks", "scenarios", "evidence"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
