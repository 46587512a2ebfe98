//! Any bytes as a file measured elsewhere: it is read or refused, never a panic, and every curve
//! can be analysed.

#![no_main]

use knee::import::{Options, read_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(series) = read_bytes("fuzz", bytes, &Options::default()) else { return };
    assert!(!series.is_empty());
    for one in series.iter().flat_map(|one| &one.observations) {
        let is_sound = |figure: &f64| figure.is_finite() && *figure > 0.0;
        assert!([one.workers, one.throughput].iter().all(is_sound));
    }
});
