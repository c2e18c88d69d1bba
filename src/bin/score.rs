use wattline::library::store::Library;
use wattline::validate::{predict::*, score, table::*};
fn main() {
    let library = Library::open::<&str>(&[]).unwrap();
    let p = Predictor::new(&library).map_err(|f| f.message()).unwrap();
    let facts = std::env::var("WATTLINE_FACTS").unwrap_or("/work/shared/facts".into());
    let text = std::fs::read_to_string("evidence/published_runs.csv").unwrap();
    let t = Table::parse("runs", &text, None).map_err(|f| f.message()).unwrap();
    let start = std::time::Instant::now();
    let j = p.judge_all(&t.rows);
    eprintln!("{:?}", start.elapsed());
    let stated: Vec<Judged> = j.iter().filter(|r| r.plan_stated && r.kind != "energy").cloned().collect();
    let other: Vec<Judged> = j.iter().filter(|r| !(r.plan_stated && r.kind != "energy")).cloned().collect();
    let show = |n: &str, s: &score::Summary| {
        println!(
            "{n:42} n {:4} un {:3} sk {:3} med {:.3} src {:.3} p90 {:.3} bias {:+.3} mem {}",
            s.scored,
            s.unscored,
            s.skipped,
            s.median_abs_error,
            s.mean_of_source_medians,
            s.p90_abs_error,
            s.bias,
            s.memory_disagreements
        )
    };
    show("STATED", &score::summarise(&stated));
    for (n, s) in score::by(&stated, |r| &r.source) {
        show(&n, &s);
    }
    show("CHOSEN", &score::summarise(&other));
    for (n, s) in score::by(&other, |r| &r.source) {
        show(&n, &s);
    }
    let map = ColumnMap::read(std::path::Path::new("evidence/columns/vtrain.toml")).map_err(|f| f.message()).unwrap();
    for f in ["single_node_a100.csv", "multi_node_a100.csv"] {
        let text = std::fs::read_to_string(format!("{facts}/vtrain/{f}")).unwrap();
        let t = Table::parse(f, &text, Some(&map)).map_err(|f| f.message()).unwrap();
        let j = p.judge_all(&t.rows);
        let s = score::summarise(&j);
        println!("{f} n {} mape {:.4} bias {:+.3} med {:.3}", s.scored, s.mape, s.bias, s.median_abs_error);
    }
    if let Some(want) = std::env::args().nth(1) {
        for r in j.iter().filter(|r| r.source.contains(&want) || r.id.contains(&want)) {
            println!(
                "{} {} {} pred {:.4} meas {:.4} err {:+.3} {} {:?} mem {} {:?} {}",
                r.id,
                r.chip,
                r.quantity,
                r.predicted,
                r.measured,
                r.error,
                r.stack,
                r.inferred,
                r.memory_disagrees,
                r.status,
                r.reason
            );
        }
    }
}
