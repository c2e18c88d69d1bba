//! `wattline merge`: the partitions of a sweep as one result.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output;
use super::{Global, Outcome};
use crate::results::{Keep, join};

const EXAMPLES: &str = "\
Examples:
  wattline sweep my-scenario.toml --partition 1/2 --keep frontier --out part-1.parquet
  wattline sweep my-scenario.toml --partition 2/2 --keep frontier --out part-2.parquet
  wattline merge part-1.parquet part-2.parquet --out frontier.parquet
  wattline merge parts/ --out frontier.csv";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Result files of the partitions, or folders that hold them
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
    /// The joined result: .parquet, .csv or .jsonl
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let joined = join(&arguments.parts, &arguments.out)?;
    let header = &joined.header;
    let out = arguments.out.display().to_string();
    if global.json {
        output::json(&json!({
            "scenario": header.scenario,
            "keep": header.keep.word(),
            "parts": joined.parts,
            "designs": header.designs,
            "rows": joined.rows,
            "out": out,
        }))?;
    } else {
        let what = match header.keep {
            Keep::Best => "best",
            Keep::Frontier => "on the frontier",
            Keep::All => "that can run",
        };
        output::answer(&format!(
            "{}: {} parts, {} designs, {} rows ({what}) in {out}",
            header.scenario, joined.parts, header.designs, joined.rows
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
