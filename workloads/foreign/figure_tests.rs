//! What programs print, and the figure that is found in it.

use super::*;

fn read(expressions: &[&str], is: Option<Is>, text: &str) -> Result<Figure> {
    let expressions: Vec<String> = expressions.iter().map(ToString::to_string).collect();
    Rule::of_user(&expressions, is)?.reader()?.read(text)
}

fn says(expressions: &[&str], is: Option<Is>, text: &str) -> String {
    read(expressions, is, text).unwrap_err().to_string()
}

#[test]
#[expect(clippy::float_cmp, reason = "they are written as they are read")]
fn the_last_match_counts_with_its_unit() {
    let rate = |expressions: &[&str], is, text| read(expressions, is, text).unwrap().rate;
    assert_eq!(rate(&["ops: ([0-9.]+)"], None, "ops: 5\nops: 7.5\n"), 7.5);
    assert_eq!(rate(&["^IOPS=(?<rate>[0-9.]+)(?<rate_unit>k?)"], None, "IOPS=24.5k\n"), 24500.0);
    assert_eq!(rate(&["took (?<time_ms>[0-9.]+)"], None, "took 250 ms"), 4.0);
    assert_eq!(rate(&["took (.+)$"], Some(Is::Time(Time::Microseconds)), "took 2"), 500_000.0);
    assert_eq!(rate(&["in (?<time>\\d+)(?<time_unit>\\w+)"], None, "in 2m"), 1.0 / 120.0);
    // Colours, redrawn lines and lines of another system are no hindrance.
    assert_eq!(rate(&["^ops: (\\d+)$"], None, "ops: 1\rops: \x1b[1;32m2\x1b[0m\r\n"), 2.0);
}

#[test]
fn a_percentile_may_stand_beside_the_figure_or_on_its_own_line() {
    let same = read(&["(?<rate>\\d+)/s p99=(?<p99_ms>\\d+)"], None, "100/s p99=5").unwrap();
    assert_eq!(same, Figure { rate: 100.0, p99: Some(0.005) });
    let apart = ["99%\\s+(?<p99>[0-9.]+)(?<p99_unit>us|ms)", "sec: (?<rate>\\d+)"];
    let text = "99%   8.5ms\nsec: 10";
    assert_eq!(read(&apart, None, text).unwrap(), Figure { rate: 10.0, p99: Some(0.0085) });
    assert_eq!(read(&apart, None, "sec: 10").unwrap().p99, None, "it may be missing");
}

#[test]
fn what_cannot_be_a_figure_is_said() {
    assert!(says(&["ops: ("], None, "").contains("not a regular expression"));
    assert!(says(&["ops"], None, "").contains("put brackets around it"));
    assert!(says(&["(?<speed>\\d+)"], None, "").contains("\"speed\""));
    assert!(says(&["(?<p99_ms>\\d+)"], None, "").contains("only its p99"));
    assert!(says(&["(?<rate>\\d+)"], Some(Is::Time(Time::Seconds)), "").contains("--figure-is"));
    assert!(says(&["ops: (.*)"], None, "nothing").contains("no figure"));
    assert!(says(&["ops: (.*)"], None, "ops: 1,234").contains("no number"));
    assert!(says(&["ops: (.*)"], None, "ops: 0").contains("above 0"));
    assert!(says(&["ops: (.*)"], None, "ops: nan").contains("above 0"));
    assert!(says(&["(?<rate>\\d+)(?<rate_unit>\\w)"], None, "5x").contains("k, M, G"));
}

proptest::proptest! {
    #[test]
    fn no_output_and_no_expression_panics(expression in ".{0,20}", text in "\\PC*") {
        let _ = read(&[&expression], None, &text);
        let _ = read(&["(?<rate>[0-9.]+)(?<rate_unit>.)", "(?<p99>.+)"], None, &text);
    }
}
