//! Which kind of entry a file holds, where nobody says.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::attribute::COMMON;
use super::entry_kind::EntryKind;
use super::source_text::SourceText;
use super::{reader, store};

/// The kind of a file by its folder, or else by its keys.
pub fn of_file(path: &Path) -> Option<EntryKind> {
    of_folder(path).or_else(|| of_text(&SourceText::read(path).ok()?))
}

/// The kind of a file that stands in a folder named after a kind.
pub fn of_folder(path: &Path) -> Option<EntryKind> {
    let folder = path.parent()?.file_name()?.to_string_lossy().into_owned();
    EntryKind::LISTED.into_iter().find(|kind| folder.eq_ignore_ascii_case(kind.plural()))
}

/// The kind whose table knows most of the keys, if one knows more than every other. JSON is a workload.
pub fn of_text(source: &SourceText) -> Option<EntryKind> {
    if store::is_json(source.file()) {
        return Some(EntryKind::Workload);
    }
    let table = reader::parse(source).ok()?;
    let mut keys = Vec::new();
    collect(table.get_ref(), "", &mut keys);
    let scenarios = ["design", "designs", "include", "question", "workloads", "variant", "sweep", "constraints"];
    if keys.iter().any(|key| key.split('.').next().is_some_and(|first| scenarios.contains(&first))) {
        return Some(EntryKind::Scenario);
    }
    let mut scores: Vec<(usize, EntryKind)> = EntryKind::ALL
        .into_iter()
        .filter(|kind| *kind != EntryKind::Scenario)
        .map(|kind| {
            let own = |key: &&String| kind.attribute(key).is_some() && !COMMON.iter().any(|a| a.key == key.as_str());
            (keys.iter().filter(own).count(), kind)
        })
        .collect();
    scores.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    match scores.as_slice() {
        [(best, kind), (second, _), ..] if best > second => Some(*kind),
        _ => None,
    }
}

/// Dotted keys, at most a few hundred: more tell nothing further.
fn collect(table: &DeTable<'_>, prefix: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        if keys.len() > 400 {
            return;
        }
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(inner) = value.get_ref()
            && prefix.split('.').count() < 4
        {
            collect(inner, &format!("{key}."), keys);
        }
        keys.push(key);
    }
}
