//! The section of one workload: its answer, its plots, the reasons, and every figure.

use super::markup::Markup;
use super::tables;
use crate::analysis::findings::{Bound, Curve, RunSummary, WorkloadFindings};
use crate::plot::curves::{law_name, set_text};
use crate::plot::{self, Chart, Format, View, legend};
use crate::report::at_rate;
use crate::report::money;
use crate::report::words::{self, Certainty};
use crate::units::{Quantity, coefficient, workers};

/// Writes the section of the workload with this index.
pub(super) fn write(
    body: &mut Markup,
    workload: &WorkloadFindings,
    index: usize,
    run: &RunSummary,
) {
    let view = words::view(workload, run.usable_cpus);
    body.raw("<section class=\"workload\" id=\"w").text(&index.to_string()).raw("\">");
    title(body, workload);
    body.raw("<div class=\"main\">");
    let throughput = view.throughput();
    if throughput.dots().next().is_some() {
        main_plot(body, &throughput);
    }
    facts(body, workload);
    body.raw("</div>");
    small_plots(body, workload, &view);
    remarks(body, workload);
    tables::modes(body, workload);
    tables::figures(body, workload);
    tables::laws(body, workload);
    body.raw("</section>");
}

/// The label, the answer, and what the answer means.
fn title(body: &mut Markup, workload: &WorkloadFindings) {
    let answer = words::answer(workload);
    body.wrap("<h2>", &workload.label, "</h2>");
    let params = words::params(workload);
    if !params.is_empty() {
        body.wrap("<p class=\"params\">", &params, "</p>");
    }
    body.raw(match answer.certainty {
        Certainty::Missing => "<p class=\"answer missing\">",
        Certainty::Settled | Certainty::Open | Certainty::Part => "<p class=\"answer\">",
    });
    if answer.certainty == Certainty::Open {
        body.raw("<span class=\"tag bad\">not settled</span> ");
    }
    match &workload.verdict {
        Some(verdict) => {
            body.wrap("<strong>", &words::choice(workload, verdict), "</strong>");
            if let Some(gain) = verdict.speedup {
                let gain = Quantity::Ratio.interval(gain.median, gain.low, gain.high);
                body.text(&format!(" – {gain}{}", words::against(workload)));
            }
            let at_rate = workload.at_rate.is_some();
            let said = |text: &&String| at_rate || text.starts_with("at most");
            let from = if at_rate { 0 } else { answer.figures.len().saturating_sub(1) };
            for figure in answer.figures[from..].iter().filter(said) {
                body.raw(", ").text(figure);
            }
        }
        None => {
            body.wrap("<strong>", &answer.choice, "</strong>");
        }
    }
    for other in &answer.others {
        body.raw("; ").text(other);
    }
    body.raw("</p>");
    // A settled answer stands above; an open one needs its reasons.
    let open = workload
        .verdict
        .as_ref()
        .filter(|verdict| !verdict.conclusive && !verdict.others.is_empty() && !workload.in_pairs);
    if let Some(sentence) = open.map(|verdict| &verdict.sentence).filter(|text| !text.is_empty()) {
        body.wrap("<p class=\"sentence\">", sentence, "</p>");
    }
}

/// The plot in two widths, of which the page shows the one that fits, and one legend for all plots
/// of the workload.
pub(super) fn main_plot(body: &mut Markup, chart: &Chart) {
    body.raw(
        "<figure class=\"big\"><figcaption>Throughput over workers</figcaption><ul \
         class=\"legend\">",
    );
    for (sample, name) in legend::samples(chart) {
        body.raw("<li>").plot(&sample).wrap("<span>", &name, "</span></li>");
    }
    body.raw("</ul><div class=\"wide\">").plot(&plot::lay_out(chart, &Format::PAGE));
    body.raw("</div><div class=\"narrow\">").plot(&plot::lay_out(chart, &Format::NARROW));
    body.raw("</div></figure>");
}

fn small_plots(body: &mut Markup, workload: &WorkloadFindings, view: &View<'_>) {
    let base = match view.serial {
        Some(_) => "against serial; dashed: ideal",
        None => "against one; dashed: ideal",
    };
    let plots = [
        ("Speed-up", base, view.speedup()),
        ("Efficiency", "speed-up per worker", view.efficiency()),
        ("Task latency", "median; dashed: p99", view.latency()),
        ("Shorter tasks", "speed-up against serial; dashed: serial", view.lengths()),
        ("Cost", "of so many units that it reads well", money::chart(workload, view)),
    ];
    let mut figures = Markup::new();
    for (name, hint, chart) in plots {
        // A single figure is not a curve; the tables show it.
        if chart.counts().len() > 1 {
            figures.raw("<figure><figcaption>").raw(name).raw(" <small>").raw(hint);
            figures.raw("</small></figcaption>").plot(&plot::lay_out(&chart, &Format::SMALL));
            figures.raw("</figure>");
        }
    }
    if !figures.is_empty() {
        body.raw("<div class=\"small\">").append(&figures).raw("</div>");
    }
}

/// The facts beside the plot: the bound, the certainty of the optimum, and the law.
fn facts(body: &mut Markup, workload: &WorkloadFindings) {
    body.raw("<div class=\"facts\">");
    if let Some(curve) = words::leading(workload).map(|index| &workload.curves[index]) {
        if let Some(bound) = &curve.bound {
            bound_by(body, bound);
        }
        optimum(body, curve, workload);
        law(body, curve, workload);
    }
    meaning(body, workload);
    settings(body, workload);
    body.raw("</div>");
}

