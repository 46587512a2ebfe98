//! A table of several runs: one row for each, with the answer for every workload.

use std::fmt::Write;

use super::words::{self, Certainty};
use crate::analysis::findings::Findings;

/// Marks the beginning of the table in a file.
pub const BEGIN: &str = "<!-- runs -->";
/// Marks the end of the table.
pub const END: &str = "<!-- end of runs -->";

/// The runs as a Markdown table; each name links to the run's directory.
pub fn table(runs: &[(String, Findings)]) -> String {
    let mut text =
        String::from("| run | machine | usable CPUs | noise | answers |\n|---|---|---|---|---|\n");
    for (name, findings) in runs {
        let answers: Vec<String> = findings
            .workloads
            .iter()
            .map(|workload| {
                let answer = words::answer(workload);
                let doubt = if answer.certainty == Certainty::Open { " (not settled)" } else { "" };
                format!("{}: {}{doubt}", cell(&workload.label), cell(&answer.choice))
            })
            .collect();
        let _ = writeln!(
            text,
            "| [{name}]({name}/summary.md) | {} | {} | {} | {} |",
            cell(&findings.run.machine),
            findings.run.usable_cpus,
            if findings.quiet.trusted { "quiet" } else { "disturbed" },
            answers.join("<br>")
        );
    }
    text
}

/// `page` with its table replaced; `None` if it has no marks for one.
pub fn spliced(page: &str, table: &str) -> Option<String> {
    let begin = page.find(BEGIN)? + BEGIN.len();
    let end = begin + page[begin..].find(END)?;
    Some(format!("{}\n{table}{}", &page[..begin], &page[end..]))
}

/// A name from outside, made safe for a table.
fn cell(text: &str) -> String {
    let shown = crate::plot::label::visible(text);
    let mut cell = String::with_capacity(shown.len());
    for character in shown.chars() {
        match character {
            '|' => cell.push_str("\\|"),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            other => cell.push(other),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splicing_replaces_the_table_and_nothing_else() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = spliced(&page, "| new |\n").unwrap();
        assert_eq!(once, format!("before\n{BEGIN}\n| new |\n{END}\nafter\n"));
        assert_eq!(spliced(&once, "| new |\n").unwrap(), once);
        assert_eq!(spliced("no markers", "| new |\n"), None);
    }

    #[test]
    fn names_cannot_leave_their_cell() {
        assert_eq!(cell("a|b<c"), "a\\|b&lt;c");
    }
}
