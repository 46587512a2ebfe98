//! The tables of a workload: its modes, all figures, all laws.

use super::markup::Markup;
use crate::analysis::findings::{Curve, Law, Point, WorkloadFindings};
use crate::report::{money, words};
use crate::units::{ABSENT, Quantity};

/// A column of the table of modes: its heading, and its text for a mode at the knee.
type Cell = (&'static str, fn(&Point, Option<&Curve>) -> Option<String>);

const MODES: [Cell; 9] = [
    ("speed-up", |point, _| {
        point.speedup.map(|e| Quantity::Ratio.interval(e.median, e.low, e.high))
    }),
    ("efficiency", |point, _| Some(Quantity::Share.text(point.efficiency?.median))),
    ("p50", |point, _| Some(Quantity::Duration.text(point.latency?.p50))),
    ("p99", |point, _| Some(Quantity::Duration.text(point.p99()?))),
    ("cost", |point, _| point.cost.as_ref().map(money::text)),
    ("launch", |_, curve| Some(Quantity::Duration.text(curve?.price?.launch?))),
    ("per task", |_, curve| Some(Quantity::Duration.text(curve?.price?.dispatch?))),
    ("measuring", |_, curve| Some(Quantity::Duration.text(curve?.price?.measuring?))),
    ("break-even", |_, curve| Some(Quantity::Duration.text(curve?.price?.break_even?))),
];

/// The modes at their knees, with the price of each. Empty columns are left out.
pub(super) fn modes(body: &mut Markup, workload: &WorkloadFindings) {
    let serial = workload.serial.as_ref().map(|point| ("serial", None, point));
    let modes = workload
        .curves
        .iter()
        .filter_map(|curve| Some((curve.name.as_str(), Some(curve), words::best_point(curve)?)));
    let rows: Vec<(&str, Option<&Curve>, &Point)> = serial.into_iter().chain(modes).collect();
    if rows.is_empty() {
        return;
    }
    let says = |(_, of): &&Cell| rows.iter().any(|(_, curve, point)| of(point, *curve).is_some());
    let columns: Vec<&Cell> = MODES.iter().filter(says).collect();
    let kind = words::kind_of_curve(workload);
    body.wrap("<h3>Each ", kind, " at its knee</h3><div class=\"scroll\"><table><thead><tr>");
    body.wrap("<th>", kind, "</th>");
    heads(body, &["workers", "throughput [95 %]"]);
    for (head, _) in &columns {
        heads(body, &[head]);
    }
    body.raw("</tr></thead><tbody>");
    let rate = words::rate(workload);
    for (name, curve, point) in rows {
        body.wrap("<tr><th scope=\"row\">", name, "</th>");
        throughput(body, point, &rate);
        for (_, of) in &columns {
            body.wrap("<td>", &of(point, curve).unwrap_or_else(absent), "</td>");
        }
        body.raw("</tr>");
    }
    body.raw("</tbody></table></div>");
    if workload.curves.iter().any(|curve| curve.price.is_some()) {
        body.raw(
            "<p class=\"note\">Launch: to start a crew of one worker. Per task: to hand over a \
             task and take its reply. Break-even: the task length from which the mode at its knee \
             beats serial.</p>",
        );
    }
    let adds = |curve: &Curve| curve.price.is_some_and(|price| price.measuring.is_some());
    if workload.curves.iter().any(adds) {
        let text = "Measuring: what the helper adds to each task by measuring it.";
        body.wrap("<p class=\"note\">", text, "</p>");
    }
}

/// The cells at the beginning of every row.
fn throughput(body: &mut Markup, point: &Point, rate: &Quantity) {
    let throughput = point.throughput;
    body.wrap("<td>", &Quantity::Count.text(point.workers), "</td>");
    body.wrap("<td>", &rate.interval(throughput.median, throughput.low, throughput.high), "</td>");
}

/// A column of the table of all figures: its heading, and its figure for a point.
type Figure = (&'static str, fn(&Point) -> Option<(Quantity, f64)>);

const FIGURES: [Figure; 17] = [
    ("speed-up", |point| Some((Quantity::Ratio, point.speedup?.median))),
    ("efficiency", |point| Some((Quantity::Share, point.efficiency?.median))),
    ("p50", |point| Some((Quantity::Duration, point.latency?.p50))),
    ("p90", |point| Some((Quantity::Duration, point.latency?.p90))),
    ("p99", |point| Some((Quantity::Duration, point.p99()?))),
    ("p99.9", |point| Some((Quantity::Duration, point.latency?.p999))),
    ("slowest", |point| Some((Quantity::Duration, point.latency?.max))),
    ("CPUs busy", |point| Some((Quantity::Count, point.cpu?))),
    ("CPU per unit", |point| Some((Quantity::Duration, point.cpu_per_unit?))),
    ("waits per task", |point| Some((Quantity::Number, point.voluntary_switches?))),
    ("preemptions/s", |point| Some((Quantity::Number, point.involuntary_switches?))),
    ("memory", |point| Some((Quantity::Memory, point.peak_memory?))),
    ("GPU busy", |point| Some((Quantity::Share, point.gpu_busy?))),
    ("GPU memory", |point| Some((Quantity::Memory, point.gpu_memory?))),
    ("unfairness", |point| Some((Quantity::Share, point.unfairness?))),
    ("outliers", |point| {
        Some((Quantity::Count, point.outliers.len() as f64)).filter(|(_, n)| *n > 0.0)
    }),
    ("disturbed", |point| {
        Some((Quantity::Count, point.disturbed as f64)).filter(|(_, n)| *n > 0.0)
    }),
];

/// Every point of every curve. Empty columns are left out.
pub(super) fn figures(body: &mut Markup, workload: &WorkloadFindings) {
    let serial = workload.serial.as_ref().map(|point| ("serial", None, point));
    let modes = workload.curves.iter().flat_map(|curve| {
        curve.points.iter().map(move |point| (curve.name.as_str(), Some(curve), point))
    });
    let rows: Vec<(&str, Option<&Curve>, &Point)> = serial.into_iter().chain(modes).collect();
    if rows.is_empty() {
        return;
    }
    let columns: Vec<&Figure> = FIGURES
        .iter()
        .filter(|(_, of)| rows.iter().any(|(_, _, point)| of(point).is_some()))
        .collect();
    let rate = words::rate(workload);
    body.raw(
        "<details><summary>All figures</summary><div class=\"scroll\"><table \
         class=\"all\"><thead><tr><th>mode</th>",
    );
    heads(body, &["workers", "throughput [95 %]", "rounds", "launches"]);
    for (head, _) in &columns {
        heads(body, &[head]);
    }
    body.raw("</tr></thead><tbody>");
    for (name, curve, point) in rows {
        let knee = curve
            .and_then(|curve| curve.knee.as_ref())
            .is_some_and(|knee| words::same(knee.workers, point.workers));
        body.raw(if knee {
            "<tr class=\"knee\"><th scope=\"row\">"
        } else {
            "<tr><th scope=\"row\">"
        });
        body.text(name).raw("</th>");
        throughput(body, point, &rate);
        body.wrap("<td>", &point.samples.to_string(), "</td>");
        let launches = Some(point.launches).filter(|launches| *launches > 0);
        let launches = launches.map_or_else(absent, |launches| launches.to_string());
        body.wrap("<td>", &launches, "</td>");
        for (_, of) in &columns {
            let cell = of(point).map_or_else(absent, |(quantity, value)| quantity.text(value));
            body.wrap("<td>", &cell, "</td>");
        }
        body.raw("</tr>");
    }
    body.raw("</tbody></table></div></details>");
}

/// Every law that was fitted, the chosen one marked.
pub(super) fn laws(body: &mut Markup, workload: &WorkloadFindings) {
    let rows: Vec<(&Curve, &Law)> = workload
        .curves
        .iter()
        .flat_map(|curve| curve.laws.iter().map(move |law| (curve, law)))
        .collect();
    if rows.is_empty() {
        return;
    }
    body.raw(
        "<details><summary>All laws</summary><div class=\"scroll\"><table \
         class=\"laws\"><thead><tr><th>mode</th><th>law</th>",
    );
    body.raw(
        "<th>coefficients [95 %]</th><th class=\"n\">AICc</th><th class=\"n\">worst \
         residual</th><th>verdict</th></tr></thead><tbody>",
    );
    for (curve, law) in rows {
        body.raw(if law.chosen {
            "<tr class=\"knee\"><th scope=\"row\">"
        } else {
            "<tr><th scope=\"row\">"
        });
        body.text(&curve.name).raw("</th>");
        let name = words::law(law);
        let coefficients = name.split_once(": ").map_or("", |(_, rest)| rest);
        body.wrap("<td class=\"t\">", &law.name, "</td>").wrap(
            "<td class=\"t\">",
            coefficients,
            "</td>",
        );
        let criterion = law.aicc.filter(|aicc| aicc.is_finite());
        body.wrap("<td>", &criterion.map_or_else(absent, |aicc| format!("{aicc:.1}")), "</td>");
        body.wrap("<td>", &Quantity::Share.text(law.max_residual), "</td>");
        let verdict = match (law.chosen, law.adequate) {
            (true, true) => "chosen",
            (true, false) => "best of these, but the curve is not of this form",
            (false, true) => "fits",
            (false, false) => "not of this form",
        };
        body.raw("<td class=\"t\">").raw(verdict).raw("</td></tr>");
    }
    body.raw("</tbody></table></div>");
    sets(body, workload);
    body.raw("</details>");
}

/// The optimum of each curve, with its set, in words.
fn sets(body: &mut Markup, workload: &WorkloadFindings) {
    body.raw("<ul>");
    for curve in &workload.curves {
        if let Some(optimum) = words::optimum(curve) {
            body.wrap("<li>", &curve.name, ": ").text(&optimum).raw("</li>");
        }
        for remark in &curve.fit_remarks {
            body.wrap("<li>", &curve.name, ": ").text(remark).raw("</li>");
        }
    }
    body.raw("</ul>");
}

fn heads(body: &mut Markup, heads: &[&'static str]) {
    for head in heads {
        body.raw("<th class=\"n\">").raw(head).raw("</th>");
    }
}

fn absent() -> String {
    ABSENT.to_owned()
}
