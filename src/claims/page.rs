//! The claims on a terminal and as one page.

use std::fmt::Write;

use super::{Finding, Picture, Verdict};
use crate::report::html::{Markup, whole};
use crate::report::terminal::{Style, Tone};
use crate::units::Quantity;

/// The whole page. `machine` names the machine in one line.
pub fn html(findings: &[Finding], machine: &str) -> String {
    let mut title = Markup::new();
    title.text("claims – knee");
    let mut body = Markup::new();
    body.raw(
        "<header><p class=\"brand\">knee</p><h1>Common claims about threads and processes, tested \
         here</h1>",
    );
    body.wrap("<p class=\"lead\">", &tally(findings), "</p>");
    body.wrap("<p class=\"quiet\">", machine, "</p></header>");
    body.raw(
        "<table class=\"claims\"><thead><tr><th>claim</th><th>verdict</th></tr></thead><tbody>",
    );
    for finding in findings {
        body.raw("<tr><td><a href=\"#").text(finding.id).raw("\">").text(finding.claim);
        body.raw("</a></td><td>").append(&verdict(finding.verdict)).raw("</td></tr>");
    }
    body.raw("</tbody></table>");
    for finding in findings {
        body.raw("<section class=\"claim\" id=\"").text(finding.id).wrap(
            "\"><h2>",
            finding.claim,
            "</h2>",
        );
        body.raw("<p>").append(&verdict(finding.verdict)).raw(" ").text(&finding.told());
        body.raw(".</p>");
        if let Some(Picture { wide, narrow }) = &finding.picture {
            body.raw("<figure><div class=\"wide\">").plot(wide);
            body.raw("</div><div class=\"narrow\">").plot(narrow).raw("</div></figure>");
        }
        body.raw("</section>");
    }
    let seconds: f64 = findings.iter().map(|finding| finding.seconds).sum();
    body.raw(
        "<p class=\"note\">Medians of repeated rounds with their 95 % intervals; what is compared \
         was measured in turns. ",
    );
    body.text(&format!(
        "knee {}, {}; anew with: knee claims",
        env!("CARGO_PKG_VERSION"),
        Quantity::Duration.text(seconds)
    ));
    body.raw("</p>");
    whole(title, body)
}

/// The number of each verdict: `9 hold, 1 does not hold`.
fn tally(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let parts = [
        (Verdict::Holds, "holds", "hold"),
        (Verdict::DoesNotHold, "does not hold", "do not hold"),
        (Verdict::CannotTell, "cannot be told", "cannot be told"),
    ];
    let told = parts.map(|(verdict, one, many)| match count(verdict) {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    });
    told.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn verdict(verdict: Verdict) -> Markup {
    let mut tag = Markup::new();
    tag.raw(match verdict {
        Verdict::Holds => "<strong class=\"tag good\">",
        Verdict::DoesNotHold => "<strong class=\"tag bad\">",
        Verdict::CannotTell => "<strong class=\"tag\">",
    });
    tag.text(verdict.words()).raw("</strong>");
    tag
}

/// The table for a terminal: each claim with its verdict, and its evidence below.
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
    let _ = writeln!(text, "\n{}", style.paint(Tone::Strong, &tally(findings)));
    text
}

/// The column of the verdicts is empty below them.
const INDENT: &str = "               ";
