//! How a run was spread over its chips, as one word.
//!
//! | word | what the row states |
//! |---|---|
//! | `single` | one chip |
//! | `data` | replicas alone, weights whole on each chip |
//! | `fsdp` | replicas alone, weights sharded over them (stage 3) |
//! | `tensor`, `pipeline`, `context`, `expert` | a size above 1; joined by `+` in this order, with `fsdp` last |
//! | `chosen` | no plan: the tool chose it |

use super::plan::{chips, plan_is_stated};
use super::table::Row;

/// Columns of the sizes, each with its word.
const SIZES: [(&str, &str); 4] = [("tp", "tensor"), ("pp", "pipeline"), ("cp", "context"), ("ep", "expert")];
/// Stage of sharding at which the weights themselves are sharded.
const WEIGHTS_SHARDED: f64 = 3.0;

/// The word of a row.
pub fn parallelism(row: &Row) -> String {
    if !plan_is_stated(row) {
        return "chosen".to_owned();
    }
    let split = SIZES.iter().filter(|(column, _)| row.number(column).is_some_and(|size| size > 1.0));
    let mut words: Vec<&str> = split.map(|(_, word)| *word).collect();
    if row.number("zero_or_fsdp_stage").is_some_and(|stage| stage >= WEIGHTS_SHARDED) {
        words.push("fsdp");
    }
    if chips(row) == Some(1.0) {
        words = vec!["single"];
    } else if words.is_empty() {
        words.push("data");
    }
    words.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(numbers: &[(&'static str, f64)]) -> String {
        let plain = [("chips", 64.0), ("tp", 1.0), ("pp", 1.0), ("micro_batch", 1.0)];
        let stated = |column: &str| numbers.iter().any(|(name, _)| *name == column);
        let rest = plain.into_iter().filter(|(column, _)| !stated(column));
        parallelism(&Row::of(&[], &rest.chain(numbers.iter().copied()).collect::<Vec<_>>()))
    }

    #[test]
    fn sizes_above_one_name_the_class() {
        assert_eq!(word(&[]), "data");
        assert_eq!(word(&[("chips", 1.0)]), "single");
        assert_eq!(word(&[("zero_or_fsdp_stage", 3.0)]), "fsdp");
        assert_eq!(word(&[("zero_or_fsdp_stage", 1.0)]), "data");
        assert_eq!(word(&[("tp", 8.0), ("pp", 4.0)]), "tensor+pipeline");
        assert_eq!(word(&[("ep", 8.0), ("zero_or_fsdp_stage", 3.0)]), "expert+fsdp");
    }

    #[test]
    fn a_row_without_a_plan_was_chosen_for() {
        assert_eq!(parallelism(&Row::of(&[], &[("chips", 8.0), ("tp", 8.0)])), "chosen");
    }
}
