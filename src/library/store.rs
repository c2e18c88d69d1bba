//! The library: the entries inside the binary, folders of the user over them, single files beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;

use super::chip::Chip;
use super::cluster::Cluster;
use super::consistency::price_kinds;
use super::diagnostic::{Diagnostic, Fault, quoted};
use super::entry_kind::EntryKind;
use super::nearest::nearest;
use super::overrides::Overrides;
use super::reader::{self, Owner, Reading};
use super::record::Record;
use super::site::Site;
use super::source_text::SourceText;
use super::stack::Stack;
use super::workload::Workload;
use super::{hugging_face, recognise};
use crate::model::parameters::{Assumptions, Calibration};
use crate::results::fingerprint;
use crate::uncertainty::spread::Spread;

static CHIPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/hardware-profiles/chips");
static CLUSTERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/hardware-profiles/clusters");
static WORKLOADS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/workloads");
static SITES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sites");
static STACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/stacks");
static SCENARIOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
static EVIDENCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/evidence");

/// Files that extend each other deeper than this extend each other in a circle.
const DEEPEST: usize = 16;

/// Every entry that a name can mean, and the values of `--set` over them.
pub struct Library {
    /// Later layers stand over earlier ones; the first is inside the binary.
    layers: Vec<Layer>,
    overrides: Overrides,
}

/// Entries by kind, then by name in lower case.
type Layer = BTreeMap<EntryKind, BTreeMap<String, Entry>>;

/// One file, parsed when first asked for.
struct Entry {
    kind: EntryKind,
    name: String,
    text: Text,
    source: OnceLock<Result<SourceText, Fault>>,
    reading: OnceLock<Reading>,
}

enum Text {
    Embedded { file: String, text: &'static str },
    File(PathBuf),
}

impl Entry {
    fn new(kind: EntryKind, name: String, text: Text) -> Entry {
        Entry { kind, name, text, source: OnceLock::new(), reading: OnceLock::new() }
    }

    /// A user's file is called what it calls itself, or else as its file is.
    fn of_user(kind: EntryKind, path: PathBuf) -> Entry {
        let mut entry = Entry::new(kind, stem_of(&path), Text::File(path));
        let stated = match entry.source() {
            Ok(source) if is_json(source.file()) => {
                hugging_face::read(source).ok().map(|record| record.name().to_owned())
            }
            Ok(source) => reader::top_level(source).and_then(|top| top.name),
            Err(_) => None,
        };
        if let Some(name) = stated {
            entry.name = name;
        }
        entry
    }

    fn source(&self) -> &Result<SourceText, Fault> {
        self.source.get_or_init(|| match &self.text {
            Text::Embedded { file, text } => Ok(SourceText::new(file, *text)),
            Text::File(path) => SourceText::read(path),
        })
    }

    fn owner(&self) -> Owner {
        match self.text {
            Text::Embedded { .. } => Owner::Library,
            Text::File(_) => Owner::User,
        }
    }
}

/// What `list` shows of an entry.
#[derive(Clone, Debug)]
pub struct Listing {
    pub name: String,
    pub title: String,
    pub status: Status,
    /// Keys that an estimate needs and the entry lacks.
    pub missing: Vec<String>,
}

/// Whether an entry can be estimated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Complete,
    /// An estimate with it ends in exit 3 unless `--set` supplies what is missing.
    Incomplete,
    /// A chip that nobody can buy yet, complete or not.
    Announced,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Incomplete => "incomplete",
            Status::Announced => "announced",
        }
    }
}

impl Library {
    /// The embedded library under the folders of `--library`. Parses nothing.
    pub fn open<P: AsRef<Path>>(folders: &[P]) -> Result<Library, Fault> {
        let mut layers = vec![embedded()];
        let mut faults = Vec::new();
        for folder in folders {
            match user_layer(folder.as_ref()) {
                Ok(layer) => layers.push(layer),
                Err(fault) => faults.extend(fault.diagnostics),
            }
        }
        if faults.is_empty() {
            Ok(Library { layers, overrides: Overrides::default() })
        } else {
            Err(Fault::inputs(faults))
        }
    }

    /// A hash of every entry's text, the same wherever the files lie.
    pub fn fingerprint(&self) -> String {
        let entries = self.layers.iter().flat_map(|layer| layer.values().flat_map(BTreeMap::values));
        let parts: Vec<(String, &str)> = entries
            .map(|entry| {
                let text = entry.source().as_ref().map_or("", |source| source.text());
                (format!("{}/{}", entry.kind.word(), entry.name), text)
            })
            .collect();
        fingerprint(parts.iter().map(|(name, text)| (name.as_str(), *text)))
    }

