//! The only place where numbers become text for people.
//!
//! A [`Quantity`] says what a number means. A [`Scale`] says in which unit and with how many
//! decimals it is printed, so that all figures of a column, axis or interval share both. Numbers
//! that are not finite are printed as [`ABSENT`]. No `f64` makes this code panic.

/// Printed where a figure does not exist.
pub const ABSENT: &str = "–";

/// The meaning of a number in SI base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quantity {
    /// A plain number. From a thousand on it gets an SI prefix: `12.3 k`.
    Number,
    /// Seconds: `1.24 µs`, `3 min 20 s`.
    Duration,
    /// Units of work per second, named in the plural: `12.3 M digits/s`, `9.8 GB/s`, `41.2
    /// Gflop/s`.
    Rate(String),
    /// Bytes on a disk or a wire, in powers of ten: `4.2 GB`.
    Bytes,
    /// Bytes of memory, in powers of two: `3.9 GiB`.
    Memory,
    /// One figure as a multiple of another: `1.9x`.
    Ratio,
    /// A part of a whole; 1 is all of it: `3.2 %`.
    Share,
    /// Workers, CPUs and other things that are counted: `2`, `1.5`.
    Count,
}

/// A common unit for several figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    divisor: f64,
    /// The text after each figure, including its space: ` M digits/s`, `x`.
    pub suffix: String,
}

