//! What `wattline validate --json` prints.

use serde_json::{Value, json};

use super::group::Group;
use super::standings::Standings;
use crate::library::diagnostic::Diagnostic;
use crate::report::plan_json;
use crate::validate::judged::{Judged, Quantity};
use crate::validate::peers::Line;
use crate::validate::predict::Judgement;
use crate::validate::score::{Part, Summary, by, quantile, reasons, set_aside, summarise};

/// The first table's rows and summaries; the further ones under their kinds.
pub fn document(judgements: &[Judgement], standings: &[Standings], beside: &[Line]) -> Value {
    let mut documents = judgements
        .iter()
        .zip(standings)
        .map(|(judgement, standings)| (judgement.kind.word(), judgement_document(judgement, standings)));
    let Some((_, mut first)) = documents.next() else { return json!({}) };
    for (kind, further) in documents {
        first[kind] = further;
    }
    if !beside.is_empty() {
        first["baseline"] = beside.iter().map(line_document).collect();
    }
    first
}

fn line_document(line: &Line) -> Value {
    json!({
        "set": line.set,
        "predictor": line.predictor,
        "rows": line.rows,
        "median_abs_error": line.median_abs_error,
        "p90_abs_error": line.p90_abs_error,
        "mape": line.mape,
        "source": (!line.source.is_empty()).then_some(&line.source),
    })
}

fn judgement_document(judgement: &Judgement, standings: &Standings) -> Value {
    let rows = &judgement.rows;
    let mut summary = summary_document(&summarise(rows));
    for part in Part::ALL {
        summary[part.word()] = summary_document(&part.summary(rows));
    }
    standings.enter(&mut summary);
    let mut aside = set_aside(rows);
    summary["set_aside"] = json!({
        "predicted": aside.len(),
        "median_abs_error": quantile(&mut aside, 0.5),
        "p90_abs_error": quantile(&mut aside, 0.9),
    });
    summary["reasons"] = reasons(rows)
        .into_iter()
        .map(|(status, reason, count)| json!({ "status": status.word(), "reason": reason, "rows": count }))
        .collect();
    let mut document = json!({
        "file": judgement.file,
        "kind": judgement.kind.word(),
        "error": "ln(predicted/measured) of time, energy, power or memory, ln(measured/predicted) of rates; positive: too slow or too much",
        "summary": summary,
    });
    for group in Group::ALL {
        let groups: Vec<Value> = by(rows, |row| group.label(row))
            .iter()
            .map(|(name, part)| {
                let mut entry = summary_document(part);
                entry[group.word()] = json!(name);
                entry
            })
            .collect();
        document[format!("by_{}", group.word())] = Value::Array(groups);
    }
    document["rows"] = rows.iter().map(row_document).collect();
    document["warnings"] = judgement.warnings.iter().map(Diagnostic::to_json).collect();
    document
}

/// Numbers that do not exist are null.
fn summary_document(summary: &Summary) -> Value {
    json!({
        "scored": summary.scored,
        "unscored": summary.unscored,
        "skipped": summary.skipped,
        "counted_as_a_factor_of_two": summary.missed,
        "median_abs_error": summary.median_abs_error,
        "mean_of_source_medians": summary.mean_of_source_medians,
        "sources": summary.sources,
        "mape": summary.mape,
        "p90_abs_error": summary.p90_abs_error,
        "bias": summary.bias,
        "memory_disagreements": summary.memory_disagreements,
        "facts_met": summary.facts_met,
        "facts_missed": summary.facts_missed,
        "coverage_80": { "by_row": summary.inside, "by_source": summary.inside_by_source },
    })
}

fn row_document(row: &Judged) -> Value {
    json!({
        "id": row.id,
        "source": row.source,
        "kind": row.kind,
        "chip": row.chip,
        "precision": (!row.precision.is_empty()).then_some(&row.precision),
        "parallelism": (!row.parallelism.is_empty()).then_some(&row.parallelism),
        "quantity": row.quantity.map(Quantity::word),
        "measured": row.measured,
        "predicted": row.predicted,
        "error": row.error,
        "p10": row.band.map(|band| band.p10),
        "p90": row.band.map(|band| band.p90),
        "inside": row.inside(),
        "status": row.status.word(),
        "reason": (!row.reason.is_empty()).then_some(&row.reason),
        "stack": (!row.stack.is_empty()).then_some(&row.stack),
        "inferred": row.inferred,
        "plan_stated": row.plan_stated,
        "memory_disagrees": row.memory_disagrees,
        "plan": row.plan.as_ref().map(plan_json),
    })
}
