//! Work that is killed, refused or out of room loses nothing that was committed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod rows;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rows::{design, header, put, row, write};
use wattline::results::{Header, Keep, Opened, Progress, Row, open, read};

/// The environment variable that makes a test executable a small sweep into the file that it names.
const DRIVER: &str = "WATTLINE_TEST_DRIVER";
const GROUPS: u64 = 24;
const ROWS_OF_A_GROUP: u64 = 150;
const NAMES: [&str; 3] = ["out.parquet", "out.csv", "out.jsonl"];

/// Rows of a group, a function of its number alone.
fn rows_of(group: u64) -> Vec<Row> {
    let (design, estimate) = design();
    (group * ROWS_OF_A_GROUP..(group + 1) * ROWS_OF_A_GROUP)
        .map(|index| {
            let mut row = row(&design, &estimate, index, &[]);
            put(&mut row, "wall_s", (index as f64 * 0.37).sin());
            row
        })
        .collect()
}

/// What the driver carries from group to group.
fn next_state(state: &[u8], group: u64) -> Vec<u8> {
    let mut state = state.to_vec();
    state.push((group % 251) as u8);
    state
}

fn of(opened: Opened) -> Option<(wattline::results::Sink, Progress)> {
    match opened {
        Opened::Finished => None,
        Opened::Fresh(sink) => Some((sink, Progress { groups: 0, rows: 0, state: Vec::new() })),
        Opened::Resumed(sink, progress) => Some((sink, progress)),
    }
}

/// The sweep that the tests kill: it runs in a process of its own, and says what it has committed.
#[test]
fn driver() {
    let Some(path) = std::env::var_os(DRIVER) else { return };
    let sweep = || {
        let Some((mut sink, mut progress)) = of(open(Path::new(&path), &header(Keep::All, GROUPS), true)?) else {
            return Ok(());
        };
        assert_eq!(progress.rows, progress.groups * ROWS_OF_A_GROUP);
        assert_eq!(progress.state.len() as u64, progress.groups);
        for group in progress.groups..GROUPS {
            progress.state = next_state(&progress.state, group);
            sink.commit(group + 1, &rows_of(group), &progress.state)?;
            println!("\ncommitted {}", group + 1);
        }
        println!("\nfinishing");
        sink.finish()
    };
    let code = sweep().err().map_or(0, |fault: wattline::library::diagnostic::Fault| {
        eprintln!("{fault}");
        i32::from(fault.code())
    });
    std::process::exit(code);
}

fn driver_of(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["driver", "--exact", "--nocapture"]).env(DRIVER, path).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Reads what the driver says until it has said `lines` things; the last group that it committed, and whether it ended.
fn listen(out: &mut impl BufRead, lines: u64) -> (u64, bool) {
    let (mut committed, mut heard) = (0, 0);
    let mut line = String::new();
    while heard < lines {
        line.clear();
        if out.read_line(&mut line).unwrap() == 0 {
            return (committed, true);
        }
        if let Some(group) = line.trim().strip_prefix("committed ") {
            committed = group.parse().unwrap();
            heard += 1;
        } else if line.trim() == "finishing" {
            heard += 1;
        }
    }
    (committed, false)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn unbroken(path: &Path) {
    let rows: Vec<Row> = (0..GROUPS).flat_map(rows_of).collect();
    write(path, &header(Keep::All, GROUPS), &rows);
}

/// Numbers without a pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

#[test]
fn a_sweep_killed_again_and_again_ends_as_an_unbroken_one() {
    // Enough to reach the end by any throw of the dice.
    const MOST_KILLS: usize = 200;
    for (seed, name) in NAMES.iter().enumerate() {
        let mut dice = Dice(0x9e37_79b9 + seed as u64);
        let folder = tempfile::tempdir().unwrap();
        let (path, whole) = (folder.path().join(name), folder.path().join(format!("whole-{name}")));
        unbroken(&whole);
        let (mut groups, mut kills, mut finished) = (0, 0, false);
        while !finished {
            let mut child = driver_of(&path).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            let (committed, ended) = listen(&mut out, 1 + dice.below(5));
            std::thread::sleep(Duration::from_millis(dice.below(30)));
            kill(child);
            kills += 1;
            assert!(kills < MOST_KILLS, "no end after {kills} kills");
            if path.exists() {
                assert!(std::fs::read(&path).unwrap() == std::fs::read(&whole).unwrap(), "{name}");
                read(&path).unwrap();
            }
            match open(&path, &header(Keep::All, GROUPS), true).unwrap() {
                Opened::Finished => finished = true,
                Opened::Resumed(_, progress) => {
                    assert!(progress.groups >= committed.max(groups), "{} after {committed}", progress.groups);
                    let state = (0..progress.groups).fold(Vec::new(), |state, group| next_state(&state, group));
                    assert_eq!(progress.state, state);
                    groups = progress.groups;
                }
                Opened::Fresh(_) => assert_eq!((committed, groups), (0, 0)),
            }
            assert!(!ended || finished, "the driver ended without a result");
        }
        assert!(kills > 3, "{name}: {kills} kills");
        assert!(std::fs::read(&path).unwrap() == std::fs::read(&whole).unwrap(), "{name}");
        assert!(!folder.path().join(format!("{name}.partial")).exists());
        println!("{name}: {kills} kills");
    }
}

#[test]
fn a_kill_while_the_whole_file_is_written_leaves_it_absent_or_valid() {
    const KILLS: u64 = 12;
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let (path, whole) = (folder.path().join(name), folder.path().join(format!("whole-{name}")));
        unbroken(&whole);
        let whole = std::fs::read(&whole).unwrap();
        for kill_after in 0..KILLS {
            let mut child = driver_of(&path).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            listen(&mut out, GROUPS + 1);
            std::thread::sleep(Duration::from_millis(kill_after * 2));
            kill(child);
            if path.exists() {
                assert!(std::fs::read(&path).unwrap() == whole, "{name}");
                break;
            }
        }
        let status = driver_of(&path).status().unwrap();
        assert!(status.success());
        assert!(std::fs::read(&path).unwrap() == whole, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_a_fault_of_the_work_and_what_was_committed_is_kept() {
    // In blocks of 512 or 1,024 bytes; the rows of all groups take more.
    const LIMIT: &str = "40";
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("out.csv"), folder.path().join("whole.csv"));
    unbroken(&whole);
    let inner = driver_of(&path);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {LIMIT}; exec \"$0\" \"$@\"")]).arg(inner.get_program());
    command.args(inner.get_args()).env(DRIVER, &path);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("could not be written") && stderr.contains("--resume"), "{stderr}");
    assert!(!path.exists());
    let output = driver_of(&path).output().unwrap();
    assert!(output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("committed 1\n"), "it started afresh");
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&whole).unwrap());
}