const SI: [(f64, &str); 7] =
    [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
const BINARY: [(f64, &str); 7] = [
    (1_152_921_504_606_846_976.0, "EiB"),
    (1_125_899_906_842_624.0, "PiB"),
    (1_099_511_627_776.0, "TiB"),
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1024.0, "KiB"),
    (1.0, "B"),
];
const TIME: [(f64, &str); 6] =
    [(3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];

impl Quantity {
    /// The rate of the named units.
    pub fn rate(unit_many: &str) -> Self {
        Self::Rate(unit_many.to_owned())
    }

    /// The unit in which figures up to `largest` are easiest to read.
    pub fn scale(&self, largest: f64) -> Scale {
        match self {
            Self::Number => prefixed(largest, ""),
            Self::Rate(unit) => prefixed(largest, &rate_unit(unit)),
            Self::Bytes => prefixed(largest, "B"),
            Self::Memory => stepped(largest, &BINARY),
            // A few hours or minutes are easier to read in the smaller unit.
            Self::Duration => stepped(largest / 3.0, &TIME[..2])
                .filter(largest >= 180.0)
                .unwrap_or_else(|| stepped(largest, &TIME[2..])),
            Self::Ratio => Scale { divisor: 1.0, suffix: "x".to_owned() },
            Self::Share => Scale { divisor: 0.01, suffix: " %".to_owned() },
            Self::Count => Scale { divisor: 1.0, suffix: String::new() },
        }
    }

    /// A single figure, with as many digits as a reader needs.
    pub fn text(&self, value: f64) -> String {
        if !value.is_finite() {
            return ABSENT.to_owned();
        }
        match self {
            Self::Duration if value.abs() >= 180.0 => clock(value),
            Self::Share if value != 0.0 && value.abs() < 1e-4 => {
                if value > 0.0 { "< 0.01 %" } else { "> -0.01 %" }.to_owned()
            }
            Self::Count => whole_or(value, 2),
            Self::Ratio => self.scale(value).text(value, significant(value, 2)),
            Self::Share => {
                let percent = value * 100.0;
                let text = whole_or(percent, significant(percent, 2).min(2));
                if percent.is_finite() { format!("{text} %") } else { ABSENT.to_owned() }
            }
            Self::Bytes | Self::Memory if value.fract() == 0.0 && value.abs() < 1000.0 => {
                format!("{value:.0} B")
            }
            _ => {
                let scale = self.scale(value.abs());
                let decimals = significant(value / scale.divisor, 3);
                scale.text(value, decimals)
            }
        }
    }

    /// A round figure, such as that of a tick, without trailing zeros: `1 ms`, `2.5 k`.
    pub fn round_text(&self, value: f64) -> String {
        let scale = self.scale(value.abs());
        if value.is_finite() {
            format!("{}{}", scale.round(value), scale.suffix)
        } else {
            ABSENT.to_owned()
        }
    }

    /// A median with its interval, with as many digits as the width of the interval supports:
    /// `1.92x [1.88, 1.95]`. The median alone if the interval has no width.
    pub fn interval(&self, median: f64, low: f64, high: f64) -> String {
        if !median.is_finite() {
            return ABSENT.to_owned();
        }
        let scale = self.scale(median.abs());
        // A single measurement has no interval.
        if low.total_cmp(&high).is_eq() {
            return self.text(median);
        }
        let decimals = scale.decimals_for(median, low, high);
        let ends = format!("[{}, {}]", scale.bare(low, decimals), scale.bare(high, decimals));
        match self {
            // A suffix that touches its figure stays with the figure.
            Self::Ratio | Self::Count => format!("{} {ends}", scale.text(median, decimals)),
            _ => format!("{} {ends}{}", scale.bare(median, decimals), scale.suffix),
        }
    }
}

impl Scale {
    /// A figure with its unit.
    pub fn text(&self, value: f64, decimals: usize) -> String {
        if value.is_finite() {
            format!("{}{}", self.bare(value, decimals), self.suffix)
        } else {
            ABSENT.to_owned()
        }
    }

    /// A figure without its unit, for a column or an axis that shows the unit.
    pub fn bare(&self, value: f64, decimals: usize) -> String {
        let scaled = value / self.divisor;
        if !scaled.is_finite() {
            return ABSENT.to_owned();
        }
        if scaled.abs() >= 1e6 || (scaled != 0.0 && scaled.abs() < 1e-6) {
            return format!("{scaled:.2e}");
        }
        let text = format!("{scaled:.decimals$}");
        // After rounding to zero, a minus sign would claim a direction that the figure does not
        // have.
        match text.strip_prefix('-') {
            Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
            _ => text,
        }
    }

    /// A round figure without its unit and without trailing zeros.
    pub fn round(&self, value: f64) -> String {
        let text = self.bare(value, 6);
        if text.contains('.') && !text.contains('e') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }

    /// The unit alone, for the heading of a column or the end of an axis: `M digits/s`.
    pub fn unit(&self) -> &str {
        self.suffix.trim_start()
    }

    /// The value in this unit.
    pub fn apply(&self, value: f64) -> f64 {
        value / self.divisor
    }

    /// Decimals that show one or two digits of the interval's width, and three digits of the
    /// median. Four digits if the ends would look equal.
    pub fn decimals_for(&self, median: f64, low: f64, high: f64) -> usize {
        let width = (high - low) / self.divisor / 3.0;
        let median = median / self.divisor;
        if width.is_finite() && width > 0.0 {
            let wanted = (-width.log10().floor()).clamp(0.0, 9.0) as usize;
            let usual = wanted.min(significant(median, 3));
            // Ends that look equal would hide that they differ.
            let alike = self.bare(low, usual) == self.bare(high, usual);
            if alike { wanted.min(significant(median, 4)) } else { usual }
        } else {
            significant(median, 3)
        }
    }

    fn filter(self, condition: bool) -> Option<Self> {
        condition.then_some(self)
    }
}

/// Workers in words: `1 worker`, `12 workers`.
pub fn workers(count: f64) -> String {
    let noun = if (count - 1.0).abs() < f64::EPSILON { "worker" } else { "workers" };
    format!("{} {noun}", Quantity::Count.text(count))
}

/// A whole number of things in words: `1 round`, `540 rounds`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Several counts as text. Consecutive ones become ranges: `1, 4-6, 12`.
pub fn count_list(counts: &[f64]) -> String {
    runs(counts, |count, next| (next - count - 1.0).abs() < 1e-9)
}

/// Some of the `measured` counts as text; both are ascending. Neighbours among the measured counts
/// become ranges: of 1, 2, 4, 8, 16 the set 2, 4, 8 is `2-8`.
pub fn count_set(set: &[f64], measured: &[f64]) -> String {
    runs(set, |count, next| {
        let between =
            measured.iter().filter(|other| **other > count + 1e-9 && **other < next - 1e-9);
        between.count() == 0
    })
}

fn runs(counts: &[f64], neighbours: impl Fn(f64, f64) -> bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = counts;
    while let Some((&first, _)) = rest.split_first() {
        let run = rest.windows(2).take_while(|pair| neighbours(pair[0], pair[1])).count() + 1;
        let last = rest[run - 1];
        if run > 2 {
            parts.push(format!("{}-{}", Quantity::Count.text(first), Quantity::Count.text(last)));
        } else {
            parts.extend(rest[..run].iter().map(|count| Quantity::Count.text(*count)));
        }
        rest = &rest[run..];
    }
    if parts.is_empty() { ABSENT.to_owned() } else { parts.join(", ") }
}

/// A coefficient without unit, to four significant digits: `0.02773`, `1.044e-4`.
pub fn coefficient(value: f64) -> String {
    if !value.is_finite() {
        ABSENT.to_owned()
    } else if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
    } else {
        let text = format!("{value:.*}", significant(value, 4));
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }
}

