//! Tests that a record is read back as it was written, or refused with the reason. Nothing in
//! between, and never a panic.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use knee::record::{FILE_NAME, ReadError, Record, SCHEMA_VERSION, read, read_from};
use proptest::prelude::*;
use tempfile::tempdir;

use super::planted;

fn written() -> (Record, Vec<u8>) {
    let record = planted::record("run", 1, 3, 1.0, 0.01);
    let directory = tempdir().expect("a directory");
    planted::write(&record, directory.path());
    let bytes = fs::read(directory.path().join(FILE_NAME)).expect("it was written");
    (record, bytes)
}

fn parse(bytes: &[u8]) -> Result<Record, ReadError> {
    read_from(bytes, Path::new("record.jsonl"))
}

/// Whether the lines of `part` are the first lines of `whole`, in the same order.
fn is_beginning(part: &Record, whole: &Record) -> bool {
    let (part, whole) = (planted::lines(part), planted::lines(whole));
    part.len() <= whole.len() && part.iter().zip(&whole).all(|(a, b)| a == b)
}

#[test]
fn what_was_written_is_read() {
    let (record, bytes) = written();
    assert_eq!(parse(&bytes).expect("it is whole"), record);
}

#[test]
fn a_power_cut_at_any_byte_leaves_the_lines_before_it() {
    let (record, bytes) = written();
    let header = bytes.iter().position(|&byte| byte == b'\n').expect("a header") + 1;
    for length in (0..bytes.len()).step_by(7) {
        match parse(&bytes[..length]) {
            Ok(part) => assert!(length >= header - 1 && is_beginning(&part, &record), "{length}"),
            Err(error) => assert!(length < header, "{length}: {error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// One changed byte anywhere is found by the line's checksum.
    #[test]
    fn a_changed_byte_is_found(at in any::<prop::sample::Index>(), change in 1_u8..=255) {
        let (record, mut bytes) = written();
        let index = at.index(bytes.len());
        bytes[index] ^= change;
        match parse(&bytes) {
            // An interruption leaves a last line that is cut off.
            Ok(read) => {
                prop_assert!(is_beginning(&read, &record) && index + 200 > bytes.len() - 200);
            }
            Err(error) => prop_assert!(error.to_string().starts_with("record.jsonl: ")),
        }
    }

    #[test]
    fn lines_in_another_order_twice_or_missing_are_read_or_refused(
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
    ) {
        let (_, bytes) = written();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        let mixed = order.iter().flat_map(|at| lines[at.index(lines.len())]);
        let mixed: Vec<u8> = mixed.copied().collect();
        if let Ok(record) = parse(&mixed) {
            let entries = record.header.plan.entries.len();
            prop_assert!(record.samples.iter().all(|sample| sample.cell.entry < entries));
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse(&bytes).is_err());
    }
}

/// Gives the first line another version and the right checksum.
fn with_version(bytes: &[u8], version: u32) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).expect("a record is text");
    let (header, rest) = text.split_once('\n').expect("a header");
    let old = format!("\"schema_version\":{SCHEMA_VERSION}");
    let new = format!("\"schema_version\":{version},\"unheard_of\":[1,2]");
    let header = header.replacen(&old, &new, 1);
    let content = &header[..header.rfind(",\"crc\":\"").expect("a checksum")];
    format!("{content},\"crc\":\"{:08x}\"}}\n{rest}", crc32fast::hash(content.as_bytes()))
        .into_bytes()
}

#[test]
fn a_newer_version_is_named_and_the_way_out_with_it() {
    let (_, bytes) = written();
    let error = parse(&with_version(&bytes, SCHEMA_VERSION + 1)).expect_err("it is newer");
    assert!(matches!(error, ReadError::Newer { version, .. } if version == SCHEMA_VERSION + 1));
    assert!(error.to_string().contains("update knee to read it"), "{error}");
    // Fields that a later knee has added in the same version do no harm.
    assert!(parse(&with_version(&bytes, SCHEMA_VERSION)).is_ok());
}

#[test]
fn what_is_no_record_is_named_as_what_it_is() {
    let directory = tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let refused = |name: &str| read(&path(name)).expect_err(name).to_string();

    fs::write(path("empty"), "").expect("there is room");
    assert!(refused("empty").contains("it is empty"));
    fs::write(path("text"), "hello\n").expect("there is room");
    assert!(refused("text").contains("not a record of knee"));
    fs::write(path("json"), "{\"workers\": 1}\n").expect("there is room");
    assert!(refused("json").contains("not a record of knee"));
    fs::write(path("deep"), "[".repeat(1 << 20)).expect("there is room");
    assert!(refused("deep").contains("not a record of knee"));
    fs::create_dir(path("folder")).expect("there is room");
    assert!(refused("folder").contains("No such file"));
    assert!(refused("missing").contains("No such file"));

    symlink(path("round"), path("round")).expect("a loop can be made");
    assert!(refused("round").contains("symbolic link"), "{}", refused("round"));
    let fifo = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), fifo).expect("a pipe can be made");
    assert!(refused("fifo").contains("not a regular file"), "it must not wait for a writer");
    symlink("/dev/zero", path("endless")).expect("a link can be made");
    assert!(refused("endless").contains("not a regular file"));
    File::create(path("huge")).and_then(|file| file.set_len(1 << 40)).expect("holes cost nothing");
    assert!(refused("huge").contains("a record has at most"), "{}", refused("huge"));
}

/// The fuzzer starts from these files, so they must remain valid records.
#[test]
fn the_seeds_of_the_fuzzer_are_records() {
    for target in ["record", "figures"] {
        let seed =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target).join("pi.jsonl");
        let record = read(&seed).expect("it is a record");
        assert!(record.samples.len() > 5 && record.end.is_some(), "{target}");
    }
}
