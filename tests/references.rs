//! Tests that every committed record still gives its committed findings, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use knee::report::index;

fn runs() -> Vec<PathBuf> {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let entries = fs::read_dir(reports).expect("reports/ is there").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("record.jsonl").exists()).collect()
}

#[test]
fn committed_records_give_their_committed_findings() {
    let runs = runs();
    assert!(runs.len() >= 2, "reports/ holds the reference runs");
    for run in runs {
        let record = knee::record::read(&run).expect("a committed record is whole");
        let findings = knee::analysis::analyse(&record);
        let now = knee::report::json::findings(&findings).expect("findings are plain data");
        let then = fs::read_to_string(run.join("findings.json")).expect("committed findings");
        assert!(now == then, "{} would be written differently now", run.display());
    }
}

#[test]
fn the_index_is_the_table_that_knee_makes() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let page = fs::read_to_string(reports.join("README.md")).expect("reports/README.md");
    let mut runs = runs();
    runs.sort();
    let rows = runs.iter().map(|run| {
        let name = run.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(page.contains(&format!("- **{name}**: ")), "{name} has no paragraph");
        let record = knee::record::read(run).expect("a committed record is whole");
        (name, knee::analysis::analyse(&record))
    });
    let table = index::table(&rows.collect::<Vec<_>>());
    let now = index::spliced(&page, &table).expect("the page has a place for the table");
    assert!(now == page, "make it anew: knee report --index reports");
}