/// The unit of a rate: `digits` become `digits/s`. Bytes and flops have symbols of their own.
fn rate_unit(unit_many: &str) -> String {
    match unit_many {
        "byte" | "bytes" => "B/s".to_owned(),
        "flop" | "flops" => "flop/s".to_owned(),
        other => format!("{other}/s"),
    }
}

/// The SI prefix for figures up to `largest`. It is written together with symbols and apart from
/// words.
fn prefixed(largest: f64, unit: &str) -> Scale {
    let (divisor, prefix) = step(largest, &SI);
    let touches = matches!(unit, "B" | "B/s" | "flop/s");
    let suffix = match (prefix, unit) {
        ("", "") => String::new(),
        ("", unit) => format!(" {unit}"),
        (prefix, "") => format!(" {prefix}"),
        (prefix, unit) if touches => format!(" {prefix}{unit}"),
        (prefix, unit) => format!(" {prefix} {unit}"),
    };
    Scale { divisor, suffix }
}

fn stepped(largest: f64, steps: &[(f64, &str)]) -> Scale {
    let (divisor, symbol) = step(largest, steps);
    Scale { divisor, suffix: format!(" {symbol}") }
}

/// The first step that `largest` reaches when rounded to three digits (999.7 becomes 1.00 k), or
/// else the smallest step.
fn step<'a>(largest: f64, steps: &[(f64, &'a str)]) -> (f64, &'a str) {
    let reached = steps.iter().find(|(size, _)| largest.abs() >= size * 0.9995);
    match reached {
        _ if largest == 0.0 => {
            *steps.iter().find(|(size, _)| size.total_cmp(&1.0).is_eq()).unwrap_or(&steps[0])
        }
        Some(found) => *found,
        None => steps[steps.len() - 1],
    }
}

/// The number of decimals that gives `value` this many significant digits.
fn significant(value: f64, digits: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let magnitude = value.abs().log10().floor();
    // Rounding can carry into the next magnitude (9.96 becomes 10 with two digits).
    let unit = 10f64.powf(magnitude + 1.0 - f64::from(digits));
    let carried =
        (value.abs() / unit).round() * unit >= 10f64.powf(magnitude + 1.0) * (1.0 - 1e-12);
    let magnitude = magnitude as i32 + i32::from(carried);
    (digits - 1 - magnitude).clamp(0, 9) as usize
}

/// A whole number without decimals; other numbers with at most `decimals`.
fn whole_or(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e15 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return if text == "-0" { "0".to_owned() } else { text };
    }
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A time in minutes and hours.
fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let total = seconds.abs().round();
    if total >= 360_000.0 {
        return format!("{sign}{} h", Quantity::Number.text(total / 3600.0));
    }
    let total = total as u64;
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes, rest) {
        (0, minutes, 0) => format!("{sign}{minutes} min"),
        (0, minutes, rest) => format!("{sign}{minutes} min {rest} s"),
        (hours, 0, _) => format!("{sign}{hours} h"),
        (hours, minutes, _) => format!("{sign}{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests;