    /// Lays values over every entry of their kind that is asked for from now on.
    pub fn with_overrides(mut self, overrides: Overrides) -> Library {
        self.overrides = overrides;
        self
    }

    /// An entry by name, alias or path, with the values of `--set`.
    pub fn record(&self, kind: EntryKind, name_or_path: &str) -> Result<Record, Fault> {
        self.overrides.apply(self.reading(kind, name_or_path)?.into_result()?)
    }

    /// An entry as its file states it, with its warnings.
    pub fn reading(&self, kind: EntryKind, name_or_path: &str) -> Result<Reading, Fault> {
        self.reading_at(kind, name_or_path, 0)
    }

    fn reading_at(&self, kind: EntryKind, name_or_path: &str, depth: usize) -> Result<Reading, Fault> {
        if looks_like_a_path(name_or_path) {
            return self.read_file_at(kind, Path::new(name_or_path), depth);
        }
        match self.find(kind, name_or_path, self.layers.len()) {
            Some((_, entry)) => Ok(self.entry_reading(entry, depth)),
            None if Path::new(name_or_path).is_file() => self.read_file_at(kind, Path::new(name_or_path), depth),
            None => Err(self.unknown(kind, name_or_path)),
        }
    }

    /// Reads a user's file as an entry of a kind.
    pub fn read_file(&self, kind: EntryKind, path: &Path) -> Result<Reading, Fault> {
        self.read_file_at(kind, path, 0)
    }

    fn read_file_at(&self, kind: EntryKind, path: &Path, depth: usize) -> Result<Reading, Fault> {
        Ok(self.read_source(kind, &SourceText::read(path)?, Owner::User, depth))
    }

    fn read_source(&self, kind: EntryKind, source: &SourceText, owner: Owner, depth: usize) -> Reading {
        if is_json(source.file()) {
            let read = if kind == EntryKind::Workload {
                hugging_face::read(source)
            } else {
                let message = format!("a {} is a .toml file", kind.word());
                let help = "only a workload may be a Hugging Face config.json";
                Err(Fault::input(Diagnostic::error(message).in_file(source.file()).help(help)))
            };
            return match read {
                Ok(record) => Reading { record: Some(record), diagnostics: Vec::new() },
                Err(fault) => Reading { record: None, diagnostics: fault.diagnostics },
            };
        }
        let stem = stem_of(Path::new(source.file()));
        let base = |name: &str| {
            if depth >= DEEPEST {
                let message = format!("`extends` leads from {} back to {}", quoted(name), quoted(&stem));
                return Err(Fault::input(
                    Diagnostic::error(message).help("extend an entry that extends nothing further"),
                ));
            }
            if looks_like_a_path(name) {
                let folder = Path::new(source.file()).parent().unwrap_or(Path::new(""));
                return self.read_file_at(kind, &folder.join(name), depth + 1)?.into_result();
            }
            // An entry that extends its own name extends the one that it hides.
            let found = self.find(kind, name, self.layers.len()).and_then(|(layer, entry)| match entry.source() {
                Ok(own) if own.file() == source.file() => self.find(kind, name, layer),
                _ => Some((layer, entry)),
            });
            match found {
                Some((_, entry)) => self.entry_reading(entry, depth + 1).into_result(),
                None => Err(self.unknown(kind, name)),
            }
        };
        let mut reading = reader::read(kind, source, &stem, owner, &base);
        if let (Owner::User, Some(record)) = (owner, &reading.record) {
            reading.diagnostics.extend(self.dangling(record, source));
        }
        reading
    }

    /// A reference cluster that nobody knows.
    fn dangling(&self, record: &Record, source: &SourceText) -> Option<Diagnostic> {
        let cluster = record.text("cluster").filter(|_| record.kind() == EntryKind::Chip)?;
        if looks_like_a_path(cluster) || self.find(EntryKind::Cluster, cluster, self.layers.len()).is_some() {
            return None;
        }
        let near = self.nearest_names(EntryKind::Cluster, cluster).join(", ");
        let help = if near.is_empty() {
            "`wattline list clusters` shows the names".to_owned()
        } else {
            format!("did you mean {near}?")
        };
        let message = format!("`cluster` names {}, which is in no library", quoted(cluster));
        Some(Diagnostic::warning(message).in_file(source.file()).key("cluster").help(help))
    }

