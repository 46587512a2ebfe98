//! A comparison as Markdown.

use super::{escape, line, with_remedy};
use crate::analysis::comparison::Comparison;
use crate::report::compared::{self, Table};

/// The whole comparison.
pub fn comparison(comparison: &Comparison) -> String {
    let mut out = format!("# Against {}\n\n", escape(compared::baseline(comparison)));
    for (name, what) in compared::sides(comparison) {
        line(&mut out, &format!("- **{}**: {}", escape(&name), escape(&what)));
    }
    out.push_str("\n## Answers\n\n");
    for sentence in &comparison.sentences {
        line(&mut out, &format!("- {}", escape(sentence)));
    }
    table(&mut out, &compared::index(comparison));
    for workload in &comparison.workloads {
        line(&mut out, &format!("\n## {}", escape(&workload.label)));
        line(&mut out, "\nEach at its own best:");
        table(&mut out, &compared::at_optimum(workload, comparison));
        line(&mut out, "\nAt equal counts:");
        table(&mut out, &compared::at_equal(workload, comparison));
    }
    if !comparison.left_out.is_empty() {
        out.push_str("\n## Left out\n\n");
    }
    for item in &comparison.left_out {
        line(&mut out, &format!("- {}", escape(&compared::left_out(item))));
    }
    if !comparison.warnings.is_empty() {
        out.push_str("\n## Before you use a figure\n\n");
    }
    for warning in &comparison.warnings {
        line(&mut out, &format!("- {}", with_remedy(&warning.text, &warning.remedy)));
    }
    out
}

fn table(out: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    let joined = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    line(out, &format!("\n{}", joined(&table.heads)));
    let rules: Vec<&str> =
        table.names.iter().map(|name| if *name { "---" } else { "---:" }).collect();
    line(out, &format!("|{}|", rules.join("|")));
    for row in &table.rows {
        line(out, &joined(row));
    }
}
