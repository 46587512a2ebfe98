//! A heading in parts: words with their meanings, unit, number, and what follows from them.

use super::units::{self, Unit};
use super::vocabulary::{self, Sense, meaning as word_meaning};
use super::{Kind, Statistic, counts_workers, per_worker, split, words};

/// Words that say that a time is wall time, not CPU time.
const WALL: [&str; 6] = ["wall", "walltime", "wallclock", "elapsed", "real", "realtime"];

/// Words without a meaning beside another one. Alone, they are the name of what was measured.
const NAMES: [&str; 17] = [
    "total",
    "overall",
    "execution",
    "solver",
    "build",
    "compile",
    "wall",
    "clock",
    "task",
    "step",
    "config",
    "bench",
    "benchmark",
    "program",
    "param",
    "app",
    "pool",
];

/// A heading in parts.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sign of its own")]
pub(super) struct Parts {
    pub(super) words: Vec<String>,
    senses: Vec<Option<Sense>>,
    pub(super) unit: Option<Unit>,
    pub(super) number: Option<u32>,
    pub(super) per_worker: bool,
    pub(super) perhaps_minutes: bool,
    is_share: bool,
    /// Whether the unit said everything, or is a clock such as `hh:mm:ss`.
    unit_only: bool,
}

impl Parts {
    pub(super) fn of(heading: &str) -> Self {
        let (base, inside) = split::brackets(heading);
        let mut parts = Self {
            words: Vec::new(),
            senses: Vec::new(),
            unit: None,
            number: None,
            per_worker: false,
            perhaps_minutes: false,
            is_share: base.contains('%'),
            unit_only: false,
        };
        let mut beside = Vec::new();
        for text in &inside {
            parts.bracket(text, &mut beside);
        }
        let base = parts.without_worker(&base);
        let base = parts.with_unit_behind(base.trim());
        let (base, number) = split::number_at_end(&base);
        parts.number = number;
        if parts.unit.is_none()
            && let Some(unit) = Unit::parse(base).filter(|_| base != "min" && base != "d")
        {
            parts.unit = Some(unit);
            parts.unit_only = true;
        }
        parts.words = if parts.unit_only { Vec::new() } else { joined(words(base)) };
        parts.words.extend(beside);
        parts.unit_in_words();
        parts.number_before_unit();
        parts.senses = parts.words.iter().map(|word| word_meaning(word)).collect();
        parts
    }

    /// Handles the text in one pair of brackets: a unit, a share, a clock, or words.
    fn bracket(&mut self, text: &str, beside: &mut Vec<String>) {
        let lower = text.to_lowercase();
        if lower == "%" || lower == "percent" {
            self.is_share = true;
        } else if lower == "#" || lower.is_empty() || lower == "-" || lower == "lower is better" {
            // Has no meaning.
        } else if lower.contains("mm:ss") || lower.contains("m:s") {
            self.unit = Some(Unit::Time { seconds: 1.0, what: String::new() });
        } else if self.unit.is_none()
            && let Some(unit) = Unit::parse(&self.without_worker(text))
        {
            self.perhaps_minutes |= lower == "min";
            self.unit = Some(unit);
        } else {
            beside.extend(joined(words(text)));
        }
    }

    /// `ops/s per thread` is the figure of one worker.
    fn without_worker(&mut self, text: &str) -> String {
        let of_one = per_worker::without(text, self.unit.is_some());
        self.per_worker |= of_one.is_some();
        of_one.unwrap_or_else(|| text.to_owned())
    }

    /// Reads `time in seconds`, `time, s` or `Zeit / ms`, and returns the heading without its unit.
    fn with_unit_behind(&mut self, base: &str) -> String {
        // `Zeit / ms` is a time in milliseconds; `ops / ms` is a rate.
        if let Some((before, after)) = base.rsplit_once('/')
            && self.unit.is_none()
            && units::seconds(after).is_some()
            && split::words(before)
                .iter()
                .any(|word| word != "t" && word_meaning(word) == Some(Sense::Time))
        {
            self.unit = Unit::parse(after);
            return before.trim().to_owned();
        }
        if self.unit.is_some() || Unit::parse(base).is_some() {
            return base.to_owned();
        }
        for mark in [" in ", ", ", " / ", "/", ": ", " - ", " en ", " as "] {
            let Some((before, after)) = base.rsplit_once(mark) else { continue };
            let is_plain = words(before).iter().all(|w| word_meaning(w) != Some(Sense::Counted));
            let Some(unit) = Unit::parse(after).filter(|_| is_plain || mark != "/") else {
                continue;
            };
            self.perhaps_minutes |= after == "min";
            self.unit = Some(unit);
            return before.to_owned();
        }
        // `throughput ops/s`, `mean ms/op`: the last part is a unit.
        if let Some((before, after)) = base.rsplit_once(' ')
            && after.contains('/')
            && let Some(unit) = Unit::parse(after)
        {
            self.unit = Some(unit);
            return before.to_owned();
        }
        base.to_owned()
    }