    fn entry_reading(&self, entry: &Entry, depth: usize) -> Reading {
        let read = || match entry.source() {
            Ok(source) => self.read_source(entry.kind, source, entry.owner(), depth),
            Err(fault) => Reading { record: None, diagnostics: fault.diagnostics.clone() },
        };
        // Only embedded entries are kept: they extend nothing, so that their reading depends on nothing else.
        match entry.owner() {
            Owner::Library => entry.reading.get_or_init(read).clone(),
            Owner::User => read(),
        }
    }

    /// The uppermost entry of that name below a layer, or else of that alias.
    fn find(&self, kind: EntryKind, name: &str, below: usize) -> Option<(usize, &Entry)> {
        let lower = name.to_lowercase();
        let layers = || self.layers.iter().take(below).enumerate().rev();
        for (index, layer) in layers() {
            if let Some(entry) = layer.get(&kind).and_then(|entries| entries.get(&lower)) {
                return Some((index, entry));
            }
        }
        for (index, layer) in layers() {
            let entries = layer.get(&kind).into_iter().flat_map(BTreeMap::values);
            for entry in entries {
                if self.aliases_of(entry).iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    return Some((index, entry));
                }
            }
        }
        None
    }

    /// Aliases as an entry's file states them, whatever else is wrong with the file.
    fn aliases_of(&self, entry: &Entry) -> Vec<String> {
        let top = entry.source().as_ref().ok().filter(|source| !is_json(source.file())).and_then(reader::top_level);
        top.map(|top| top.aliases).unwrap_or_default()
    }

    fn nearest_names(&self, kind: EntryKind, asked: &str) -> Vec<String> {
        let mut known: Vec<(String, String)> = Vec::new();
        for layer in &self.layers {
            for entry in layer.get(&kind).into_iter().flat_map(BTreeMap::values) {
                known.push((entry.name.clone(), entry.name.clone()));
                known.extend(self.aliases_of(entry).into_iter().map(|alias| (alias, entry.name.clone())));
            }
        }
        let mut names: Vec<String> = Vec::new();
        for word in nearest(asked, known.iter().map(|(word, _)| word.as_str()), 12) {
            let Some((_, name)) = known.iter().find(|(known, _)| known == word) else { continue };
            if !names.contains(name) && names.len() < 3 {
                names.push(name.clone());
            }
        }
        names
    }

    fn unknown(&self, kind: EntryKind, asked: &str) -> Fault {
        let near = self.nearest_names(kind, asked);
        let list = match kind {
            EntryKind::Calibration | EntryKind::Assumptions | EntryKind::Spread => {
                format!("its name is `{}`", kind.word())
            }
            _ => format!("`wattline list {}` shows all names", kind.plural()),
        };
        let help = match near.as_slice() {
            [] => format!("{list}; a file is named with its path"),
            near => format!("did you mean {}? {list}", near.join(", ")),
        };
        Fault::input(Diagnostic::error(format!("unknown {} {}", kind.word(), quoted(asked))).key(asked).help(help))
    }

    /// Names of a kind, in order, each once; an entry of a user's folder hides the embedded one of its name.
    pub fn names(&self, kind: EntryKind) -> Vec<String> {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for layer in &self.layers {
            for (lower, entry) in layer.get(&kind).into_iter().flatten() {
                names.insert(lower.clone(), entry.name.clone());
            }
        }
        names.into_values().collect()
    }

    /// Every entry of a kind for `list`, and what is wrong with those that cannot be read.
    pub fn listing(&self, kind: EntryKind) -> (Vec<Listing>, Vec<Diagnostic>) {
        let mut listings = Vec::new();
        let mut diagnostics = Vec::new();
        for name in self.names(kind) {
            let listing = if kind == EntryKind::Scenario {
                self.scenario_text(&name).map(|source| Listing {
                    title: scenario_title(&source),
                    name,
                    status: Status::Complete,
                    missing: Vec::new(),
                })
            } else {
                self.reading(kind, &name).and_then(Reading::into_result).map(|record| self.list_one(&record))
            };
            match listing {
                Ok(listing) => listings.push(listing),
                Err(fault) => diagnostics.extend(fault.diagnostics),
            }
        }
        (listings, diagnostics)
    }

    fn list_one(&self, record: &Record) -> Listing {
        let missing = missing_keys(record);
        let status = if record.text("status") == Some("announced") {
            Status::Announced
        } else if missing.is_empty() {
            Status::Complete
        } else {
            Status::Incomplete
        };
        Listing {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            status,
            missing,
        }
    }

    /// The text of a scenario, by name or path; the scenario parser reads it.
    pub fn scenario_text(&self, name_or_path: &str) -> Result<SourceText, Fault> {
        self.text(EntryKind::Scenario, name_or_path)
    }

    /// The text of the file behind a name or path.
    pub fn text(&self, kind: EntryKind, name_or_path: &str) -> Result<SourceText, Fault> {
        if looks_like_a_path(name_or_path) {
            return SourceText::read(Path::new(name_or_path));
        }
        match self.find(kind, name_or_path, self.layers.len()) {
            Some((_, entry)) => entry.source().clone(),
            None if Path::new(name_or_path).is_file() => SourceText::read(Path::new(name_or_path)),
            None => Err(self.unknown(kind, name_or_path)),
        }
    }

    pub fn chip(&self, name_or_path: &str) -> Result<Chip, Fault> {
        Ok(Chip::from_record(&self.record(EntryKind::Chip, name_or_path)?)?)
    }

    pub fn cluster(&self, name_or_path: &str) -> Result<Cluster, Fault> {
        Ok(Cluster::from_record(&self.record(EntryKind::Cluster, name_or_path)?)?)
    }

    pub fn workload(&self, name_or_path: &str) -> Result<Workload, Fault> {
        Ok(Workload::from_record(&self.record(EntryKind::Workload, name_or_path)?)?)
    }

    pub fn stack(&self, name_or_path: &str) -> Result<Stack, Fault> {
        Ok(Stack::from_record(&self.record(EntryKind::Stack, name_or_path)?)?)
    }

    /// A site with the price of the asked kind (`None`: its default kind).
    pub fn site(&self, name_or_path: &str, price_kind: Option<&str>) -> Result<Site, Fault> {
        let record = self.record(EntryKind::Site, name_or_path)?;
        let known = price_kinds(&record);
        if let Some(asked) = price_kind.filter(|asked| !known.contains(asked)) {
            let message = format!("site {} has no price of kind {}", record.name(), quoted(asked));
            let help = format!("its price kinds are {}", known.join(", "));
            return Err(Fault::input(Diagnostic::error(message).key(asked).help(help)));
        }
        Ok(Site::from_record(&record, price_kind)?)
    }

    pub fn calibration(&self) -> Result<Calibration, Fault> {
        Ok(Calibration::from_record(&self.record(EntryKind::Calibration, "calibration")?)?)
    }

    pub fn assumptions(&self) -> Result<Assumptions, Fault> {
        Ok(Assumptions::from_record(&self.record(EntryKind::Assumptions, "assumptions")?)?)
    }

    pub fn spread(&self) -> Result<Spread, Fault> {
        Ok(Spread::from_record(&self.record(EntryKind::Spread, "spread")?)?)
    }
}

