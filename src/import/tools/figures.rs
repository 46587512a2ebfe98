//! Figures that tools print at the end of a run, as rules for `--figure`. They use the same words
//! by which `knee fit` reads these tools.

use knee_workloads::foreign::figure::{Is, Rule, Time};

use super::run_reports::{AB, HEY, PGBENCH, Place, Report, SYSBENCH, WRK};

/// A tool whose figure can be read by the name of the tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// How to find its figure.
    pub rule: Rule,
    /// What it counts per second.
    pub unit: &'static str,
    /// How to give the count to it.
    pub call: &'static str,
}

/// Where the rule comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The words of a report that `knee fit` reads.
    Report(&'static Report),
    /// Its own expression, for output that `knee fit` reads in another way or not at all.
    Own { figure: &'static str, is: Is, sum: bool, unit: &'static str },
}

/// A row of the table.
struct Row {
    name: &'static str,
    source: Source,
    p99: &'static [&'static str],
    /// Lines that make the figure meaningless.
    void: &'static [&'static str],
    call: &'static str,
}

const fn own(figure: &'static str, is: Is, unit: &'static str) -> Source {
    Source::Own { figure, is, sum: false, unit }
}

const TABLE: [Row; 10] = [
    Row {
        name: "pgbench",
        source: Source::Report(&PGBENCH),
        p99: &[],
        void: &[r"^Run was aborted.*"],
        call: "pgbench -n -S -c {n} -j 2 -T 2",
    },
    Row {
        name: "wrk",
        source: Source::Report(&WRK),
        p99: &[r"^\s+99%\s+(?<p99>[0-9.]+)(?<p99_unit>us|ms|s|m|h)\s*$"],
        // Requests that timed out were not counted, so they do not matter. Connections that were
        // refused or broken change the load.
        void: &[
            r"^\s*Non-2xx or 3xx responses:.*",
            r"^\s*Socket errors: (?:.*\b)?(?:connect|read|write) [1-9].*",
        ],
        call: "wrk -t 1 -c {n} -d 2s --latency URL",
    },
    Row {
        name: "sysbench",
        source: Source::Report(&SYSBENCH),
        p99: &[r"^\s+99th percentile:\s+(?<p99_ms>[0-9.]+)"],
        void: &[r"^FATAL:.*"],
        call: "sysbench cpu --threads={n} --time=2 --percentile=99 run",
    },
    Row {
        name: "fio",
        // Sums reads, writes and each job without group reporting; from text and JSON.
        source: Source::Own {
            figure: concat!(
                r#"(?:^\s+(?:read|write|trim): IOPS=|^\s+"iops" : )"#,
                "(?<rate>[0-9.]+)(?<rate_unit>[kMG]?),"
            ),
            is: Is::Rate,
            sum: true,
            unit: "operations",
        },
        p99: &[],
        void: &[],
        call: "fio --numjobs={n} --group_reporting --time_based --runtime=2 ..",
    },
    Row {
        name: "redis-benchmark",
        source: own(
            r#"^"[^"]+","(?<rate>[0-9.]+)"(?:(?:,"[0-9.]+"){4},"(?<p99_ms>[0-9.]+)")?"#,
            Is::Rate,
            "requests",
        ),
        p99: &[],
        void: &[],
        call: "redis-benchmark --csv -t get -c {n} -n 100000",
    },
    Row {
        name: "llama-bench",
        source: own(r"^\|.*\|\s+(?<rate>[0-9.]+) \u{b1} [0-9.]+ \|", Is::Rate, "tokens"),
        p99: &[],
        void: &[],
        call: "llama-bench -m MODEL -t {n} -p 0 -n 128 -r 1",
    },
    Row {
        name: "go",
        source: own(
            r"^Benchmark\S+\s+\d+\s+(?<time>[0-9.]+) ns/op",
            Is::Time(Time::Nanoseconds),
            "ops",
        ),
        p99: &[],
        void: &[r"^--- FAIL:.*"],
        call: "go test -run ^$ -bench BenchmarkPut -cpu {n} -benchtime 1s",
    },
    Row {
        name: "ab",
        source: Source::Report(&AB),
        p99: &[r"^\s+99%\s+(?<p99_ms>\d+)\s*$"],
        void: &[r"^Non-2xx responses:.*"],
        call: "ab -q -k -c {n} -t 2 -n 10000000 URL",
    },
    Row {
        name: "hey",
        source: Source::Report(&HEY),
        p99: &[r"^\s+99% in (?<p99_s>[0-9.]+) secs"],
        void: &[],
        call: "hey -c {n} -z 2s URL",
    },
    Row {
        name: "iperf3",
        source: own(
            r"^\[(?:SUM|\s*\d+)\].*\s(?<rate>[0-9.]+) (?<rate_unit>[KMG]?)bits/sec\s.*receiver",
            Is::Rate,
            "bits",
        ),
        p99: &[],
        void: &[],
        call: "iperf3 -c HOST -P {n} -t 2",
    },
];

/// All presets, in the order in which they are listed.
pub fn presets() -> Vec<Preset> {
    TABLE.iter().map(Row::preset).collect()
}

