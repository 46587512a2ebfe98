//! The texts that people read; and no figure makes the code panic.

use proptest::prelude::*;

use super::*;

fn every_quantity() -> Vec<Quantity> {
    let rates = ["digits", "bytes", "flops", "", "żółć\u{202e}"].map(Quantity::rate);
    let mut all = vec![
        Quantity::Number,
        Quantity::Duration,
        Quantity::Bytes,
        Quantity::Memory,
        Quantity::Ratio,
        Quantity::Share,
        Quantity::Count,
    ];
    all.extend(rates);
    all
}

#[test]
fn durations_read_from_nanoseconds_to_hours() {
    for (seconds, text) in [
        (0.0, "0 s"),
        (3.12e-7, "312 ns"),
        (1.2e-10, "0.120 ns"),
        (1.24e-6, "1.24 µs"),
        (0.0035, "3.50 ms"),
        (0.999_7, "1.00 s"),
        (58.34, "58.3 s"),
        (125.0, "125 s"),
        (200.0, "3 min 20 s"),
        (3600.0, "1 h"),
        (3780.0, "1 h 3 min"),
        (f64::NAN, ABSENT),
        (f64::NEG_INFINITY, ABSENT),
    ] {
        assert_eq!(Quantity::Duration.text(seconds), text, "{seconds}");
    }
}

#[test]
fn rates_take_a_prefix_and_name_their_unit() {
    let digits = Quantity::rate("digits");
    assert_eq!(digits.text(12_345_678.0), "12.3 M digits/s");
    assert_eq!(digits.text(999.96), "1.00 k digits/s");
    assert_eq!(digits.text(0.25), "0.250 digits/s");
    assert_eq!(digits.text(0.0), "0 digits/s");
    assert_eq!(Quantity::rate("bytes").text(9.81e9), "9.81 GB/s");
    assert_eq!(Quantity::rate("flops").text(4.12e10), "41.2 Gflop/s");
}

#[test]
fn bytes_say_whether_they_count_by_ten_or_by_two() {
    assert_eq!(Quantity::Bytes.text(4.2e9), "4.20 GB");
    assert_eq!(Quantity::Memory.text(4.2e9), "3.91 GiB");
    assert_eq!(Quantity::Memory.text(512.0), "512 B");
}

#[test]
fn ratios_and_shares_have_the_digits_of_talk() {
    for (value, text) in [(1.92, "1.9x"), (0.966, "0.97x"), (498.3, "498x"), (9.96, "10x")] {
        assert_eq!(Quantity::Ratio.text(value), text);
    }
    let shares = [
        (0.0, "0 %"),
        (0.004, "0.4 %"),
        (0.03, "3 %"),
        (0.2, "20 %"),
        (0.032, "3.2 %"),
        (0.98, "98 %"),
        (0.000_01, "< 0.01 %"),
        (1.0, "100 %"),
        (f64::MAX, ABSENT),
    ];
    for (value, text) in shares {
        assert_eq!(Quantity::Share.text(value), text);
    }
}

#[test]
fn an_interval_has_the_digits_its_width_supports() {
    assert_eq!(Quantity::Ratio.interval(1.92, 1.88, 1.95), "1.92x [1.88, 1.95]");
    assert_eq!(Quantity::Ratio.interval(1.92, 1.2, 2.6), "1.9x [1.2, 2.6]");
    let rate = Quantity::rate("digits");
    assert_eq!(rate.interval(12.3e6, 12.1e6, 12.6e6), "12.3 [12.1, 12.6] M digits/s");
    assert_eq!(rate.interval(12.3e6, 12.3e6, 12.3e6), "12.3 M digits/s");
    assert_eq!(Quantity::Ratio.interval(1.9, f64::NAN, 2.0), "1.90x [–, 2.00]");
    assert_eq!(Quantity::Share.interval(f64::NAN, 0.0, 1.0), ABSENT);
}

#[test]
fn counts_and_lists_of_counts() {
    assert_eq!(workers(1.0), "1 worker");
    assert_eq!(workers(2.5), "2.5 workers");
    assert_eq!(plural(1, "round", "rounds"), "1 round");
    assert_eq!(plural(0, "round", "rounds"), "0 rounds");
    assert_eq!(count_list(&[1.0, 4.0, 5.0, 6.0, 12.0]), "1, 4-6, 12");
    assert_eq!(count_list(&[1.0, 2.0]), "1, 2");
    assert_eq!(count_list(&[]), ABSENT);
    let measured = [1.0, 2.0, 4.0, 8.0, 16.0];
    assert_eq!(count_set(&[2.0, 4.0, 8.0], &measured), "2-8");
    assert_eq!(count_set(&[1.0, 4.0, 8.0], &measured), "1, 4, 8");
    assert_eq!(count_set(&[], &measured), ABSENT);
    assert_eq!(coefficient(0.027_728_5), "0.02773");
    assert_eq!(coefficient(1.043_65e-4), "1.044e-4");
    assert_eq!(coefficient(1.2e-4), "1.2e-4");
    assert_eq!(coefficient(0.0), "0");
    assert_eq!(coefficient(89.9952), "90");
}

#[test]
fn a_rounded_zero_has_no_sign() {
    assert_eq!(Quantity::Number.scale(1.0).bare(-0.01, 1), "0.0");
    assert_eq!(Quantity::Count.text(-0.001), "0");
}

proptest! {
    #[test]
    fn no_figure_panics_and_none_prints_nan_or_inf(
        bits in any::<u64>(), low in any::<u64>(), high in any::<u64>(), decimals in 0..12usize
    ) {
        let [value, low, high] = [bits, low, high].map(f64::from_bits);
        for quantity in every_quantity() {
            for text in [
                quantity.text(value),
                quantity.interval(value, low, high),
                quantity.scale(value).text(low, decimals),
                coefficient(value),
                workers(value),
                count_list(&[low, value, high]),
                count_set(&[low, value, high], &[value, 2.0]),
            ] {
                prop_assert!(!text.is_empty());
                prop_assert!(text.len() < 120, "{text}");
                prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }

    #[test]
    fn what_is_printed_is_the_figure_to_three_digits(value in 1e-9f64..1e20) {
        let text = Quantity::rate("tasks").text(value);
        let mut words = text.split(' ');
        let figure: f64 = words.next().unwrap().parse().unwrap();
        let factor = match words.next().unwrap() {
            "E" => 1e18, "P" => 1e15, "T" => 1e12, "G" => 1e9, "M" => 1e6, "k" => 1e3, _ => 1.0,
        };
        prop_assert!((figure * factor / value - 1.0).abs() < 0.006, "{value} became {text}");
    }
}
