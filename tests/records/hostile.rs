//! Tests of records with right checksums and absurd figures: everything that is made of them is
//! sound.

use knee::analysis::analyse;
use knee::analysis::compare::{Contender, RUN_TO_RUN, Run, compare};
use knee::analysis::comparison::Comparison;
use knee::analysis::findings::Findings;
use knee::record::Record;
use knee::report::terminal::{self, Style};
use knee::report::{html, json, markdown};
use proptest::prelude::*;

use super::planted;

/// Figures that no run measures.
fn absurd() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(-1.0),
        Just(f64::MIN_POSITIVE),
        Just(5e-324),
        Just(1e-300),
        Just(1e300),
        Just(f64::MAX),
        Just(-f64::MAX),
        any::<f64>().prop_filter("JSON has no others", |value| value.is_finite()),
    ]
}

/// Extreme figures that are just accepted.
fn extreme() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![0.0, 5e-324, 1e-300, 1e-12, 1.0, 1e9, 3e9])
}

/// Puts absurd figures into some places of a record.
fn spoil(record: &mut Record, places: &[(prop::sample::Index, u8, f64, u64)]) {
    for (at, what, figure, count) in places {
        let entries = record.header.plan.entries.len();
        let index = at.index(record.samples.len());
        let sample = &mut record.samples[index];
        match what % 12 {
            0 => sample.throughput = *figure,
            1 => sample.at = *figure,
            2 => sample.rates = vec![*figure; (*count % 5) as usize],
            3 => sample.latency = vec![(*count, *count), (u64::MAX, *count)],
            4 => sample.cell.workers = *count as usize,
            5 => sample.usage.user = *figure,
            6 => sample.usage.span = *figure,
            7 => (sample.tasks, sample.units) = (*count, count.rotate_left(1)),
            8 => sample.block = *count as u32,
            9 => sample.launch = Some(*figure),
            10 => sample.cell.entry = *count as usize % entries,
            _ => record.surveys[0].task = *figure,
        }
    }
}

/// Makes every report of a record; `None` where the record is refused with the line and the field.
fn everything(record: &Record) -> Option<()> {
    let directory = tempfile::tempdir().expect("a directory");
    if let Err(error) = planted::try_write(record, directory.path()) {
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
        return None;
    }
    let record = match knee::record::read(directory.path()) {
        Ok(record) => record,
        Err(error) => {
            assert!(error.to_string().contains(" is damaged: "), "{error}");
            return None;
        }
    };
    let findings = analyse(&record);
    let text = json::findings(&findings).expect("findings are plain data");
    let again: Result<Findings, _> = serde_json::from_str(&text);
    assert!(again.is_ok(), "a figure that is no number: {again:?} in {text}");
    assert!(html::page(&findings, &[]).contains("</html>"));
    assert!(markdown::summary(&findings).starts_with("# "));
    let style = Style { width: Some(80), color: false, unicode: true };
    terminal::write(&mut Vec::new(), &findings, &style).expect("memory can be written");

    let other = planted::record("other", 2, 4, 1.0, 0.01);
    let sides = [("A", record, findings), ("B", other.clone(), analyse(&other))];
    let sides = sides.map(|(name, record, findings)| Contender {
        name: name.into(),
        runs: vec![Run { record, findings }],
        price: Some(1e-4),
    });
    if let Ok(comparison) = compare(&sides, RUN_TO_RUN) {
        let text = json::comparison(&comparison).expect("comparisons are plain data");
        let again: Result<Comparison, _> = serde_json::from_str(&text);
        assert!(again.is_ok(), "a figure that is no number: {again:?} in {text}");
        assert!(html::comparison(&comparison).contains("</html>"));
    }
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn absurd_figures_are_refused_or_do_no_harm(
        places in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), absurd(), any::<u64>()),
            1..4,
        ),
    ) {
        let mut record = planted::record("run", 1, 4, 1.0, 0.01);
        spoil(&mut record, &places);
        let _ = everything(&record);
    }

    #[test]
    fn extreme_figures_and_hostile_names_do_no_harm(
        places in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), extreme(), 1_u64..=4096),
            1..20,
        ),
        name in "\\PC{0,30}",
    ) {
        let mut record = planted::record("run", 1, 4, 1.0, 0.01);
        record.header.name.clone_from(&name);
        record.header.plan.entries[0].label.push_str(&name);
        // Rates of more workers than there are, and less than a unit in a century, would be
        // refused.
        spoil(&mut record, &places);
        for sample in &mut record.samples {
            sample.rates.truncate(sample.cell.workers);
            if sample.throughput < 1e-9 {
                sample.throughput = 0.0;
            }
        }
        prop_assert!(everything(&record).is_some());
    }
}
