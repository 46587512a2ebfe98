//! The claims on a terminal and as one page.

use std::fmt::Write;

use super::{Finding, Verdict};
use crate::report::html::{Markup, whole};
use crate::report::terminal::{Style, Tone};

/// The page, whole; `machine` says in one line what was measured on.
pub fn html(findings: &[Finding], machine: &str) -> String {
    let mut title = Markup::new();
    title.text("claims – knee");
    let mut body = Markup::new();
    body.raw("<header><p class=\"brand\">knee</p><h1>What is said of threads and processes, tested here</h1>");
    body.wrap("<p class=\"lead\">", machine, "</p></header>");
    body.raw(
        "<table class=\"claims\"><thead><tr><th>claim</th><th>verdict</th></tr></thead><tbody>",
    );
    for finding in findings {
        body.raw("<tr><td><a href=\"#").text(finding.id).raw("\">").text(finding.claim);
        body.wrap("</a></td><td><strong>", finding.verdict.words(), "</strong></td></tr>");
    }
    body.raw("</tbody></table>");
    for finding in findings {
        body.raw("<section id=\"").text(finding.id).wrap("\"><h2>", finding.claim, "</h2>");
        body.wrap("<p><strong>", finding.verdict.words(), "</strong>: ").text(&finding.told());
        body.raw(".</p>");
        if let Some(picture) = &finding.picture {
            body.raw("<figure>").plot(picture).raw("</figure>");
        }
        body.raw("</section>");
    }
    whole(title, body)
}

/// The table for a terminal: each claim with its verdict, and below it what was measured.
pub fn text(findings: &[Finding], style: &Style) -> String {
    let mut text = String::new();
    let width = style.columns().saturating_sub(INDENT.len()).max(20);
    for finding in findings {
        let tone = match finding.verdict {
            Verdict::Holds => Tone::Good,
            Verdict::DoesNotHold => Tone::Bad,
            Verdict::CannotTell => Tone::Faint,
        };
        let verdict = format!("{:13}", finding.verdict.words());
        for (number, line) in style.wrap(finding.claim, width).iter().enumerate() {
            let before = if number == 0 { style.paint(tone, &verdict) } else { " ".repeat(13) };
            let _ = writeln!(text, "{before}  {}", style.paint(Tone::Strong, line));
        }
        for line in style.wrap(&finding.told(), width) {
            let _ = writeln!(text, "{INDENT}{line}");
        }
    }
    text
}

/// Below the verdicts stands nothing.
const INDENT: &str = "               ";