/// A text file of the embedded `evidence` folder, by its path inside it.
pub fn evidence(path: &str) -> Option<&'static str> {
    EVIDENCE.get_file(path)?.contents_utf8()
}

/// The same as a source that diagnostics can point into; a fault of the program where it carries no such file.
pub fn evidence_source(path: &str) -> Result<SourceText, Fault> {
    let file = format!("evidence/{path}");
    match evidence(path) {
        Some(text) => Ok(SourceText::new(&file, text)),
        None => Err(Fault::work(Diagnostic::error(format!("the program carries no {file}")))),
    }
}

/// The TOML files of a folder of `evidence`, in the order of their names.
pub fn evidence_folder(path: &str) -> Vec<SourceText> {
    let folder: Option<&'static Dir<'static>> = EVIDENCE.get_dir(path);
    let mut files: Vec<_> = folder.into_iter().flat_map(|folder| folder.files()).collect();
    files.sort_by_key(|file| file.path());
    let text = |file: &'static include_dir::File<'static>| {
        Some(SourceText::new(&format!("evidence/{}", file.path().display()), file.contents_utf8()?))
    };
    files.into_iter().filter_map(text).collect()
}

/// The same, read as a table.
pub fn evidence_table<T: DeserializeOwned>(path: &str) -> Result<T, Fault> {
    let source = evidence_source(path)?;
    toml::from_str(source.text())
        .map_err(|error| Fault::work(Diagnostic::error(error.message().to_owned()).in_file(source.file())))
}

