//! Tests of every format with a file as its tool writes it, and of the traps in such files.

use knee::import::{Format, Options, Series, merge, read, read_bytes};

use super::file;

pub(crate) fn options(param: &str) -> Options {
    Options { param: Some(param.to_owned()), ..Options::default() }
}

pub(crate) fn curves(name: &str) -> Vec<Series> {
    read(&file(name), &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn text(content: &str) -> Vec<Series> {
    read_bytes("x.csv", content.as_bytes(), &Options::default())
        .unwrap_or_else(|error| panic!("{content:?}: {error}"))
}

pub(crate) fn refusal(content: &str) -> String {
    let read = read_bytes("x", content.as_bytes(), &Options::default());
    read.expect_err("it must be refused").to_string()
}

/// Asserts names and measurements of all curves.
pub(crate) fn expect(curves: &[Series], expected: &[(&str, &[(f64, f64)])]) {
    let names: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
    assert_eq!(names, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (curve, (name, points)) in curves.iter().zip(expected) {
        let found: Vec<(f64, f64)> =
            curve.observations.iter().map(|o| (o.workers, o.throughput)).collect();
        assert_eq!(found.len(), points.len(), "{name}: {found:?}");
        for (one, other) in found.iter().zip(*points) {
            let near = (one.1 - other.1).abs() <= 1e-9 * other.1.abs();
            assert!(
                one.0.total_cmp(&other.0).is_eq() && near,
                "{name}: {found:?} is not {points:?}"
            );
        }
    }
}

pub(crate) fn warns(curves: &[Series], words: &str) -> bool {
    curves.iter().any(|curve| curve.warnings.iter().any(|text| text.contains(words)))
}

#[test]
fn hyperfine_1_leaves_failed_runs_out() {
    let read = curves("hyperfine-1.json");
    let points: &[(f64, f64)] = &[
        (1.0, 0.125),
        (1.0, 1.0 / 8.2),
        (1.0, 0.125),
        (2.0, 0.25),
        (2.0, 1.0 / 4.1),
        (4.0, 0.5),
        (4.0, 0.5),
        (4.0, 1.0 / 2.1),
    ];
    expect(&read, &[("make -j {threads}", points)]);
    assert!(warns(&read, "1 run ended with an error"));
}

#[test]
fn hyperfine_2_has_parameters_as_objects_and_an_environment() {
    let small: &[(f64, f64)] = &[(1.0, 1.0), (1.0, 0.8), (8.0, 5.0), (8.0, 4.0)];
    let large: &[(f64, f64)] = &[(1.0, 0.1), (8.0, 0.5)];
    expect(
        &curves("hyperfine-2.json"),
        &[("small (input=small)", small), ("large (input=large)", large)],
    );
    expect(&curves("hyperfine-2.csv"), &[("run", &[(1.0, 0.125), (2.0, 0.25)])]);
    expect(&curves("hyperfine-1.csv"), &[("sleep 0.01", &[(1.0, 50.0), (2.0, 100.0)])]);
    let newer = refusal("{\"schema_version\":3,\"results\":[{\"command\":\"x\"}]}");
    assert!(newer.contains("schema_version: is 3"), "{newer}");
}

#[test]
fn an_ambiguous_parameter_of_hyperfine_asks_for_param() {
    let ambiguous =
        read(&file("hyperfine-ambiguous.json"), &Options::default()).expect_err("two could be");
    let message = ambiguous.to_string();
    assert!(
        message.contains("\"clients\", \"threads\"") && message.contains("--param"),
        "{message}"
    );
    let asked = read(&file("hyperfine-ambiguous.json"), &options("clients")).expect("it was named");
    assert_eq!(
        asked.iter().map(|curve| curve.observations[0].workers).collect::<Vec<_>>(),
        [2.0, 4.0]
    );
    let foreign =
        read(&file("hyperfine-sleep.json"), &Options::default()).expect_err("no worker is meant");
    assert!(foreign.to_string().contains("\"duration\" with --param"), "{foreign}");
    assert!(read(&file("hyperfine-sleep.json"), &options("duration")).is_ok());
}

#[test]
fn hyperfines_commands_may_state_the_workers() {
    let json = "{\"results\":[{\"command\":\"make -j4\",\"times\":[2.0]},{\"command\":\"make \
        -j8\",\"times\":[1.0]}]}";
    expect(&text(json), &[("make -jN", &[(4.0, 0.5), (8.0, 1.0)])]);
    assert!(
        refusal("{\"results\":[{\"command\":\"make\",\"times\":[2.0]}]}").contains("hyperfine -P")
    );
}

#[test]
fn google_benchmark_from_1_9_on_gives_the_time_of_one_thread() {
    let read = curves("google-new.json");
    let mutex: &[(f64, f64)] = &[(1.0, 1e7), (1.0, 8e6), (4.0, 4.0 / 200e-9)];
    let copy: &[(f64, f64)] = &[(2.0, 123_456.0)];
    // Items per CPU second, at half a CPU per thread.
    let cpu: &[(f64, f64)] = &[(2.0, 100_000.0)];
    expect(
        &read,
        &[("BM_Mutex/1024/real_time", mutex), ("BM_Copy/real_time", copy), ("BM_Cpu", cpu)],
    );
    assert!(
        warns(&read[..1], "8 workers: no more sockets")
            && warns(&read[..1], "16 workers: too many")
    );
    assert!(warns(&read[2..], "CPU time") && !warns(&read[..2], "CPU time"));
    assert_eq!(read[1].unit, "items");
}

#[test]
fn google_benchmark_before_1_9_has_divided_by_the_threads() {
    let lock: &[(f64, f64)] = &[(1.0, 1e7), (4.0, 2e7)];
    let old = curves("google-old.json");
    expect(&old, &[("BM_Lock", lock)]);
    assert!(old[0].warnings.is_empty(), "{:?}", old[0].warnings);
    let unknown = curves("google-unknown.json");
    expect(&unknown, &[("BM_Lock", lock)]);
    assert!(warns(&unknown, "library_version"));
}

#[test]
fn google_benchmarks_medians_count_where_nothing_else_is_left() {
    let json = "{\"context\":{\"library_version\":\"1.9.4\"},\"benchmarks\":[
        {\"name\":\"B/threads:2_median\",\"run_name\":\"B/threads:2\",\
         \"run_type\":\"aggregate\",\"aggregate_name\":\"median\",\"threads\":2,\
         \"iterations\":3,\"real_time\":1,\"cpu_time\":1,\"time_unit\":\"s\"},
        {\"name\":\"B/threads:2_stddev\",\"run_name\":\"B/threads:2\",\
         \"run_type\":\"aggregate\",\"aggregate_name\":\"stddev\",\"threads\":2,\
         \"iterations\":3,\"real_time\":7,\"cpu_time\":7,\"time_unit\":\"s\"}]}";
    expect(&text(json), &[("B", &[(2.0, 2.0)])]);
    let by_argument = "{\"context\":{\"library_version\":\"1.9.4\"},\"benchmarks\":[
        {\"name\":\"B/lanes:3\",\"run_type\":\"iteration\",\"threads\":1,\
         \"iterations\":3,\"real_time\":1,\"cpu_time\":1,\"time_unit\":\"ms\"}]}";
    let read = read_bytes("x", by_argument.as_bytes(), &options("lanes")).expect("it was named");
    expect(&read, &[("B", &[(3.0, 1000.0)])]);
    let absent = refusal(
        "{\"benchmarks\":[{\"name\":\"B/threads:2\",\"iterations\":1,\
         \"real_time\":NaN,\"time_unit\":\"ns\"}]}",
    );
    assert!(absent.contains("benchmarks[0]") && absent.contains("real_time"), "{absent}");
}

#[test]
fn google_benchmarks_that_never_ran_are_named_beside_the_others() {
    let json = "{\"context\":{\"library_version\":\"1.9.4\"},\"benchmarks\":[
        {\"name\":\"A/threads:2\",\"run_type\":\"iteration\",\"threads\":2,\
         \"iterations\":3,\"real_time\":1,\"cpu_time\":1,\"time_unit\":\"s\"},
        {\"name\":\"B/threads:2\",\"run_type\":\"iteration\",\"threads\":2,\
         \"error_occurred\":true,\"error_message\":\"no device\"}]}";
    let read = text(json);
    expect(&read, &[("A", &[(2.0, 2.0)])]);
    assert!(warns(&read, "B is left out: no figure with 2 workers: no device"), "{read:?}");
}

#[test]
fn jmhs_iterations_are_repetitions_in_every_mode() {
    let read = curves("jmh.json");
    let name = |mode: &str| format!("org.sample.Queue.offer (size=64, {mode})");
    let [thrpt, avgt, sample, ss] = ["thrpt", "avgt", "sample", "ss"].map(name);
    expect(
        &read,
        &[
            (
                &thrpt,
                &[
                    (1.0, 10_000.0),
                    (1.0, 11_000.0),
                    (1.0, 10_500.0),
                    (1.0, 10_200.0),
                    (4.0, 36_000.0),
                    (4.0, 37_000.0),
                    (4.0, 38_000.0),
                    (4.0, 37_500.0),
                ],
            ),
            // Each of four threads takes 200 us per operation.
            (&avgt, &[(1.0, 10_000.0), (1.0, 1e6 / 110.0), (4.0, 20_000.0), (4.0, 25_000.0)]),
            (&sample, &[(4.0, 3200.0)]),
            (&ss, &[(4.0, 2.0), (4.0, 1.0)]),
        ],
    );
    assert!(warns(&read[1..2], "one fork") && !warns(&read[..1], "one fork"));
}

#[test]
fn jmhs_one_count_per_call_makes_one_curve() {
    let files = ["jmh-1.json", "jmh-2.json"].map(|name| (name.to_owned(), curves(name)));
    let merged: Vec<Series> = merge(files.to_vec()).into_iter().map(|curve| curve.series).collect();
    expect(&merged, &[("org.sample.Queue.offer", &[(1.0, 10.0), (2.0, 19.0)])]);
    expect(&curves("jmh-param.json"), &[("org.sample.Queue.offer", &[(1.0, 10.0), (2.0, 19.0)])]);
    let rows = curves("jmh.csv");
    let thrpt: &[(f64, f64)] = &[(1.0, 10_500.0), (4.0, 38_000.0)];
    expect(
        &rows,
        &[
            ("org.sample.Queue.offer (size=64, thrpt)", thrpt),
            ("org.sample.Queue.offer (size=64, avgt)", &[(4.0, 20_000.0)]),
        ],
    );
}

#[test]
fn pyperfs_values_count_and_its_warm_ups_do_not() {
    let pool: &[(f64, f64)] =
        &[(1.0, 2.0), (1.0, 2.5), (1.0, 2.0), (4.0, 5.0), (4.0, 10.0), (4.0, 8.0)];
    expect(&curves("pyperf.json"), &[("pool-N-threads", pool)]);
    expect(&curves("pyperf.json.gz"), &[("pool-N-threads", pool)]);
    // `cpu_count` is no number of workers.
    expect(&curves("pyperf-metadata.json"), &[("pool", pool)]);
    let unnamed = "{\"version\":\"1.0\",\"benchmarks\":[{\
        \"metadata\":{\"name\":\"sort\",\"cpu_count\":4},\"runs\":[{\"values\":[0.1]}]}]}";
    assert!(refusal(unnamed).contains("--param"));
    let memory = unnamed.replace("\"cpu_count\":4", "\"unit\":\"byte\",\"threads\":4");
    assert!(refusal(&memory).contains("\"byte\""));
}

#[test]
fn will_it_scale_has_two_curves_and_a_row_that_is_none() {
    let read = curves("will-it-scale.csv");
    let processes: &[(f64, f64)] = &[(1.0, 1000.0), (2.0, 1980.0), (3.0, 2900.0), (4.0, 3700.0)];
    expect(
        &read,
        &[("processes", processes), ("threads", &[(1.0, 950.0), (2.0, 1500.0), (4.0, 1600.0)])],
    );
    assert!(warns(&read[1..], "failed with 3 tasks") && !warns(&read[..1], "failed"));
    let header = "tasks,processes,processes_idle,threads,threads_idle,linear\n0,0,100,0,100,0\n";
    let only_processes = text(&format!("{header}1,5,0,0,0,5\n2,9,0,0,0,10\n"));
    expect(&only_processes, &[("processes", &[(1.0, 5.0), (2.0, 9.0)])]);
    assert!(
        refusal(&format!("{header}1,5,0,3,0,5\n2,9,0,0,0,10\n"))
            .contains("line 4, column \"threads\"")
    );
}

#[test]
fn criterions_time_is_per_iteration() {
    let pool: &[(f64, f64)] =
        &[(1.0, 1e6), (1.0, 100.0 / 105e-6), (2.0, 2e6), (2.0, 100.0 / 55e-6)];
    expect(&curves("raw.csv"), &[("pool/spawn/threads:N", pool)]);
    let value = curves("raw-value.csv");
    expect(&value, &[("Fibonacci/Parallel", &[(1.0, 1e9 / 9150.0), (2.0, 1e9 / 4600.0)])]);
    assert!(warns(&value, "taken as the number of workers"));
    let messages: &[(f64, f64)] = &[(1.0, 1.024e7), (1.0, 1.024e7), (4.0, 4.096e7), (4.0, 4.096e7)];
    expect(&curves("cargo-criterion.jsonl"), &[("pool/threads/N", messages)]);
}

#[test]
fn a_forced_format_refuses_what_it_never_writes() {
    let forced = Options { format: Some(Format::Jmh), ..Options::default() };
    let error = read(&file("hyperfine-1.json"), &forced).expect_err("it is hyperfine's");
    assert!(error.to_string().contains("is not an array"), "{error}");
    let error = read(&file("cargo-criterion.jsonl"), &forced).expect_err("it is criterion's");
    assert!(error.to_string().contains("jmh never writes"), "{error}");
}

#[test]
fn our_own_samples_leave_out_what_was_measured_again() {
    let read = curves("samples.csv");
    expect(&read, &[("pi, threads", &[(2.0, 99.0), (1.0, 50.0), (2.0, 98.0)])]);
    assert_eq!(read[0].observations[2].repetition, Some(1));
    assert!(warns(&read, "measured again"));
}

#[test]
fn two_commands_are_two_curves_whatever_numbers_are_in_them() {
    let result = |command: &str, threads: u8| {
        let time = f64::from(threads).recip();
        format!(
            "{{\"command\":\"{command}\",\"times\":[{time}],\
             \"parameters\":{{\"threads\":\"{threads}\"}}}}"
        )
    };
    let results =
        [result("a1 -j 1", 1), result("a1 -j 2", 2), result("b2 -j 1", 1), result("b2 -j 2", 2)];
    let points: &[(f64, f64)] = &[(1.0, 1.0), (2.0, 2.0)];
    let read = text(&format!("{{\"results\":[{}]}}", results.join(",")));
    expect(&read, &[("a1 -j {threads}", points), ("b2 -j {threads}", points)]);
}

#[test]
fn remarks_before_a_document_are_passed_over() {
    let google = std::fs::read_to_string(file("google-old.json")).expect("it is there");
    let mixed = format!(
        "2024-05-01T10:00:00+02:00\nRunning ./bench\n***WARNING*** CPU scaling is enabled\n{google}"
    );
    assert_eq!(text(&mixed), curves("google-old.json"));
}
