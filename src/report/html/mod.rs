//! One page that needs no other file: the answers first, then everything that supports them.

mod comparison;
mod markup;
mod section;
mod tables;

pub(crate) use self::markup::Markup;
use super::words::{self, Certainty};
use super::{axes, names};
use crate::analysis::findings::{Axis, Findings, WorkloadFindings};
use crate::plan::Mode;
use crate::plot::{Format, heat, small};
use crate::units::{Quantity, plural};

pub use self::comparison::comparison;

/// The skeleton. `{{..}}` marks the places of the parts.
const SKELETON: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page. `machine` describes the machine, as pairs of a name and a value.
pub fn page(findings: &Findings, machine: &[(String, String)]) -> String {
    let findings = &names::with_short_names(findings);
    let mut title = Markup::new();
    title.text(&findings.run.name).raw(" – knee");
    let mut body = Markup::new();
    head(&mut body, findings);
    warnings(&mut body, findings);
    answers(&mut body, findings);
    findings.axes.iter().for_each(|axis| second_axis(&mut body, findings, axis));
    for (index, workload) in findings.workloads.iter().enumerate() {
        section::write(&mut body, workload, index, &findings.run);
    }
    reproduce(&mut body, findings, machine);
    body.raw(include_str!("reading.html"));
    whole(title, body)
}

/// A page with this title and body, and with our style and script.
pub(crate) fn whole(title: Markup, body: Markup) -> String {
    assemble([
        ("{{title}}", &title.into_string()),
        ("{{style}}", STYLE),
        ("{{body}}", &body.into_string()),
        ("{{script}}", SCRIPT),
    ])
}