/// Keys that an estimate needs and the entry lacks.
pub fn missing_keys(record: &Record) -> Vec<String> {
    let lacking = match record.kind() {
        EntryKind::Chip => Chip::from_record(record).err(),
        EntryKind::Cluster => Cluster::from_record(record).err(),
        EntryKind::Workload => Workload::from_record(record).err(),
        EntryKind::Site => Site::from_record(record, None).err(),
        EntryKind::Stack => Stack::from_record(record).err(),
        EntryKind::Calibration => Calibration::from_record(record).err(),
        EntryKind::Assumptions => Assumptions::from_record(record).err(),
        EntryKind::Spread => Spread::from_record(record).err(),
        EntryKind::Scenario => None,
    };
    lacking.map(|lacking| lacking.keys).unwrap_or_default()
}

/// The `title` of a scenario, or its first comment line.
fn scenario_title(source: &SourceText) -> String {
    let comment =
        || source.text().lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().trim().to_owned();
    reader::top_level(source).and_then(|top| top.title).unwrap_or_else(comment)
}

fn looks_like_a_path(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    argument.contains('/')
        || argument.contains(std::path::MAIN_SEPARATOR)
        || lower.ends_with(".toml")
        || lower.ends_with(".json")
}

pub(super) fn is_json(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn embedded() -> Layer {
    let folders = [
        (EntryKind::Chip, &CHIPS),
        (EntryKind::Cluster, &CLUSTERS),
        (EntryKind::Workload, &WORKLOADS),
        (EntryKind::Site, &SITES),
        (EntryKind::Stack, &STACKS),
        (EntryKind::Scenario, &SCENARIOS),
    ];
    let mut layer = Layer::new();
    let mut add = |kind: EntryKind, path: &Path, text: &'static str| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = stem_of(path);
        let file = format!("{}/{name}", kind.folder());
        layer
            .entry(kind)
            .or_default()
            .insert(stem.to_lowercase(), Entry::new(kind, stem, Text::Embedded { file, text }));
    };
    for (kind, folder) in folders {
        for file in folder.files() {
            if let (true, Some(text)) = (file.path().extension().is_some_and(|e| e == "toml"), file.contents_utf8()) {
                add(kind, file.path(), text);
            }
        }
    }
    for kind in [EntryKind::Calibration, EntryKind::Assumptions, EntryKind::Spread] {
        let path = format!("{}.toml", kind.word());
        if let Some(text) = evidence(&path) {
            add(kind, Path::new(&path), text);
        }
    }
    layer
}

/// The entries of a user's folder: in sub-folders named as the library's own, or as the kinds are.
fn user_layer(folder: &Path) -> Result<Layer, Fault> {
    let shown = folder.display().to_string();
    let fault = |message: String| {
        let plurals: Vec<&str> = EntryKind::LISTED.iter().map(|kind| kind.plural()).collect();
        let help = format!("a library folder holds TOML files in {}/", plurals.join("/, "));
        Err(Fault::input(Diagnostic::error(message).in_file(shown.clone()).key("--library").help(help)))
    };
    if !folder.exists() {
        return fault(format!("there is no folder {}", quoted(&shown)));
    }
    if !folder.is_dir() {
        return fault(format!("{} is no folder", quoted(&shown)));
    }
    let mut layer = Layer::new();
    for kind in EntryKind::ALL {
        for sub in [kind.folder(), kind.plural()] {
            let path = folder.join(sub);
            if path.is_dir() {
                add_folder(&mut layer, &path, |found| match kind {
                    EntryKind::Calibration | EntryKind::Assumptions | EntryKind::Spread => {
                        (stem_of(found) == kind.word() && !is_json(&found.to_string_lossy())).then_some(kind)
                    }
                    EntryKind::Workload => Some(kind),
                    _ => (!is_json(&found.to_string_lossy())).then_some(kind),
                })?;
            }
        }
    }
    add_folder(&mut layer, folder, recognise::of_file)?;
    if layer.is_empty() {
        return fault(format!("{} holds no library entry", quoted(&shown)));
    }
    Ok(layer)
}

fn add_folder(layer: &mut Layer, folder: &Path, kind_of: impl Fn(&Path) -> Option<EntryKind>) -> Result<(), Fault> {
    let unreadable = |error: std::io::Error| {
        let shown = folder.display().to_string();
        Fault::input(Diagnostic::error(format!("{} cannot be read: {error}", quoted(&shown))).in_file(shown))
    };
    for found in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = found.map_err(unreadable)?.path();
        let wanted = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml") || e.eq_ignore_ascii_case("json"));
        if wanted
            && path.is_file()
            && let Some(kind) = kind_of(&path)
        {
            let entry = Entry::of_user(kind, path);
            layer.entry(kind).or_default().insert(entry.name.to_lowercase(), entry);
        }
    }
    Ok(())
}
