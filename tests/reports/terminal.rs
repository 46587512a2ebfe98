//! Tests of the output on a terminal.

use knee::report::terminal::{self, Style};
use unicode_width::UnicodeWidthStr;

use super::{every_shape, fake};
use knee::analysis::findings::Findings;

fn shown(findings: &Findings, style: Style) -> String {
    let mut out = Vec::new();
    terminal::write(&mut out, findings, &style).expect("a vector takes everything");
    let paths = [std::path::PathBuf::from("target/knee/\u{1b}[2J/report.html")];
    terminal::files(&mut out, "target/\u{7}knee".as_ref(), &paths, &style).expect("likewise");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn plain(width: Option<usize>) -> Style {
    Style { width, color: false, unicode: true }
}

/// The text without knee's own colours: `ESC [ digits ; digits m`.
fn without_colours(text: &str) -> String {
    let mut rest = text;
    let mut bare = String::new();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        let (code, after) = after.split_once('m').expect("a colour ends with m");
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "not a colour: {code:?}");
        rest = after;
    }
    bare + rest
}

#[test]
fn the_answer_comes_first_in_one_line_per_workload() {
    let text = shown(&fake::small(), plain(Some(160)));
    assert!(
        text.contains(
            "frames: 2 workers, threads (1.9x, at most 3.1 % better elsewhere); process-pool 3 % \
             behind\n"
        ),
        "{text}"
    );
    assert!(text.contains("at most 3.1 % better elsewhere); process-pool equal\n"), "{text}");
    assert!(text.contains("lock: 1 worker, threads (0.99x, at most 3.1 %"), "{text}");
    assert!(!text.contains("inconclusive"), "{text}");
    let noop = text.lines().find(|line| line.contains("noop: ")).expect("it has a line");
    assert!(noop.contains("at most 12 % better elsewhere") && noop.ends_with(" *"), "{noop}");
    assert!(text.contains("\n\n* 1 answer is not settled; to settle it: --budget 90s\n"), "{text}");
    let answers = text.find("frames: ").expect("there");
    let tables = text.find("throughput").expect("there");
    assert!(answers < tables);
}

/// Twelve workloads on a terminal of 100 columns: the summary is seen before anything scrolls.
#[test]
fn the_summary_of_twelve_workloads_fits_forty_lines() {
    let mut findings = fake::small();
    findings.workloads.truncate(12);
    let text = shown(&findings, plain(Some(100)));
    let first = findings.workloads[0].label.as_str();
    let details = text.find(&format!("\n{first}  ")).expect("the details follow");
    assert!(text[..details].lines().count() <= 40, "{}", &text[..details]);
}

#[test]
fn failures_say_why_and_what_more_workers_gain_is_told_beside_the_knee() {
    let text = shown(&fake::broken(), plain(Some(120)));
    assert!(text.contains("pi: no figure: 3 cells failed\n"), "{text}");
    assert!(text.contains("failed: 2 workers, threads: task 17 returned checksum 9b1c"), "{text}");
    assert!(text.contains("interrupted"), "{text}");
    let text = shown(&fake::small(), plain(Some(120)));
    assert!(text.contains("4 workers: 2.8 % more, at 3 times the p99"), "{text}");
    assert_eq!(text.matches("--budget 90s").count(), 1, "it is said once: {text}");
    assert!(text.contains("give a directory on a disk: file:dir=PATH"), "{text}");
}

#[test]
fn nothing_is_wider_than_the_terminal_and_nothing_steers_it() {
    for (name, findings) in every_shape() {
        for width in [None, Some(0), Some(40), Some(63), Some(80), Some(200), Some(usize::MAX)] {
            let columns = width.unwrap_or(80).clamp(40, 160);
            for (color, unicode) in [(false, true), (true, true), (false, false), (true, false)] {
                let text = shown(&findings, Style { width, color, unicode });
                let bare = if color { without_colours(&text) } else { text };
                for line in bare.lines() {
                    // The paths of files are not broken into lines.
                    let path = line.starts_with("report: ") || line.starts_with("all: ");
                    assert!(path || line.width() <= columns, "{name}, {width:?}: {line:?}");
                    assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
                    assert!(
                        !line.contains(['\u{202e}', '\u{2066}', '\u{200d}']),
                        "{name}: {line:?}"
                    );
                    assert!(unicode || line.is_ascii(), "{name}: {line:?}");
                    assert!(!line.contains("NaN") && !line.contains("inf "), "{name}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn a_report_on_a_narrow_terminal_without_unicode_looks_like_this() {
    let text = shown(&fake::single(), Style { width: Some(60), color: false, unicode: false });
    expect("single.txt", &text);
    let mut out = Vec::new();
    let foreign = terminal::write(&mut out, &fake::foreign(), &plain(Some(90)));
    foreign.expect("a vector takes everything");
    expect("foreign.txt", std::str::from_utf8(&out).expect("UTF-8"));
}

/// Compares with a committed file. `BLESS=1 cargo test` writes the file again; look at it before
/// you commit it.
fn expect(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    assert_eq!(text, std::fs::read_to_string(&path).expect("the file is there"), "{name}");
}

#[test]
fn many_workloads_have_their_curves_drawn_in_a_word_and_few_in_panels() {
    let findings = fake::small();
    let text = shown(&findings, plain(Some(120)));
    assert!(text.contains("1 ▄███ 4") && !text.contains('│'), "{text}");
    let ascii = shown(&findings, Style { width: Some(120), color: false, unicode: false });
    assert!(ascii.contains("1 -### 4"), "{ascii}");
    let mut one = findings;
    one.workloads.truncate(1);
    let one = shown(&one, plain(Some(120)));
    assert!(one.contains('│') && !one.contains("  curve"), "{one}");
}

#[test]
fn where_not_all_curves_fit_the_recommended_one_is_drawn() {
    let mut findings = fake::small();
    findings.workloads.retain(|workload| workload.label == "sleep");
    findings.workloads[0].verdict.as_mut().expect("planted").mode = "async".to_owned();
    let text = shown(&findings, plain(Some(40)));
    let panel = text.lines().position(|line| line.contains('│')).expect("a curve is drawn") - 1;
    assert_eq!(text.lines().nth(panel).map(str::trim), Some("async"), "{text}");
}
