//! Every format on real shapes of it, with its traps; and anything at all without a panic.

use std::io::Write;

use super::*;

fn all(text: &str) -> Vec<Series> {
    read(text.as_bytes(), None, None).unwrap()
}

fn rows(series: &Series) -> Vec<(f64, f64)> {
    series.rows.iter().map(|row| (row.workers, (row.throughput * 1e6).round() / 1e6)).collect()
}

fn error(text: &str) -> String {
    let error = read(text.as_bytes(), None, None).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.len() < 300, "{error}");
    error
}

const PAIRS: [(f64, f64); 3] = [(1.0, 64.9), (18.0, 995.9), (36.0, 1652.4)];

#[test]
fn two_columns_are_read_however_they_are_written() {
    for text in [
        "workers,throughput\n1,64.9\n18,995.9\n36,1652.4\n",
        "load,throughput\n1,64.9\n18,995.9\n36,1652.4",
        "1,64.9\n18,995.9\n36,1652.4\n",
        "\u{feff}Workers;Throughput\r\n1;64,9\r\n18;995,9\r\n\r\n36;1652,4\r\n",
        "# from a spreadsheet\nn\tx\n1\t64.9\n18\t995.9\n36\t1652.4\n",
        "1 64.9\n18   995.9\n36 1652.4\n",
        "\"workers\", \"throughput\"\n\"1\", \"64.9\"\n18,995.9\n36,1652.4\n",
        ",threads,throughput,throughput_stddev\n6,1.0,64.9,9\n0,18.0,995.9,27\n9,36,1652.4,1\n",
        "throughput,comment,workers\n64.9,good,1\n995.9,,18\n1652.4,x,36\n",
    ] {
        let series = all(text);
        assert_eq!(series.len(), 1, "{text}: {series:?}");
        assert_eq!(rows(&series[0]), PAIRS, "{text}");
    }
}

#[test]
fn long_and_wide_tables_hold_several_series() {
    let long = all("name,workers,repetition,throughput\na,1,0,10\nb,1,0,20\na,2,0,19\na,2,1,18\n");
    assert_eq!((long[0].name.as_str(), long[1].name.as_str()), ("a", "b"));
    assert_eq!(long[0].rows[2].repetition, Some(1));
    let wide = all("workers,threads,processes\n1,10,9\n2,20,\n4,38,33\n");
    assert_eq!(wide[0].name, "threads");
    assert_eq!(rows(&wide[1]), [(1.0, 9.0), (4.0, 33.0)]);
    let repeated = all("threads,run1,run2\n1,10,11\n2,20,19\n");
    assert_eq!(rows(&repeated[0]), [(1.0, 10.0), (1.0, 11.0), (2.0, 20.0), (2.0, 19.0)]);
    assert_eq!(all("1,10,11,12\n2,20,19,18\n")[0].rows.len(), 6);
    let ours =
        all("round,block,at,workload,mode,workers,unit,throughput\n0,3,0.1,pi,threads,2,digit,9\n");
    assert_eq!((ours[0].name.as_str(), ours[0].rows[0].repetition), ("pi threads", Some(3)));
}

#[test]
fn times_become_throughputs() {
    let series = all("threads,time_ms\n1,100\n2,50\n");
    assert_eq!(rows(&series[0]), [(1.0, 10.0), (2.0, 20.0)]);
    assert!(series[0].notes[0].contains("1 / time"));
    assert!(error("threads,time\n1,0\n").contains("line 2"));
}

#[test]
fn a_bad_table_is_refused_with_its_line() {
    assert!(error("").contains("empty"));
    assert!(error("  \n\n").contains("empty"));
    assert!(error("# nothing\n").contains("comments"));
    assert!(error("workers,throughput\n").contains("nothing below"));
    assert!(error("workers,throughput\n1,10\n2,fast\n").contains("line 3"));
    assert!(error("workers,throughput\n1,10\n2\n").contains("line 3"));
    assert!(error("workers,throughput\n1,nan\n").contains("nan"));
    assert!(error("workers,throughput\n1,1e999\n").contains("line 2"));
    assert!(error("workers,throughput\n-1,5\n").contains("less than none"));
    assert!(error("workers,throughput\n1,-5\n").contains("negative"));
    assert!(error("workers,throughput\n0,5\n1,0\n").contains("no measurement"));
    assert!(error("just a letter to a friend\nwith two lines\n").contains("line 1"));
    assert!(error("1\n2\n3\n").contains("one column"));
    assert!(error("depth,label\n1,x\n").contains("throughput"));
    let left_out = all("workers,throughput\n0,0\n1,5\n2,0\n");
    assert_eq!(left_out[0].rows.len(), 1);
    assert_eq!(left_out[0].notes.len(), 2);
    let param = read(b"a,b,throughput\n1,4,5\n", None, Some("b")).unwrap();
    assert_eq!(rows(&param[0]), [(4.0, 5.0)]);
    assert!(read(b"a,throughput\n1,5\n", None, Some("b")).is_err());
}

