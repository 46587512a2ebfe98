//! The page of a comparison.

use super::markup::Markup;
use super::{section, whole};
use crate::analysis::comparison::{ComparedWorkload, Comparison};
use crate::report::compared::{self, Table};
use crate::units::plural;

/// The whole page.
pub fn comparison(comparison: &Comparison) -> String {
    let mut title = Markup::new();
    title.text(compared::baseline(comparison)).raw(" compared – knee");
    let mut body = Markup::new();
    head(&mut body, comparison);
    warnings(&mut body, comparison);
    body.raw("<section id=\"answers\"><h2>Answers</h2><ul class=\"remarks\">");
    for sentence in &comparison.sentences {
        body.wrap("<li>", sentence, "</li>");
    }
    body.raw("</ul>");
    table(&mut body, &compared::index(comparison));
    body.raw("</section>");
    for workload in &comparison.workloads {
        one(&mut body, workload, comparison);
    }
    left_out(&mut body, comparison);
    whole(title, body)
}

fn head(body: &mut Markup, comparison: &Comparison) {
    body.raw("<header><p class=\"brand\">knee</p><h1>Which machine does more?</h1>");
    let count = plural(comparison.workloads.len() as u64, "workload", "workloads");
    let lead = format!("{count} against {}", compared::baseline(comparison));
    body.wrap("<p class=\"lead\">", &lead, "</p><dl>");
    for (name, what) in compared::sides(comparison) {
        body.wrap("<dt>", &name, "</dt>").wrap("<dd>", &what, "</dd>");
    }
    body.raw("</dl></header>");
}

fn warnings(body: &mut Markup, comparison: &Comparison) {
    if comparison.warnings.is_empty() {
        return;
    }
    body.raw("<section class=\"warnings\"><h2>Before you use a figure</h2><ul>");
    for warning in &comparison.warnings {
        body.wrap("<li>", &warning.text, "");
        body.wrap(" <span class=\"remedy\">", &warning.remedy, "</span></li>");
    }
    body.raw("</ul></section>");
}

fn one(body: &mut Markup, workload: &ComparedWorkload, comparison: &Comparison) {
    body.raw("<section class=\"workload\">").wrap("<h2>", &workload.label, "</h2>");
    if let Some(chart) = compared::chart(workload) {
        body.raw("<div class=\"main\">");
        section::main_plot(body, &chart);
        body.raw("</div>");
    }
    body.raw("<h3>Each at its own best</h3>");
    table(body, &compared::at_optimum(workload, comparison));
    body.raw("<h3>At equal counts</h3>");
    table(body, &compared::at_equal(workload, comparison));
    body.raw("</section>");
}

fn left_out(body: &mut Markup, comparison: &Comparison) {
    if comparison.left_out.is_empty() {
        return;
    }
    body.raw("<section><h2>Left out</h2><ul class=\"remarks\">");
    for item in &comparison.left_out {
        body.wrap("<li>", &compared::left_out(item), "</li>");
    }
    body.raw("</ul></section>");
}

fn table(body: &mut Markup, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    body.raw("<div class=\"scroll\"><table><thead><tr>");
    for (head, name) in table.heads.iter().zip(&table.names) {
        body.wrap(if *name { "<th>" } else { "<th class=\"n\">" }, head, "</th>");
    }
    body.raw("</tr></thead><tbody>");
    for row in &table.rows {
        body.raw("<tr>");
        for (index, (cell, name)) in row.iter().zip(&table.names).enumerate() {
            match (index, name) {
                (0, _) => body.wrap("<th scope=\"row\">", cell, "</th>"),
                (_, true) => body.wrap("<td class=\"t\">", cell, "</td>"),
                (_, false) => body.wrap("<td>", cell, "</td>"),
            };
        }
        body.raw("</tr>");
    }
    body.raw("</tbody></table></div>");
}
