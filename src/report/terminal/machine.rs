//! The machine on a terminal: what it is, what of it can be used, and which counts other programs
//! would choose.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::Style;
use super::pen::Tone;
use super::table::{self, Column};
use crate::machine::{Fact, Machine, WHY_THEY_DIFFER, Warning};

/// Writes everything that is known about a machine, with warnings.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn machine(
    out: &mut dyn Write,
    machine: &Machine,
    warnings: &[Warning],
    style: &Style,
) -> io::Result<()> {
    facts(out, "machine", &machine.facts(), style)?;
    writeln!(out)?;
    facts(out, "CPU budget", &machine.budget.facts(), style)?;
    runtimes(out, machine, style)?;
    for warning in warnings {
        writeln!(out)?;
        paragraph(out, Tone::Bad, &warning.text(), style)?;
        paragraph(out, Tone::Faint, warning.remedy(), style)?;
    }
    Ok(())
}

fn facts(out: &mut dyn Write, title: &str, facts: &[Fact], style: &Style) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Strong, title))?;
    let wide = facts.iter().map(|fact| fact.label.width()).max().unwrap_or(0);
    let indent = wide + 4;
    for fact in facts {
        let label = format!("  {:wide$}  ", fact.label);
        let mut lines = style.wrap(&fact.value, style.columns() - indent).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{}{first}", style.paint(Tone::Faint, &label))?;
        for line in lines {
            writeln!(out, "{}{line}", " ".repeat(indent))?;
        }
    }
    if facts.is_empty() {
        writeln!(out, "  nothing is known")?;
    }
    Ok(())
}

fn runtimes(out: &mut dyn Write, machine: &Machine, style: &Style) -> io::Result<()> {
    let mut names = Column::names("the number of CPUs, as taken by", 0);
    let mut counts = Column::figures("here", 0);
    let mut rules = Column::names("from", 1);
    for runtime in &machine.budget.runtimes {
        names.cells.push((Tone::Plain, style.clean(&runtime.name)));
        counts.cells.push((Tone::Strong, runtime.count.to_string()));
        rules.cells.push((Tone::Faint, style.clean(&runtime.rule)));
    }
    if names.cells.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for line in table::lines(vec![names, counts, rules], style) {
        writeln!(out, "{line}")?;
    }
    let counts = machine.budget.runtimes.iter().map(|runtime| runtime.count);
    if counts.clone().min() != counts.max() {
        paragraph(out, Tone::Plain, WHY_THEY_DIFFER, style)?;
    }
    Ok(())
}

/// Text across the width of the terminal, indented like a table.
fn paragraph(out: &mut dyn Write, tone: Tone, text: &str, style: &Style) -> io::Result<()> {
    for line in style.wrap(text, style.columns() - 2) {
        writeln!(out, "  {}", style.paint(tone, &line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{CpuSet, RuntimeCount};

    fn text(subject: &Machine, width: usize) -> String {
        let style = Style { width: Some(width), color: false, unicode: true };
        let mut out = Vec::new();
        machine(&mut out, subject, &subject.warnings(), &style).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn small() -> Machine {
        let mut machine = Machine {
            hostname: Some("evil\u{1b}[2J\u{202e}<script>".into()),
            cpu_model: Some(
                "A CPU with a name that is a good deal longer than its frequency is high".into(),
            ),
            virtualisation: Some("kvm".into()),
            ..Machine::default()
        };
        machine.budget.online = Some(4);
        machine.budget.affinity = Some("1-2".parse::<CpuSet>().unwrap());
        let count =
            |name: &str, count| RuntimeCount { name: name.into(), count, rule: "mask".into() };
        machine.budget.runtimes = vec![count("Rust", 2), count("Python: os.cpu_count", 4)];
        machine
    }

    #[test]
    fn it_fits_any_terminal_and_nothing_in_it_steers_one() {
        for width in [40, 60, 80, 200] {
            let text = text(&small(), width);
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        }
    }

    #[test]
    fn it_tells_the_budget_and_why_programs_differ() {
        let text = text(&small(), 100);
        for part in [
            "  usable    2 CPUs\n",
            "  affinity  2 (CPUs 1-2)\n",
            "  quota     none\n",
            "They differ because a quota limits CPU seconds",
            "only 2 of 4 CPUs may be used (CPUs 1-2)",
            "nothing, if that is intended",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }

    #[test]
    fn an_unknown_machine_has_a_page_too() {
        let text = text(&Machine::default(), 80);
        assert!(text.starts_with("machine\n  nothing is known\n"), "{text}");
        assert!(!text.contains("They differ"), "{text}");
    }
}