#[test]
fn hyperfine_of_schema_1() {
    let text = r#"{"results":[
      {"command":"sleep 0.01","mean":0.02,"stddev":null,"median":0.02,"times":[0.02,0.025],"exit_codes":[0,1],"parameters":{"threads":"1"}},
      {"command":"sleep 0.01","mean":0.01,"median":0.01,"parameters":{"threads":"2"}}]}"#;
    let series = all(text);
    assert_eq!(rows(&series[0]), [(1.0, 50.0), (1.0, 40.0), (2.0, 100.0)]);
    assert!(series[0].notes.iter().any(|note| note.contains("failure")));
    let unnamed = r#"{"results":[{"command":"make -j 1","times":[4.0]},{"command":"make -j 2","times":[2.0]}]}"#;
    assert_eq!(rows(&all(unnamed)[0]), [(1.0, 0.25), (2.0, 0.5)]);
    let two = r#"{"results":[{"command":"x","times":[4.0],"parameters":{"a":"1","b":"2"}}]}"#;
    assert!(error(two).contains("--param"));
    let chosen = read(two.as_bytes(), None, Some("b")).unwrap();
    assert_eq!((chosen[0].name.as_str(), chosen[0].rows[0].workers), ("a=1", 2.0));
}

#[test]
fn hyperfine_of_schema_2_and_its_tables() {
    let text = r#"{"schema_version":2,"primary_metric":"time_wall_clock","results":[
      {"command":"make","parameters":{"jobs":{"value":"4"}},"environment":{"LANG":"C"},
       "measurements":[{"time_wall_clock":{"value":500.0,"unit":"millisecond"},"exit_code":0},
                       {"time_wall_clock":{"value":0.4,"unit":"second"},"exit_code":0}]},
      {"command":"make","environment":{"jobs":"8"},"summary":{"time_wall_clock":{"unit":"second","median":0.25}}}]}"#;
    let series = all(text);
    let points: Vec<(f64, f64)> = series.iter().flat_map(rows).collect();
    assert_eq!(points, [(4.0, 2.0), (4.0, 2.5), (8.0, 4.0)]);
    assert!(error(r#"{"schema_version":3,"results":[{}]}"#).contains("schema 3"));
    let v1 = "command,mean,stddev,median,user,system,min,max,parameter_n\nsleep,0.015,0,0.02,0,0,0.01,0.03,4\n";
    assert_eq!(rows(&all(v1)[0]), [(4.0, 50.0)]);
    let v2 = "command,time_wall_clock_unit,time_wall_clock_mean,time_wall_clock_stddev,time_wall_clock_median,parameter_n\na,s,9,2,8,1\nb,ms,9,2,8,2\n";
    assert_eq!(rows(&all(v2)[0])[0], (1.0, 0.125));
}

fn google(version: &str, rows: &str) -> String {
    format!(r#"{{"context":{{"date":"2026-01-01","num_cpus":4{version}}},"benchmarks":[{rows}]}}"#)
}

#[test]
fn google_benchmark_with_its_traps() {
    let row = |threads: u32, time: f64| {
        format!(
            r#"{{"name":"BM_x/threads:{threads}","run_type":"iteration","iterations":100,"real_time":{time},"cpu_time":NaN,"time_unit":"us","threads":{threads}}}"#
        )
    };
    let both = format!("{},{}", row(1, 10.0), row(4, 10.0));
    let new = all(&google(r#","library_version":"v1.9.1""#, &both));
    assert_eq!(new[0].name, "BM_x");
    assert_eq!(rows(&new[0]), [(1.0, 1e5), (4.0, 4e5)]);
    // Before 1.9.0 the time of four threads was divided by four: it is that of all together.
    for version in [r#","library_version":"v1.8.3""#, ""] {
        assert_eq!(rows(&all(&google(version, &both))[0]), [(1.0, 1e5), (4.0, 1e5)]);
    }
    let aggregates = format!(
        r#"{both},{{"name":"BM_x/threads:4_mean","run_type":"aggregate","aggregate_name":"mean","real_time":99,"threads":4}},
           {{"name":"BM_y/threads:2","error_occurred":true,"threads":2}},{{"name":"BM_x_BigO","big_o":"N","cpu_coefficient":1}}"#
    );
    let series = all(&google(r#","library_version":"v1.9.1""#, &aggregates));
    assert_eq!((series.len(), series[0].rows.len()), (1, 2));
    assert!(series[0].notes.iter().any(|note| note.contains("failed")));
    let items = r#"{"name":"BM_x/8","real_time":1,"time_unit":"ns","items_per_second":5e6},{"name":"BM_x/16","real_time":1,"time_unit":"ns","items_per_second":9e6}"#;
    assert_eq!(rows(&all(&google("", items))[0]), [(8.0, 5e6), (16.0, 9e6)]);
    let medians = r#"{"name":"BM_x/threads:1_median","real_time":10,"time_unit":"ms","threads":1},{"name":"BM_x/threads:2_median","real_time":5,"time_unit":"ms","threads":2},
        {"name":"BM_x/threads:2_stddev","real_time":1,"time_unit":"ms","threads":2}"#;
    assert_eq!(rows(&all(&google("", medians))[0]), [(1.0, 100.0), (2.0, 200.0)]);
}

#[test]
fn jmh_rates_and_times() {
    let entry = |threads: u32, mode: &str, unit: &str, data: &str| {
        format!(
            r#"{{"jmhVersion":"1.37","benchmark":"org.x.Bench.get","mode":"{mode}","threads":{threads},"forks":2,"params":{{"size":"10"}},
            "primaryMetric":{{"score":5.0,"scoreError":"NaN","scoreUnit":"{unit}","rawData":{data}}}}}"#
        )
    };
    let text = format!(
        "[{},{}]",
        entry(1, "thrpt", "ops/ms", "[[1.0,2.0],[3.0]]"),
        entry(4, "thrpt", "ops/ms", "[]")
    );
    let series = all(&text);
    assert_eq!(series[0].name, "Bench.get size=10");
    assert_eq!(rows(&series[0]), [(1.0, 1e3), (1.0, 2e3), (1.0, 3e3), (4.0, 5e3)]);
    let times = format!(
        "[{},{}]",
        entry(1, "avgt", "us/op", "[[10.0]]"),
        entry(4, "avgt", "us/op", "[[20.0]]")
    );
    assert_eq!(rows(&all(&times)[0]), [(1.0, 1e5), (4.0, 2e5)]);
    let by_size = read(text.as_bytes(), None, Some("size")).unwrap();
    assert!(by_size[0].rows.iter().all(|row| (row.workers - 10.0).abs() < 1e-9));
}

#[test]
fn pyperf_also_gzipped() {
    let bench = |n: u32, values: &str| {
        format!(
            r#"{{"metadata":{{"name":"pool-{n}"}},"runs":[{{"warmups":[[1,9.0]]}},{{"metadata":{{"load":{n}}},"values":{values}}}]}}"#
        )
    };
    let text = format!(
        r#"{{"version":"1.0","metadata":{{"unit":"second","cpu_count":4}},"benchmarks":[{},{}]}}"#,
        bench(1, "[0.1,0.2]"),
        bench(8, "[0.02]")
    );
    let want = [(1.0, 10.0), (1.0, 5.0), (8.0, 50.0)];
    assert_eq!(rows(&all(&text)[0]), want);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(rows(&read(&packed, None, None).unwrap()[0]), want);
    assert!(read(&packed[..packed.len() / 2], None, None).is_err());
    assert_eq!(read(text.as_bytes(), None, Some("load")).unwrap().len(), 2);
}

#[test]
fn will_it_scale_has_two_series() {
    let text = "tasks,processes,processes_idle,threads,threads_idle,linear\n0,0,100,0,100,0\n1,100,50,90,50,100\n2,190,0,-1,0,200\n";
    let series = all(text);
    assert_eq!((series[0].name.as_str(), series[1].name.as_str()), ("processes", "threads"));
    assert_eq!(rows(&series[0]), [(1.0, 100.0), (2.0, 190.0)]);
    assert_eq!(rows(&series[1]), [(1.0, 90.0)]);
    assert!(series[1].notes[0].contains("-1"));
    assert!(
        error("tasks,processes,processes_idle,threads,threads_idle,linear\n1,x,0,0,0,0\n")
            .contains("line 2")
    );
}

#[test]
fn criterion_in_both_forms() {
    let raw = "group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count\nscale,threads,1,10,elements,2000,ns,2\nscale,threads,4,10,elements,1000,ns,2\n";
    assert_eq!(rows(&all(raw)[0]), [(1.0, 1e7), (4.0, 2e7)]);
    let line = |n: u32| {
        format!(
            r#"{{"reason":"benchmark-complete","id":"scale/{n}","iteration_count":[1,2],"measured_values":[100.0,200.0],"unit":"ns","throughput":[]}}"#
        )
    };
    let text = format!("{}\n{}\n{{\"reason\":\"group-complete\"}}\n", line(1), line(2));
    assert_eq!(rows(&all(&text)[0]), [(1.0, 1e7), (1.0, 1e7), (2.0, 1e7), (2.0, 1e7)]);
}

#[test]
fn foreign_and_broken_documents_are_refused_in_one_line() {
    assert!(error("{\"a\": 1}").contains("not of hyperfine"));
    assert!(error("{\"results\": [").contains("not valid JSON"));
    assert!(error("{\"results\": []}").contains("no results"));
    assert!(error("[1, 2]").contains("not of"));
    assert!(error(&"[".repeat(100_000)).contains("JSON"));
    assert!(read(&[0, 1, 2, 0xff], None, None).unwrap_err().to_string().contains("binary"));
    assert!(read(&[0x31, 0x2c, 0xff, 0x0a], None, None).unwrap_err().to_string().contains("UTF-8"));
    assert!(read(&[0xff, 0xfe, 0x31, 0], None, None).unwrap_err().to_string().contains("UTF-16"));
    assert!(error("wor\u{7}kers\u{1b}[31m,b\nx\u{1b},y\n").chars().all(|c| !c.is_control()));
}

#[test]
fn paths_that_are_no_files_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &std::path::Path| load(path).unwrap_err().to_string();
    assert!(refused(folder.path()).contains("directory"));
    assert!(refused(&folder.path().join("none")).contains("cannot be read"));
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(refused(&fifo).contains("not a plain file"));
    let huge = folder.path().join("huge");
    std::fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    assert!(refused(&huge).contains("larger"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        for format in Format::ALL.map(Some).into_iter().chain([None]) {
            let _ = read(&bytes, format, None);
            let _ = read(&bytes, format, Some("n"));
        }
    }

    #[test]
    fn no_text_panics(text in "[-0-9a-z,;\\[\\]{}\":. \\n\t\u{e9}]{0,200}") {
        for format in Format::ALL.map(Some).into_iter().chain([None]) {
            let _ = read(text.as_bytes(), format, None);
        }
    }

    /// Documents that were once right, cut or changed somewhere.
    #[test]
    fn no_damage_panics(at in 0_usize..600, byte in proptest::num::u8::ANY, cut in proptest::bool::ANY) {
        for text in SAMPLES {
            let mut bytes = text.as_bytes().to_vec();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = read(&bytes, None, None);
            let _ = read(&bytes, None, Some("threads"));
        }
    }

    #[test]
    fn a_table_reads_back(rows in proptest::collection::vec((1_u32..10_000, 1e-9_f64..1e12), 1..50)) {
        let mut text = "workers,throughput\n".to_owned();
        for (workers, throughput) in &rows {
            text.push_str(&format!("{workers},{throughput}\n"));
        }
        let series = read(text.as_bytes(), None, None).unwrap();
        let back: Vec<(u32, f64)> =
            series[0].rows.iter().map(|row| (row.workers as u32, row.throughput)).collect();
        proptest::prop_assert_eq!(back, rows);
    }
}

const SAMPLES: [&str; 6] = [
    "workers,throughput\n1,64.9\n18,995.9\n",
    r#"{"results":[{"command":"a","times":[0.1],"exit_codes":[0],"parameters":{"threads":"1"}}]}"#,
    r#"{"schema_version":2,"results":[{"command":"a","parameters":{"n":{"value":"1"}},"measurements":[{"time_wall_clock":{"value":1.0,"unit":"second"}}]}]}"#,
    r#"{"context":{"library_version":"v1.9.0"},"benchmarks":[{"name":"a/threads:2","real_time":1,"time_unit":"ns","threads":2}]}"#,
    r#"[{"benchmark":"a.b","mode":"thrpt","threads":8,"params":{"x":"1"},"primaryMetric":{"score":5,"scoreUnit":"ops/s","rawData":[[1.0]]}}]"#,
    r#"{"version":"1.0","benchmarks":[{"metadata":{"name":"n=4"},"runs":[{"values":[0.1]}]}]}"#,
];
