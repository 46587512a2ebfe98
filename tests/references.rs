//! Every committed record still says what its committed findings say, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

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
fn the_index_lists_every_committed_run() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let page = fs::read_to_string(reports.join("README.md")).expect("reports/README.md");
    for run in runs() {
        let name = run.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(page.contains(&format!("[{name}]")), "{name} is not in reports/README.md");
    }
}
