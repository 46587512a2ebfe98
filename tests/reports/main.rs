//! Tests of reports from outside: whatever the findings hold, every report of them is readable,
//! harmless and complete.

#[path = "../support/fake/mod.rs"]
mod fake;
mod files;
mod page;
mod pictures;
mod terminal;

use knee::analysis::findings::Findings;

/// Every kind of findings that a report must be able to show, with its name.
fn every_shape() -> Vec<(&'static str, Findings)> {
    vec![
        ("small", fake::small()),
        ("large", fake::large()),
        ("foreign", fake::foreign()),
        ("single", fake::single()),
        ("broken", fake::broken()),
        ("hostile", fake::hostile()),
        ("absurd", fake::absurd()),
        ("empty", Findings { workloads: vec![], ..fake::small() }),
    ]
}