impl Row {
    fn preset(&self) -> Preset {
        let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect();
        let (figure, is, sum, unit) = match self.source {
            Source::Report(report) => {
                let figure = report.rates.iter().filter_map(Place::expression).collect();
                (figure, Is::Rate, false, unit(report))
            }
            Source::Own { figure, is, sum, unit } => (vec![figure.to_owned()], is, sum, unit),
        };
        let rule = Rule { is: Some(is), figure, p99: owned(self.p99), sum, void: owned(self.void) };
        Preset { name: self.name, rule, unit, call: self.call }
    }
}

/// What a report counts. A report that counts different things counts events.
fn unit(report: &Report) -> &'static str {
    match report.units {
        [first, rest @ ..] if rest.iter().all(|unit| unit == first) => first,
        _ => "events",
    }
}

impl Place {
    /// The expression that finds the figure at this place; `None` if the figure stands before its
    /// words, which no rate does.
    fn expression(&self) -> Option<String> {
        const NUMBER: &str = r"(?<rate>[0-9.]+)(?<rate_unit>[kKM]?)";
        let start = |words: &str| format!(r"^\s*{}", escaped(words));
        match self {
            Self::Behind(words) => Some(format!(r"{}\s*{NUMBER}", start(words))),
            Self::InBrackets(words) => Some(format!(r"{}[^(\n]*\(\s*{NUMBER}", start(words))),
            Self::Before(_) => None,
        }
    }
}

/// Words as a regular expression that matches exactly them.
fn escaped(words: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == ' ' || c == ':' || c == '=' || c == '/';
    words.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each tool prints, with its figure and its p99. It is real output, except where the
    /// tool's documentation is the only source.
    const PRINTED: [(&str, &str, f64, Option<f64>); 15] = [
        ("pgbench", "tps = 23390.962707 (without initial connection time)\n", 23_390.962_707, None),
        (
            "pgbench",
            "tps = 100.5 (including connections establishing)\ntps = 200.25 (excluding connections \
             establishing)\n",
            200.25,
            None,
        ),
        ("pgbench", "tps = 277.1 (including reconnection times)\n", 277.1, None),
        ("wrk", "     99%    8.23ms\nRequests/sec:  34598.31\n", 34598.31, Some(0.00823)),
        (
            "wrk",
            "  Socket errors: connect 0, read 0, write 0, timeout 39\nRequests/sec: 10.50\n",
            10.5,
            None,
        ),
        (
            "sysbench",
            "    events per second:  3884.14\n         99th percentile:       0.31\n",
            3884.14,
            Some(0.00031),
        ),
        (
            "sysbench",
            "    transactions:                        9999   (3290.1 per sec.)\n",
            3290.1,
            None,
        ),
        ("fio", "  read: IOPS=24.0k, BW=93.6MiB/s (98.2MB/s)(93.7MiB/1001msec)\n", 24000.0, None),
        ("fio", "  read: IOPS=10, BW=1\n  write: IOPS=5, BW=1\n", 15.0, None),
        (
            "redis-benchmark",
            "\"GET\",\"51361.07\",\"0.102\",\"0.024\",\"0.095\",\"0.167\",\"0.231\",\"3.879\"\n",
            51361.07,
            Some(0.000_231),
        ),
        (
            "ab",
            "Requests per second:    28017.92 [#/sec] (mean)\n  99%      4\n",
            28017.92,
            Some(0.004),
        ),
        ("hey", "  Requests/sec:\t19253.8702\n  99% in 0.0016 secs\n", 19253.8702, Some(0.0016)),
        (
            "iperf3",
            "[SUM]   0.00-1.01   sec  1.61 GBytes  13.7 Gbits/sec                  receiver\n",
            13.7e9,
            None,
        ),
        ("go", "BenchmarkGet-8 \t230012345\t         5.000 ns/op\t 0 B/op\n", 2e8, None),
        (
            "llama-bench",
            "| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 8 | tg128 | 24.90 \u{b1} 0.31 |\n",
            24.9,
            None,
        ),
    ];

    #[test]
    fn every_tool_is_read_as_it_prints() {
        for preset in presets() {
            assert!(PRINTED.iter().any(|(name, ..)| *name == preset.name), "{}", preset.name);
        }
        for (name, text, rate, p99) in PRINTED {
            let preset = presets().into_iter().find(|preset| preset.name == name).expect("a row");
            let figure = preset.rule.read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!((figure.rate / rate - 1.0).abs() < 1e-9, "{name}: {figure:?}");
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
            assert!(
                match (figure.p99, p99) {
                    (Some(a), Some(b)) => close(a, b),
                    (a, b) => a == b,
                },
                "{name}: {figure:?}"
            );
        }
    }

    #[test]
    fn a_figure_that_its_tool_warns_of_is_not_taken() {
        for (name, text) in [
            ("wrk", "  Non-2xx or 3xx responses: 12\nRequests/sec: 5.0\n"),
            ("wrk", "  Socket errors: connect 3, read 0, write 0, timeout 0\nRequests/sec: 5.0\n"),
            ("wrk", "  Socket errors: connect 0, read 7, write 0, timeout 0\nRequests/sec: 5.0\n"),
            (
                "pgbench",
                "tps = 5.0 (without initial connection time)\nRun was aborted; the above results \
                 are incomplete.\n",
            ),
        ] {
            let preset = presets().into_iter().find(|preset| preset.name == name).expect("a row");
            let said = preset.rule.read(text).expect_err(text).to_string();
            assert!(said.contains("not to be trusted"), "{said}");
        }
    }
}
