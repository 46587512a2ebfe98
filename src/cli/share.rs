//! Shares as users write them: `5%`, `0.05`.

use super::Failure;

/// A share from 0 to 1; `flag` is named in the error.
pub(super) fn parse(text: &str, flag: &str) -> Result<f64, Failure> {
    let trimmed = text.trim();
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match trimmed.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(trimmed),
    };
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        Failure::usage(format!("{flag}: `{text}` is not a share: write for example 5% or 0.05"))
    })
}

/// The value of `--tolerance`: what a knee may cost against the optimum.
pub(super) fn tolerance(text: &str) -> Result<f64, Failure> {
    const MOST: f64 = 0.5;
    let share = parse(text, "--tolerance")?;
    if share > MOST {
        let what = format!("--tolerance: a loss of {text} needs no measuring; write 50% or less");
        return Err(Failure::usage(what));
    }
    Ok(share)
}

#[test]
fn shares_are_percents_or_parts_of_one() {
    let read = |text: &str| parse(text, "--max-slowdown").ok();
    assert_eq!((read("5%"), read(" 12.5 % "), read("0.05")), (Some(0.05), Some(0.125), Some(0.05)));
    assert_eq!((read("0"), read("100%"), read("1")), (Some(0.0), Some(1.0), Some(1.0)));
    for wrong in ["", "%", "5", "-1%", "101%", "inf", "NaN%", "5 percent"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    assert!(parse("5", "--max-slowdown").unwrap_err().message.contains("--max-slowdown: `5`"));
}
