//! Joins the stages of the shader model in the order of `src/engine/shaders.rs` and translates them to Rust.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = root.join("src/engine/shaders.rs");
    println!("cargo::rerun-if-changed={}", list.display());
    let mut text = String::new();
    for line in fs::read_to_string(&list).unwrap().lines() {
        let Some(stage) = line.trim().strip_prefix("include_str!(\"../../shaders/model/") else { continue };
        let file = root.join("shaders/model").join(stage.split('"').next().unwrap());
        println!("cargo::rerun-if-changed={}", file.display());
        text += &fs::read_to_string(&file).unwrap();
    }
    let module = naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&text)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    let info = validator.validate(&module).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&text)));
    let config = naga_rust_back::Config::new().public_items(true);
    let mut rust = naga_rust_back::write_string(&module, &info, config).unwrap();
    // Host rows reach the translated model as they reach the device: as 32-bit words.
    for (_, found) in module.types.iter() {
        let (Some(name), naga::TypeInner::Struct { members, .. }) = (&found.name, &found.inner) else { continue };
        let mut fields = String::new();
        for member in members {
            let naga::TypeInner::Scalar(scalar) = module.types[member.ty].inner else { continue };
            let at = member.offset / 4;
            let value = match scalar {
                naga::Scalar::F32 => format!("f32::from_bits(words[{at}])"),
                naga::Scalar::U32 => format!("words[{at}]"),
                _ => continue,
            };
            // naga-rust keeps the prefix `v_` for itself.
            let name = member.name.as_ref().unwrap();
            let prefix = if name.starts_with("v_") { "gen_" } else { "" };
            writeln!(fields, "{prefix}{name}: {value},").unwrap();
        }
        if fields.lines().count() == members.len() {
            writeln!(rust, "impl {name} {{ pub fn from_words(words: &[u32]) -> Self {{ Self {{ {fields} }} }} }}")
                .unwrap();
        }
    }
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("model.rs"), rust).unwrap();
}
