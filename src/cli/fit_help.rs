//! The text below the options in `knee fit --help`.

/// Formats, rules and exit codes.
pub(super) const AFTER: &str = "\
Formats: csv (tables of any layout), records (JSON), hyperfine, google-benchmark, jmh, pyperf, \
pytest-benchmark, will-it-scale, criterion, go-bench, benchmarkdotnet, llama-bench, sysbench, \
pgbench, wrk, ab, hey, fio, k6, jube, reframe, knee (records, findings). --formats shows a line \
of each. Reports of single runs make one sweep: knee fit run-*.log.

What a file does not say is guessed only where its figures show it. Then it is said, with the \
option that settles it. What they do not show is asked.

Times become throughputs by one rule: throughput = work of a run x runs made at once / time per \
run. A run that uses all workers itself is made once at a time (hyperfine, pyperf, criterion, \
CSV). Where every worker makes runs of its own (JMH, Google Benchmark), as many are made at once \
as there are workers.

Exit code: 0 with findings, also where they are inconclusive (the findings say so); 2 for files \
that cannot be used; 6 where the report cannot be written.";