    /// Finds units among the words: `time_ms`, `throughput_req_s`, `ops_per_sec`.
    fn unit_in_words(&mut self) {
        if self.unit.is_some() {
            return;
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let Some((last, before)) = words.split_last() else { return };
        if let Some(at) = before.iter().rposition(|word| *word == "per") {
            let below = words[at + 1..].join(" ");
            if let Some(seconds) = units::seconds(&below) {
                let what =
                    words[..at].iter().filter(|w| is_counted(w)).copied().collect::<Vec<_>>();
                let what = if what.is_empty() { words[..at].join(" ") } else { what.join(" ") };
                self.unit = Some(Unit::Rate { factor: 1.0 / seconds, what });
                self.words.truncate(at);
                return;
            }
        }
        let Some(seconds) = units::seconds(last) else {
            let counts = units::rate_word(last).map(str::to_owned);
            self.unit = counts.map(|what| Unit::Rate { factor: 1.0, what });
            return;
        };
        let what = before.last().copied().unwrap_or_default();
        self.unit = if is_counted(what) {
            Some(Unit::Rate { factor: 1.0 / seconds, what: what.to_owned() })
        } else if *last == "min" {
            self.perhaps_minutes = !before.is_empty();
            if before.is_empty() {
                return;
            }
            Some(Unit::Time { seconds, what: String::new() })
        } else if before.is_empty() && seconds >= 3600.0 {
            None
        } else {
            Some(Unit::Time { seconds, what: String::new() })
        };
        let keep = self.words.len() - if is_counted(what) { 2 } else { 1 };
        self.words.truncate(keep);
    }

    /// `trial_2_ms`: the number is before the unit.
    fn number_before_unit(&mut self) {
        if self.number.is_none()
            && self.words.len() > 1
            && let Some(number) = self.words.last().and_then(|word| word.parse().ok())
        {
            self.number = Some(number);
            self.words.pop();
        }
    }

    /// `Failures/s`: a rate of failures.
    fn counts_failures(&self) -> bool {
        let failed = |word: &String| word_meaning(word) == Some(Sense::Failure);
        matches!(&self.unit, Some(Unit::Rate { what, .. }) if words(what).iter().any(failed))
    }

    fn has(&self, sense: Sense) -> bool {
        self.senses.contains(&Some(sense))
    }

    pub(super) fn kind(&mut self, heading: &str) -> Kind {
        let is_time = matches!(self.unit, Some(Unit::Time { .. }));
        let is_rate = matches!(self.unit, Some(Unit::Rate { .. }));
        if self.unit.is_none() && counts_workers(heading) {
            return Kind::Workers;
        }
        if self.has(Sense::Speedup) {
            return Kind::Speedup;
        }
        if self.has(Sense::Efficiency) {
            return Kind::Efficiency;
        }
        let timed = self.has(Sense::Time) || is_time;
        let relative = ["relative", "rel", "normalized", "normalised", "norm"];
        let only_relative = self.has(Sense::Derived)
            && self.words.iter().zip(&self.senses).all(|(word, sense)| {
                *sense != Some(Sense::Derived) || relative.contains(&word.as_str())
            });
        let cpu_time = timed
            && self
                .words
                .iter()
                .any(|w| ["cpu", "user", "sys", "system", "kernel", "idle"].contains(&w.as_str()))
            && !self.words.iter().any(|w| WALL.contains(&w.as_str()))
            // As perf prints it.
            || self.words.windows(2).any(|pair| pair[0] == "task" && pair[1] == "clock");
        let aside = self.is_share
            || (self.has(Sense::Derived) && !(only_relative && (timed || self.has(Sense::Rate))))
            || self.has(Sense::Failure)
            || self.counts_failures()
            || self.has(Sense::Remark)
            || self.has(Sense::Percentile)
            || split::is_percentile(heading)
            || (self.unit.is_none() && !self.has(Sense::Time) && split::is_per_operation(heading))
            || cpu_time
            || (self.has(Sense::Cost)
                && !self.has(Sense::Time)
                && !is_time
                && !self.has(Sense::Rate));
        if aside {
            return Kind::Aside;
        }
        if self.has(Sense::Latency) {
            return Kind::Latency;
        }
        // ReFrame's `perf_value` and `perf_unit` are a value and its unit.
        if let [_, last] = self.senses.as_slice()
            && self.words[0] == "perf"
            && let Some(Sense::Value | Sense::Unit) = last
        {
            return if *last == Some(Sense::Unit) { Kind::Unit } else { Kind::Value };
        }
        // `tps_time` is a duration.
        let ends_in_time = self.senses.last() == Some(&Some(Sense::Time));
        if is_rate || (self.has(Sense::Rate) && !is_time && !ends_in_time) {
            return Kind::Rate;
        }
        if timed || self.has(Sense::Slowdown) {
            return Kind::Time;
        }
        self.other()
    }

    /// The kind of a column if neither words nor units show that it was measured.
    fn other(&self) -> Kind {
        let beside = |sense: &Option<Sense>| *sense == Some(Sense::Beside);
        let telling: Vec<&str> = self
            .words
            .iter()
            .zip(&self.senses)
            .filter(|(_, sense)| !beside(sense))
            .map(|(word, _)| word.as_str())
            .collect();
        let Some(first) = telling.first() else { return self.only_beside() };
        let (sense, alone) = (word_meaning(first), telling.len() == 1);
        if alone && sense == Some(Sense::Repetition) {
            return Kind::Repetition;
        }
        let few = telling.len() <= 2;
        if sense == Some(Sense::Ident) || (few && self.has(Sense::Ident)) {
            return Kind::Aside;
        }
        if alone && sense == Some(Sense::Samples) {
            return Kind::Samples;
        }
        if few && self.has(Sense::Unit) {
            return Kind::Unit;
        }
        if sense == Some(Sense::Value) && self.number.is_none() {
            return Kind::Value;
        }
        if self.has(Sense::Counted) { Kind::Work } else { Kind::Unknown }
    }

    /// The kind of a column whose words have no meaning by themselves: `run`, `count`, `total`, `no
    /// 2`.
    fn only_beside(&self) -> Kind {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if words.is_empty() || self.number.is_some() {
            return Kind::Unknown;
        }
        match words.as_slice() {
            ["count" | "counts"] => Kind::Samples,
            [word] if NAMES.contains(word) => Kind::Unknown,
            _ => Kind::Repetition,
        }
    }

    pub(super) fn statistic(&self) -> Statistic {
        let has = |sense| self.has(sense);
        let max = self.words.iter().any(|word| word == "max");
        if has(Sense::Deviation) {
            Statistic::Deviation
        } else if has(Sense::Minimum) {
            Statistic::Minimum
        } else if has(Sense::Maximum) || max {
            Statistic::Maximum
        } else if has(Sense::Median) || self.words.iter().any(|word| word == "p50") {
            Statistic::Median
        } else if has(Sense::Mean) {
            Statistic::Mean
        } else {
            Statistic::Plain
        }
    }

    /// Words that say whose figure it is: names, and modes.
    pub(super) fn subject(&self, kind: Kind) -> String {
        let speaks = |sense: Option<Sense>| match sense {
            None => true,
            Some(Sense::Workers) => kind != Kind::Workers,
            Some(Sense::Counted) => matches!(kind, Kind::Rate | Kind::Work),
            _ => false,
        };
        let words = self.words.iter().zip(&self.senses);
        let mut subject: Vec<&str> =
            words.filter(|(_, sense)| speaks(**sense)).map(|(word, _)| word.as_str()).collect();
        if let Some(Unit::Rate { what, .. }) = &self.unit
            && subject.is_empty()
        {
            subject.push(what);
        }
        subject.join(" ")
    }
}

/// Joins words that some people write apart.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        match (joined.last().map(String::as_str), word.as_str()) {
            (Some("speed"), "up") => joined[..].last_mut().expect("it was there").push_str("up"),
            (Some("slow"), "down") => joined[..].last_mut().expect("it was there").push_str("down"),
            (Some("run"), "time" | "times") | (Some("wall"), "time" | "clock") => {
                joined[..].last_mut().expect("it was there").push_str("time");
            }
            (Some("std" | "standard"), "dev" | "deviation" | "error" | "err") => {
                "stddev".clone_into(joined[..].last_mut().expect("it was there"));
            }
            _ => joined.push(word),
        }
    }
    joined
}

fn is_counted(word: &str) -> bool {
    vocabulary::sense(word) == Some(Sense::Counted)
}