/// Puts the parts into the skeleton, in order. The text of a part is never searched for marks.
fn assemble(parts: [(&str, &str); 4]) -> String {
    let length: usize = parts.iter().map(|(_, part)| part.len()).sum();
    let mut page = String::with_capacity(SKELETON.len() + length);
    let mut rest = SKELETON;
    for (mark, part) in parts {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page + rest
}

/// What was measured, on which machine, and how quiet it was.
fn head(body: &mut Markup, findings: &Findings) {
    let run = &findings.run;
    let count = plural(findings.workloads.len() as u64, "workload", "workloads");
    body.raw("<header><p class=\"brand\">knee</p><h1>How many workers, and as what?</h1>");
    // Measurements from elsewhere have neither a machine nor a figure for quietness.
    let lead = match run.machine.as_str() {
        "" => count,
        machine => format!("{count} on {machine}"),
    };
    body.wrap("<p class=\"lead\">", &lead, "</p>");
    let class =
        if findings.quiet.trusted { "<p class=\"quiet\">" } else { "<p class=\"quiet bad\">" };
    if !findings.quiet.sentence.is_empty() {
        body.wrap(class, &findings.quiet.sentence, "</p>");
    }
    if run.interrupted {
        body.raw("<p class=\"quiet bad\">The run was interrupted: what follows is partial.</p>");
    }
    body.raw("</header>");
}

fn warnings(body: &mut Markup, findings: &Findings) {
    if findings.warnings.is_empty() {
        return;
    }
    body.raw("<section class=\"warnings\"><h2>Before you use a figure</h2><ul>");
    for warning in &findings.warnings {
        body.wrap("<li>", &warning.text, "");
        if !warning.remedy.is_empty() {
            body.wrap(" <span class=\"remedy\">", &warning.remedy, "</span>");
        }
        body.raw("</li>");
    }
    body.raw("</ul></section>");
}

/// The recommended pair, and the heat map of all measured pairs.
fn second_axis(body: &mut Markup, findings: &Findings, axis: &Axis) {
    body.raw("<section><h2>").text(&format!("{} over workers and {}", axis.of, axis.name));
    body.raw("</h2>");
    let answer = axes::answer(findings, axis).unwrap_or_else(|| "no answer".to_owned());
    body.raw("<p class=\"answer\">");
    if axes::is_open(axis) {
        body.raw("<span class=\"tag bad\">not settled</span> ");
    }
    body.wrap("<strong>", &answer, "</strong></p>");
    for text in axes::others(findings, axis) {
        body.wrap("<p>", &text, "</p>");
    }
    if let Some(line) = axes::settings(findings, axis) {
        body.wrap("<pre><code>", &line, "</code></pre>");
    }
    if let Some(map) = axes::map(findings, axis) {
        body.raw("<figure class=\"big\"><figcaption>Throughput over workers and ");
        body.text(&axis.name).raw("</figcaption><div class=\"wide\">");
        body.plot(&heat::heat(&map, Format::PAGE.width, false));
        body.raw("</div><div class=\"narrow\">");
        body.plot(&heat::heat(&map, Format::NARROW.width, false)).raw("</div></figure>");
    }
    body.raw("</section>");
}

/// One row per workload.
fn answers(body: &mut Markup, findings: &Findings) {
    body.raw(
        "<section id=\"answers\"><h2>Answers</h2><table \
         class=\"answers\"><thead><tr><th>workload</th><th>recommended</th><th \
         class=\"n\">speed-up</th><th>other modes</th><th>limit</th><th \
         class=\"spark\">curve</th></tr></thead><tbody>",
    );
    for (index, workload) in findings.workloads.iter().enumerate() {
        answer(body, workload, index);
    }
    body.raw("</tbody></table>");
    if let Some(text) = words::to_settle(findings) {
        body.wrap("<p class=\"note bad\">", text.trim_start_matches("* "), "</p>");
    }
    body.raw("</section>");
}

fn answer(body: &mut Markup, workload: &WorkloadFindings, index: usize) {
    let answer = words::answer(workload);
    let leader = words::leading(workload).map(|leader| &workload.curves[leader]);
    body.raw("<tr><th scope=\"row\"><a href=\"#w").text(&index.to_string()).raw("\">");
    body.text(&workload.label).raw("</a></th><td class=\"choice\">");
    match answer.certainty {
        Certainty::Settled | Certainty::Part => {}
        Certainty::Open => {
            body.raw("<span class=\"tag bad\">not settled</span> ");
        }
        Certainty::Missing => {
            body.raw("<span class=\"tag bad\">no answer</span> ");
        }
    }
    match &workload.verdict {
        Some(verdict) if verdict.mode != Mode::Copies.name() => {
            let count = crate::units::workers(verdict.workers);
            body.wrap("<strong>", &count, "</strong>, ");
            body.wrap("<span class=\"mode\">", &verdict.mode, "</span>");
        }
        _ => {
            body.wrap("<strong>", &answer.choice, "</strong>");
        }
    }
    if let Some(doubt) = answer.figures.last().filter(|text| text.starts_with("at most")) {
        body.wrap("<small class=\"doubt\">", doubt, "</small>");
    }
    let speedup = workload.verdict.as_ref().and_then(|verdict| verdict.speedup);
    let gain = speedup.map(|gain| Quantity::Ratio.interval(gain.median, gain.low, gain.high));
    body.raw("</td><td class=\"n\">");
    optional(body, gain.as_deref(), words::against(workload));
    body.raw("</td><td>").text(&answer.others.join("; ")).raw("</td><td>");
    let bound = leader.and_then(|curve| curve.bound.as_ref());
    if let Some(bound) = bound {
        body.wrap("<span class=\"tag\">", &words::limited(bound), "</span>");
    }
    body.raw("</td><td class=\"spark\">");
    let view = words::view(workload, 0.0);
    if let (Some(curve), Some(leader)) = (leader, view.leading) {
        let points: Vec<(f64, f64)> =
            curve.points.iter().map(|point| (point.workers, point.throughput.median)).collect();
        let knee = words::best_point(curve).map(|point| point.workers);
        let place = view.places()[leader];
        body.plot(&small::sparkline(&workload.label, &points, knee, place, (96.0, 30.0)));
    }
    body.raw("</td></tr>");
}

/// A figure that may not exist. `hint` explains it where the heading of the table is not visible.
fn optional(body: &mut Markup, figure: Option<&str>, hint: &'static str) {
    if let Some(figure) = figure {
        body.text(figure).raw("<span class=\"hint\">").raw(hint).raw("</span>");
    }
}

/// The machine, and how to repeat the run.
fn reproduce(body: &mut Markup, findings: &Findings, machine: &[(String, String)]) {
    let run = &findings.run;
    body.raw(
        "<section class=\"run\" id=\"run\"><h2>The run</h2><div \
         class=\"columns\"><div><h3>Reproduce</h3><pre><code>",
    );
    body.text(&run.command).raw("</code></pre><dl>");
    let disturbed = match run.disturbed {
        0 => "none disturbed".to_owned(),
        some => format!("{some} disturbed"),
    };
    let rounds = format!("{}, {disturbed}", plural(run.rounds, "round", "rounds"));
    let facts = [
        ("run", run.name.clone()),
        ("version", format!("knee {}", run.knee)),
        ("seed", run.seed.to_string()),
        ("started", run.started.clone()),
    ];
    for (name, value) in facts {
        fact(body, name, &value);
    }
    // Measurements from elsewhere have no rounds.
    if run.rounds > 0 {
        fact(body, "took", &Quantity::Duration.text(run.wall));
        fact(body, "measured", &rounds);
    }
    body.raw("</dl></div>");
    let mut facts = Markup::new();
    machine_facts(&mut facts, findings, machine);
    if !facts.is_empty() {
        body.raw("<div><h3>Machine</h3><dl>").append(&facts).raw("</dl></div>");
    }
    body.raw("</div></section>");
}

/// The machine, and what else it did during the run.
fn machine_facts(body: &mut Markup, findings: &Findings, machine: &[(String, String)]) {
    let run = &findings.run;
    if !run.machine.is_empty() {
        fact(body, "summary", &run.machine);
        fact(body, "usable CPUs", &Quantity::Count.text(run.usable_cpus));
    }
    for (name, value) in machine {
        fact(body, name, value);
    }
    let quiet = &findings.quiet;
    let share = |share: f64| Quantity::Share.text(share);
    if let Some(foreign) = quiet.foreign_cpu {
        fact(body, "CPU used by others", &share(foreign));
    }
    if let Some(steal) = quiet.steal {
        fact(body, "CPU time stolen", &share(steal));
    }
    if let Some([low, high]) = quiet.burn {
        fact(body, "burn control", &format!("{} to {} of its best", share(low), share(high)));
    }
}

fn fact(body: &mut Markup, name: &str, value: &str) {
    body.wrap("<dt>", name, "</dt>").wrap("<dd>", value, "</dd>");
}