#[test]
fn two_processes_cannot_write_one_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let Opened::Fresh(sink) = open(&path, &header(Keep::All, GROUPS), false).unwrap() else { panic!() };
    let output = driver_of(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another process"));
    drop(sink);
    assert!(driver_of(&path).output().unwrap().status.success());
}

/// A result of two groups in four, and its header.
fn half(path: &Path) -> Header {
    let header = header(Keep::All, 4);
    let Opened::Fresh(mut sink) = open(path, &header, false).unwrap() else { panic!() };
    sink.commit(1, &rows_of(0), b"one").unwrap();
    sink.commit(2, &rows_of(1), b"two").unwrap();
    header
}

fn refused(path: &Path, header: &Header, resume: bool) -> String {
    let fault = open(path, header, resume).err().expect("a refusal");
    assert_eq!(fault.code(), 2);
    fault.to_string()
}

#[test]
fn an_unfinished_result_is_gone_on_with_only_where_asked_and_only_by_its_own_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let header = half(&path);
    assert!(refused(&path, &header, false).contains("--resume"));
    let other = Header { scenario: "another".to_owned(), keep: Keep::Best, ..header.clone() };
    for resume in [false, true] {
        let text = refused(&path, &other, resume);
        assert!(text.contains("a-test there, another here") && text.contains("all there, best here"), "{text}");
    }
    let Opened::Resumed(sink, progress) = open(&path, &header, true).unwrap() else { panic!("not resumed") };
    assert_eq!(progress, Progress { groups: 2, rows: 2 * ROWS_OF_A_GROUP, state: b"two".to_vec() });
    sink.finish().unwrap();
    assert_eq!(read(&path).unwrap().rows() as u64, 2 * ROWS_OF_A_GROUP);
}

#[test]
fn last_rows_follow_those_that_were_committed_and_stand_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let header = half(&path);
    let Opened::Resumed(sink, _) = open(&path, &header, true).unwrap() else { panic!("not resumed") };
    sink.finish_with(&rows_of(2)).unwrap();
    let index: Vec<f64> = (0..3 * ROWS_OF_A_GROUP).map(|index| index as f64).collect();
    assert_eq!(read(&path).unwrap().numbers("index").unwrap(), index);
}

#[test]
fn a_finished_result_is_left_alone_by_its_own_sweep_and_refused_to_another() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let header = header(Keep::All, 1);
        write(&path, &header, &rows_of(0));
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(open(&path, &header, true).unwrap(), Opened::Finished), "{name}");
        let other = Header { library_hash: "22c".to_owned(), ..header.clone() };
        assert!(refused(&path, &other, true).contains("11b there, 22c here"), "{name}");
        assert!(std::fs::read(&path).unwrap() == before, "{name}");
        assert!(matches!(open(&path, &other, false).unwrap(), Opened::Fresh(_)), "{name}");
        assert!(std::fs::read(&path).unwrap() == before, "{name}");
    }
}

#[test]
fn resume_with_nothing_to_resume_starts_afresh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    assert!(matches!(open(&path, &header(Keep::All, 1), true).unwrap(), Opened::Fresh(_)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What happens to the folder of an unfinished result.
type Damage = fn(&Path);

#[test]
fn damage_to_an_unfinished_result_is_seen() {
    let damage: [(&str, Damage); 4] = [
        ("a lost byte of the rows", |folder| {
            let file = std::fs::OpenOptions::new().write(true).open(folder.join("rows")).unwrap();
            file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        }),
        ("a lost byte of the state", |folder| {
            let content = std::fs::read(folder.join("progress")).unwrap();
            std::fs::write(folder.join("progress"), &content[..content.len() - 1]).unwrap();
        }),
        ("no progress", |folder| std::fs::write(folder.join("progress"), b"").unwrap()),
        ("noise", |folder| std::fs::write(folder.join("progress"), b"\xff\xfe\n").unwrap()),
    ];
    for (what, damage) in damage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let header = half(&path);
        damage(&folder.path().join("out.csv.partial"));
        assert!(refused(&path, &header, true).contains("damaged"), "{what}");
    }
}

#[test]
fn a_changed_byte_in_the_rows_is_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let header = half(&path);
    let rows = folder.path().join("out.csv.partial/rows");
    let mut content = std::fs::read(&rows).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(&rows, content).unwrap();
    let Opened::Resumed(sink, _) = open(&path, &header, true).unwrap() else { panic!("not resumed") };
    let fault = sink.finish().expect_err("a fault");
    assert_eq!(fault.code(), 1);
    assert!(!path.exists());
}
