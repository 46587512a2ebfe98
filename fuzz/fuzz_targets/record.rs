//! Any bytes: a record is read or refused, never a panic.

#![no_main]

use std::path::Path;

use knee::record::read_from;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = read_from(bytes, Path::new("fuzz")) {
        let entries = record.header.plan.entries.len();
        assert!(record.samples.iter().all(|sample| sample.cell.entry < entries));
    }
});
