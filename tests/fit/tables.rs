//! Tests of plain tables in every dialect, and of what must not be guessed about them.

use knee::import::{Options, read_bytes};

use super::formats::{curves, expect, options, refusal, text, warns};

const SPECSDM91: &[(f64, f64)] = &[
    (1.0, 64.9),
    (18.0, 995.9),
    (36.0, 1652.4),
    (72.0, 1853.2),
    (108.0, 1828.9),
    (144.0, 1775.0),
    (216.0, 1702.2),
];

#[test]
fn a_csv_without_a_header_keeps_its_first_row() {
    expect(&curves("specsdm91.csv"), &[("specsdm91", SPECSDM91)]);
    expect(&curves("bare.csv"), &[("bare", SPECSDM91)]);
    expect(&text("1 5\n2 9\n"), &[("x", &[(1.0, 5.0), (2.0, 9.0)])]);
    // The names of these series are names of columns in other tables.
    expect(
        &text("threads,1,5\nprocesses,1,4\n"),
        &[("threads", &[(1.0, 5.0)]), ("processes", &[(1.0, 4.0)])],
    );
}

#[test]
fn a_spreadsheets_dialect_is_read() {
    let read = curves("spreadsheet.csv");
    let fine: &[(f64, f64)] = &[(1.0, 64.9), (2.0, 120.5), (4.0, 200.25)];
    expect(&read, &[("Schloss; fein", fine), ("grob", &[(1.0, 60.1), (2.0, 61.3), (4.0, 59.8)])]);
    assert_eq!(read[0].unit, "Mops");
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain("workers\tthroughput\r\n1\t2,5\r\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let wide = read_bytes("x.txt", &utf16, &Options::default()).expect("UTF-16 is read");
    expect(&wide, &[("x", &[(1.0, 2.5)])]);
}

#[test]
fn a_wide_csv_has_a_column_per_series_or_per_repetition() {
    let threads: &[(f64, f64)] =
        &[(8.0, 790.0), (1.0, 100.0), (2.0, 195.0), (4.0, 390.0), (1.0, 101.0), (2.0, 196.0)];
    let pool: &[(f64, f64)] = &[(8.0, 800.0), (1.0, 90.0), (2.0, 180.0), (4.0, 360.0), (1.0, 91.0)];
    expect(&curves("wide.csv"), &[("threads", threads), ("process-pool", pool)]);
    let repeated = curves("repetitions.csv");
    assert_eq!(repeated[0].observations.len(), 9);
    assert_eq!(repeated[0].observations[1].repetition, Some(2));
    expect(&text("workers,1,2\n1,10,11\n"), &[("x", &[(1.0, 10.0), (1.0, 11.0)])]);
    expect(
        &text("n,pool_rep1,pool_rep2,v2\n1,10,11,7\n"),
        &[("pool", &[(1.0, 10.0), (1.0, 11.0)]), ("v2", &[(1.0, 7.0)])],
    );
}

#[test]
fn a_long_csv_may_have_its_columns_in_any_order() {
    let read = curves("long.csv");
    let threads: &[(f64, f64)] = &[(1.0, 100.0), (1.0, 101.0), (2.0, 195.0), (2.0, 196.0)];
    let pool: &[(f64, f64)] = &[(1.0, 90.0), (1.0, 91.0), (2.0, 170.0), (2.0, 171.0)];
    expect(&read, &[("threads", threads), ("process-pool", pool)]);
    assert_eq!(read[0].observations[3].repetition, Some(2));
    let fractional: &[(f64, f64)] = &[(1.0, 10.0), (2.0, 19.0), (4.0, 35.0), (0.5, 5.5)];
    expect(&curves("gnuplot.dat"), &[("gnuplot", fractional)]);
}

#[test]
fn a_time_becomes_work_over_time() {
    let small: &[(f64, f64)] = &[(1.0, 0.25), (2.0, 0.5), (4.0, 1.0)];
    let large: &[(f64, f64)] = &[(1.0, 0.025), (2.0, 1.0 / 21.0), (4.0, 1.0 / 12.0)];
    expect(&curves("times.csv"), &[("small", small), ("large", large)]);
    let base: &[(f64, f64)] =
        &[(1.0, 500.0), (1.0, 1000.0 / 2.1), (2.0, 1000.0), (2.0, 1000.0 / 1.1)];
    expect(&curves("extra.csv"), &[("base", base)]);
    let stated = text("threads,seconds,work\n1,2,100\n2,1,100\n");
    expect(&stated, &[("x", &[(1.0, 50.0), (2.0, 100.0)])]);
    let unitless = text("threads,time\n1,2\n");
    expect(&unitless, &[("x", &[(1.0, 0.5)])]);
    assert!(unitless[0].guessed.iter().any(|guess| guess.text.contains("taken as seconds")));
}

#[test]
fn different_experiments_are_not_taken_for_repetitions() {
    let sizes = text("threads,size,throughput\n1,10,5\n2,10,9\n1,99,3\n2,99,5\n");
    expect(
        &sizes,
        &[("size=10", &[(1.0, 5.0), (2.0, 9.0)]), ("size=99", &[(1.0, 3.0), (2.0, 5.0)])],
    );
    let measured = text("threads,load average,throughput\n1,0.9,5\n2,1.8,9\n4,3.7,16\n");
    expect(&measured, &[("x", &[(1.0, 5.0), (2.0, 9.0), (4.0, 16.0)])]);
    assert!(warns(&measured, "load average"));
}

#[test]
fn the_axis_of_a_csv_is_never_guessed() {
    assert!(refusal("threads,clients,throughput\n1,2,3\n2,4,5\n").contains("--param"));
    assert!(refusal("size,throughput\n1,2\n").contains("--param"));
    assert!(
        refusal("city,population\nUlm,126000\n").contains("no column for the number of workers")
    );
    let asked = read_bytes("x", b"size,throughput\n1,2\n", &options("size")).expect("it was named");
    expect(&asked, &[("x", &[(1.0, 2.0)])]);
    let missing =
        read_bytes("x", b"size,throughput\n1,2\n", &options("width")).expect_err("there is none");
    assert!(missing.to_string().contains("\"size\""), "{missing}");
}

#[test]
fn what_is_no_figure_is_named_with_line_and_column() {
    for (content, place) in [
        ("workers,throughput\n0,7\n", "line 2, column \"workers\": is 0"),
        ("workers,throughput\n1,5\n2,-7\n", "line 3, column \"throughput\": is -7"),
        ("workers,throughput\n1,NaN\n", "line 2, column \"throughput\": \"NaN\""),
        ("workers,throughput\n1,inf\n", "line 2, column \"throughput\": \"inf\""),
        ("workers,throughput\n1,1e999\n", "line 2, column \"throughput\": \"1e999\""),
        (
            "workers,throughput\n1,5\nzwei,7\n",
            "line 3, column \"workers\": \"zwei\" is not a number",
        ),
        ("workers,throughput\n1,1e300\n", "line 2, column \"throughput\": is 1e300"),
        ("workers,throughput\n1,\n", "line 2, column \"throughput\": is empty"),
        ("1,5\n2,x\n", "line 2, column \"throughput\": \"x\" is not a number"),
    ] {
        let message = refusal(content);
        assert!(message.contains(place), "{content:?}: {message}");
    }
}

#[test]
fn a_latency_is_not_taken_for_a_throughput() {
    assert!(refusal("threads,latency_ms\n1,5\n2,6\n").contains("--value latency_ms"));
    let zero = text("workers,throughput\n1,5\n\n0,7\n");
    expect(&zero, &[("x", &[(1.0, 5.0)])]);
    assert!(warns(&zero, "0 workers is left out"));
    let thousands = text("workers,throughput\n1,\"1,234\"\n");
    expect(&thousands, &[("x", &[(1.0, 1234.0)])]);
    assert!(thousands[0].guessed.iter().any(|guess| guess.text.contains("thousands")));
    expect(
        &text("threads,latency_ms,tps\n1,5,100\n2,6,190\n"),
        &[("x", &[(1.0, 100.0), (2.0, 190.0)])],
    );
}