fn bound_by(body: &mut Markup, bound: &Bound) {
    body.wrap("<h3><span class=\"tag\">", &words::limited(bound), "</span></h3>");
    if !bound.evidence.is_empty() {
        body.raw("<ul>");
        for line in &bound.evidence {
            body.wrap("<li>", line, "</li>");
        }
        body.raw("</ul>");
    }
}

fn optimum(body: &mut Markup, curve: &Curve, workload: &WorkloadFindings) {
    let Some(optimum) = &curve.optimum else { return };
    body.wrap("<h3>Optimum <small>", &curve.name, "</small></h3><dl>");
    if let Some(knee) = &curve.knee {
        pair(body, "knee", &workers(knee.workers));
    }
    if let Some(more) = words::more(curve) {
        pair(body, "beyond it", &more);
    }
    pair(body, "as good", &set_text(curve).unwrap_or_default());
    let likely = Quantity::Share.text(optimum.probability);
    pair(
        body,
        "best measured",
        &format!("{}, with probability {likely}", workers(optimum.workers)),
    );
    if let Some(regret) = curve.knee.as_ref().and_then(|knee| knee.regret) {
        pair(body, "any other", &format!("at most {} better", Quantity::Share.text(regret)));
    }
    if let Some(textbook) = workload.textbook_optimum {
        pair(body, "textbook", &workers(textbook));
    }
    if let Some(limits) = words::limits(curve) {
        pair(body, "with limits", &limits);
    }
    if let Some(cost) = money::remark(curve, workload) {
        pair(body, "cost", &cost);
    }
    // What would settle a run stands only once, under the answers.
    if let Some(remedy) = optimum.remedy.as_ref().filter(|_| workload.verdict.is_none()) {
        pair(body, "to settle it", remedy);
    }
    body.raw("</dl>");
}

fn law(body: &mut Markup, curve: &Curve, workload: &WorkloadFindings) {
    let Some(law) = words::chosen_law(curve) else { return };
    body.wrap("<h3>", &law_name(&law.name), "").wrap(" <small>", &curve.name, "</small></h3>");
    let rate = words::rate(workload);
    body.wrap("<p class=\"formula\">", &law.formula, "</p><dl>");
    for (name, value) in &law.coefficients {
        let [median, low, high] = [value.median, value.low, value.high].map(coefficient);
        let text = match name.as_str() {
            "lambda" => rate.interval(value.median, value.low, value.high),
            _ => format!("{median} [{low}, {high}]"),
        };
        pair(body, &name.replace('_', " "), &text);
    }
    pair(body, "worst residual", &Quantity::Share.text(law.max_residual));
    if let Some(usl) = &curve.usl {
        let peak = match (usl.peak_workers, usl.peak_throughput) {
            _ if !usl.adequate => "the curve is not of that form".to_owned(),
            (Some(at), Some(height)) => format!("{} at {}", rate.text(height), workers(at.round())),
            _ => "none within reach".to_owned(),
        };
        pair(body, "peak by USL", &peak);
    }
    body.raw("</dl>");
}

fn meaning(body: &mut Markup, workload: &WorkloadFindings) {
    // The textbook's count already stands beside the optimum.
    let words = words::meaning(&WorkloadFindings { textbook_optimum: None, ..workload.clone() });
    if words.is_empty() {
        return;
    }
    body.raw("<h3>That is</h3>");
    for line in words {
        body.wrap("<p>", line.trim_start_matches("= "), "</p>");
    }
}

fn settings(body: &mut Markup, workload: &WorkloadFindings) {
    let Some(verdict) = &workload.verdict else { return };
    let settings = words::settings(workload, verdict);
    if !settings.is_empty() {
        body.raw("<h3>To paste</h3><pre><code>").text(&settings[0]);
        for line in &settings[1..] {
            body.raw("\n").text(line);
        }
        body.raw("</code></pre>");
    }
}

fn pair(body: &mut Markup, name: &str, value: &str) {
    body.wrap("<dt>", name, "</dt>").wrap("<dd>", value, "</dd>");
}

/// Warnings of curves, notes and failures.
fn remarks(body: &mut Markup, workload: &WorkloadFindings) {
    let mut list = Markup::new();
    for curve in &workload.curves {
        for text in &curve.warnings {
            list.wrap("<li class=\"bad\">", &format!("{}: {text}", curve.name), "</li>");
        }
        for text in curve.limits.iter().flat_map(|limits| &limits.broken) {
            list.wrap("<li>", &format!("{} breaks a limit: {text}", curve.name), "</li>");
        }
    }
    for text in at_rate::lines(workload) {
        list.wrap("<li>", &text, "</li>");
    }
    for text in words::lengths(workload) {
        list.wrap("<li>", &text, "</li>");
    }
    for note in &workload.notes {
        list.wrap(if note.warning { "<li class=\"bad\">" } else { "<li>" }, &note.text, "");
        if !note.remedy.is_empty() {
            list.wrap(" <span class=\"remedy\">", &note.remedy, "</span>");
        }
        list.raw("</li>");
    }
    for failure in &workload.failures {
        list.wrap("<li class=\"bad\">Failed: ", &failure.told(), "</li>");
    }
    if !list.is_empty() {
        body.raw("<ul class=\"remarks\">").append(&list).raw("</ul>");
    }
}
