//! No importer may panic, whatever the bytes. Every importer must read back what was written.

use proptest::prelude::*;

use super::{Format, Options, Series, read_bytes};

/// Real files, which the tests damage.
const SAMPLES: [&[u8]; 25] = [
    include_bytes!("../../tests/fit/files/specsdm91.csv"),
    include_bytes!("../../tests/fit/files/spreadsheet.csv"),
    include_bytes!("../../tests/fit/files/wide.csv"),
    include_bytes!("../../tests/fit/files/extra.csv"),
    include_bytes!("../../tests/fit/files/hyperfine-1.json"),
    include_bytes!("../../tests/fit/files/hyperfine-2.json"),
    include_bytes!("../../tests/fit/files/hyperfine-2.csv"),
    include_bytes!("../../tests/fit/files/google-new.json"),
    include_bytes!("../../tests/fit/files/jmh.json"),
    include_bytes!("../../tests/fit/files/pyperf.json"),
    include_bytes!("../../tests/fit/files/pyperf.json.gz"),
    include_bytes!("../../tests/fit/files/will-it-scale.csv"),
    include_bytes!("../../tests/fit/files/raw.csv"),
    include_bytes!("../../tests/fit/files/cargo-criterion.jsonl"),
    include_bytes!("../../tests/fit/files/people/04-markdown-ranks.md"),
    include_bytes!("../../tests/fit/files/people/29-gbench-arg-workers.json"),
    include_bytes!("../../tests/fit/files/people/42-go-bench.txt"),
    include_bytes!("../../tests/fit/files/people/43-sysbench-all.log"),
    include_bytes!("../../tests/fit/files/people/44-benchmarkdotnet.csv"),
    include_bytes!("../../tests/fit/files/people/46-pytest-benchmark.json"),
    include_bytes!("../../tests/fit/files/people/47b-llama-bench.csv"),
    include_bytes!("../../tests/fit/files/people/48-pgbench.txt"),
    include_bytes!("../../tests/fit/files/people/49-wrk.txt"),
    include_bytes!("../../tests/fit/files/people/60-records.jsonl"),
    include_bytes!("../../tests/fit/files/people/95b-openffd.csv"),
];

/// Reads the bytes as every format, with and without a parameter. Returns what the recognised
/// format gives.
///
/// Accepted measurements must be fit for analysis.
fn survive(bytes: &[u8]) -> Option<Vec<Series>> {
    let recognised = read_bytes("file", bytes, &Options::default());
    for format in Format::ALL {
        for param in [None, Some("threads".to_owned())] {
            let options = Options { format: Some(format), param, ..Options::default() };
            if let Ok(series) = read_bytes("file", bytes, &options) {
                sound(&series);
            }
        }
    }
    match recognised {
        Ok(series) => {
            sound(&series);
            Some(series)
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.starts_with("file: ") && text.len() > "file: ".len(),
                "{text:?} says nothing"
            );
            None
        }
    }
}

fn sound(series: &[Series]) {
    assert!(!series.is_empty(), "nothing was read, and nothing was said");
    for one in series {
        assert!(!one.observations.is_empty(), "{} has no measurement", one.name);
        for observation in &one.observations {
            let figures = [observation.workers, observation.throughput];
            assert!(
                figures.iter().all(|figure| figure.is_finite() && *figure > 0.0),
                "{observation:?}"
            );
        }
    }
}

#[test]
fn every_sample_is_read_as_it_is() {
    for sample in SAMPLES {
        assert!(survive(sample).is_some(), "{:?}", String::from_utf8_lossy(sample));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_an_importer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = survive(&bytes);
    }

    #[test]
    fn no_text_makes_an_importer_panic(text in "[\\[\\]{}\",;:\\\\a-z0-9 \
        .#\\n\\t\\-NI=_/()é]{0,200}") {
        let _ = survive(text.as_bytes());
    }

    #[test]
    fn a_damaged_file_never_makes_an_importer_panic(
        sample in 0..SAMPLES.len(),
        damage in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), 0..3u8),
            1..6,
        ),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = SAMPLES[sample].to_vec();
        for (place, byte, how) in damage {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        if let Some(cut) = cut {
            let end = cut.index(bytes.len());
            bytes.truncate(end);
        }
        let _ = survive(&bytes);
    }

    #[test]
    fn what_is_written_as_csv_is_read_back(
        name in "[a-zA-Z ,;\"'\u{e4}/:-]{1,20}",
        rows in proptest::collection::vec((1..4000u32, 1e-6..1e12f64, 0..9u32), 1..40),
    ) {
        let name = format!("x{name}x");
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["name", "workers", "throughput", "repetition"]).expect("memory takes \
            it");
        for (workers, throughput, repetition) in &rows {
            let figures = [workers.to_string(), throughput.to_string(), repetition.to_string()];
            let row = std::iter::once(&name).chain(&figures);
            writer.write_record(row).expect("memory takes it");
        }
        let bytes = writer.into_inner().expect("memory takes it");
        let series = read_bytes("file", &bytes, &Options::default()).expect("our own rows are \
            read");
        prop_assert_eq!(series.len(), 1);
        prop_assert_eq!(&series[0].name, &name);
        let read: Vec<(f64, f64, Option<u32>)> =
            series[0]
                .observations
                .iter()
                .map(|o| (o.workers, o.throughput, o.repetition))
                .collect();
        let written: Vec<(f64, f64, Option<u32>)> =
            rows.iter().map(|(w, t, r)| (f64::from(*w), *t, Some(*r))).collect();
        prop_assert_eq!(read, written);
    }
}

#[test]
fn a_million_values_too_many_are_refused_before_they_fill_the_memory() {
    let json = format!("[{}0]", "0,".repeat(5_000_000));
    let error =
        read_bytes("file", json.as_bytes(), &Options::default()).expect_err("it is too much");
    assert!(error.to_string().contains("values"), "{error}");
    let table = format!("workers,throughput\n{}", "1,2\n".repeat(super::MOST_OBSERVATIONS + 2));
    let series = read_bytes("file", table.as_bytes(), &Options::default()).expect("it is a table");
    assert!(series[0].observations.len() <= super::MOST_OBSERVATIONS);
    let told = series[0].warnings.iter().any(|warning| warning.contains("is the mean of"));
    assert!(told, "{:?}", series[0].warnings);
    let rows: Vec<String> =
        (1..=super::MOST_COUNTS + 1).map(|count| format!("{count},5\n")).collect();
    let counts = format!("workers,throughput\n{}", rows.concat());
    let error =
        read_bytes("file", counts.as_bytes(), &Options::default()).expect_err("it is too much");
    assert!(error.to_string().contains("worker counts"), "{error}");
}

#[test]
fn depth_is_no_danger() {
    let deep = "[".repeat(1_000_000);
    assert!(read_bytes("file", deep.as_bytes(), &Options::default()).is_err());
}

#[test]
fn a_bomb_is_not_unpacked() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![b'1'; 1 << 20];
    for _ in 0..=(super::source::LARGEST >> 20) {
        packed.write_all(&zeros).expect("memory takes it");
    }
    let bytes = packed.finish().expect("memory takes it");
    let error = read_bytes("file.gz", &bytes, &Options::default()).expect_err("it is too much");
    assert!(error.to_string().contains("is larger than"), "{error}");
}

#[test]
fn names_of_formats_are_told_apart() {
    let names: std::collections::HashSet<&str> =
        Format::ALL.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), Format::ALL.len());
}
