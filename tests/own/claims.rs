//! Tests of `knee claims`: experiments whose outcome does not depend on the load, and the formats
//! of their report.

use crate::calls::knee;

#[test]
fn what_cannot_depend_on_the_load_holds() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("out");
    let out = out.to_str().expect("temporary paths are text");
    let called = knee(&["claims", "globals", "pool", "order", "messages", "--json", "--out", out]);
    assert_eq!(called.code, 0, "{}", called.stderr);
    let document: serde_json::Value = serde_json::from_str(&called.stdout).expect("it is JSON");
    assert_eq!(document["schema_version"], 1);
    let claims = document["claims"].as_array().expect("a list");
    let ids: Vec<&str> = claims.iter().filter_map(|claim| claim["id"].as_str()).collect();
    assert_eq!(ids, ["globals", "pool", "order", "messages"]);
    for claim in claims {
        assert_eq!(claim["verdict"], "holds", "{claim}");
        assert!(!claim["figures"].as_array().expect("a list").is_empty(), "{claim}");
        assert!(claim["evidence"].as_str().is_some_and(|text| text.len() > 40), "{claim}");
    }
    let kept = std::fs::read_to_string(directory.path().join("out/claims.json")).expect("kept");
    assert_eq!(kept.trim(), called.stdout.trim());
    let page = std::fs::read_to_string(directory.path().join("out/claims.html")).expect("kept");
    assert_eq!(page.matches("<svg").count(), 8, "each claim has its picture, in two widths");
    assert!(page.contains("4 hold") && page.contains("ran at most 1, 2, 3, 4"), "{page}");
    assert!(!page.contains("<link") && !page.contains("src="), "nothing is loaded");
}

#[test]
fn every_claim_is_listed_and_no_other_is_known() {
    let listed = knee(&["claims", "--list"]);
    assert_eq!(listed.code, 0);
    assert!(listed.stdout.lines().count() >= 10, "{}", listed.stdout);
    let unknown = knee(&["claims", "nonsense"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("there are globals, "), "{}", unknown.stderr);
}
