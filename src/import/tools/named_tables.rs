//! Tables that are recognised by their headings as those of a tool; and the error if they cannot be
//! read.

use super::super::layouts::Table;
use super::super::{Fault, Request, Series};
use super::detect::Content;
use super::{Format, as_table, refused, said_in_lines};

/// A tool that writes tables, by some of its headings.
struct Known {
    format: Format,
    headings: &'static [&'static str],
    wants: &'static str,
}

const KNOWN: [Known; 5] = [
    Known {
        format: Format::BenchmarkDotNet,
        headings: &["Method", "Mean", "Error"],
        wants: "give a table of a benchmark with [Params] that counts workers",
    },
    Known {
        format: Format::LlamaBench,
        headings: &["n_threads", "avg_ts"],
        wants: "give what llama-bench -t 1,2,4,8 -o csv wrote",
    },
    Known {
        format: Format::Jube,
        headings: &["jobid", "nodes"],
        wants: "give a table of jube result whose columns hold the counts and a time",
    },
    Known {
        format: Format::Jube,
        headings: &["taskspernode", "threadspertask"],
        wants: "give a table of jube result whose columns hold the counts and a time",
    },
    Known {
        format: Format::Reframe,
        headings: &["perf_var", "perf_value"],
        wants: "give a perflog whose lines hold num_tasks and perf_value",
    },
];

fn known(table: &Table) -> Option<&'static Known> {
    KNOWN.iter().find(|known| table.has(known.headings))
}

/// The tool that wrote a table.
pub(super) fn tool_of(content: &Content) -> Option<Format> {
    match content {
        Content::Table(table) => known(table).map(|known| known.format),
        _ => None,
    }
}

/// Reads any table.
pub(super) fn read(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    as_table(table, request).or_else(|fault| match known(table) {
        Some(known) if !mentions_an_option(&fault) => {
            let tool = known.format;
            Err(Fault::whole(format!("this is {tool}'s table, but it {fault}; {}", known.wants)))
        }
        Some(_) => Err(fault),
        None => said_in_lines(request).unwrap_or(Err(fault)),
    })
}

/// Whether the error already asks for an option.
fn mentions_an_option(fault: &Fault) -> bool {
    fault.what.contains("--param") && !fault.what.contains("a table needs a header")
}

/// Whether it is the report that ReFrame prints for people.
pub(super) fn is_reframe_report(text: &str) -> bool {
    text.starts_with("[ReFrame Setup]") || text.contains("\nPERFORMANCE REPORT\n---")
}

/// Refuses that report, because it leaves out the numbers of tasks and threads.
pub(super) fn reframe_report(_: Request<'_>) -> Result<Vec<Series>, Fault> {
    let wants = "give the perflogs instead: knee fit perflogs/SYSTEM/PARTITION/TEST.log";
    Err(refused(Format::Reframe, "it is the one for people", wants))
}

pub(super) fn is_llama(table: &Table) -> bool {
    table.has(&["n_threads", "avg_ts"])
}

/// llama-bench's CSV: tokens per second, a curve for each number of tokens read and written.
pub(super) fn llama(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let plain = |name: &str| -> Option<String> {
        Some(match name {
            "avg_ts" => "avg (tokens/s)".to_owned(),
            "stddev_ts" => "stddev (tokens/s)".to_owned(),
            "n_threads" | "n_prompt" | "n_gen" | "n_depth" | "model_type" => name.to_owned(),
            _ => return None,
        })
    };
    let kept: Vec<(usize, String)> = table
        .row(0)
        .fields()
        .enumerate()
        .filter_map(|(at, name)| Some((at, plain(name)?)))
        .collect();
    let mut narrow = Table::empty(kept.len());
    narrow.push(1, &kept.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
    for row in table.rows_from(1) {
        narrow.push(row.line(), &kept.iter().map(|(at, _)| row.field(*at)).collect::<Vec<_>>());
    }
    as_table(&narrow, request)
}
