//! `pi`: decimal digits of pi on big integers, which measures a core and its own caches.

use std::hint::black_box;

use dashu_int::ops::SquareRoot;
use dashu_int::{IBig, UBig};

use crate::support::fnv1a;
use crate::{Context, Error, Form, Kind, Meta, Param, Result, Task, Unit, Work, Workload, mix};

/// The decimal digits of pi by the Chudnovsky series with binary splitting.
///
/// Each task computes all `digits` again. At the default of 10 000 the numbers fit the second-level
/// cache, and the task measures a core. At a million they do not, and it measures the memory as
/// well. So figures of different `digits` must not be compared.
///
/// Source: Chudnovsky, Chudnovsky, "Approximations and complex multiplication according to
/// Ramanujan", 1988; splitting after Haible, Papanikolaou, "Fast multiprecision evaluation of
/// series of rational numbers", 1998.
#[derive(Debug)]
pub struct Pi;

const META: Meta = Meta {
    name: "pi",
    summary: "decimal digits of pi (Chudnovsky, binary splitting, big integers)",
    kind: Kind::Cpu,
    unit: Unit { one: "digit", many: "digits" },
    params: &[Param {
        name: "digits",
        help: "decimal digits after the point that each task computes",
        form: Form::Count { min: 1, max: 10_000_000 },
        default: "10000",
        small: "1000",
    }],
    equivalent: None,
};

impl Workload for Pi {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn shorter(&self) -> &'static [(&'static str, &'static str)] {
        &[("digits", "1"), ("digits", "50"), ("digits", "1000")]
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let digits = context.params.count("digits");
        Ok(Box::new(Digits { digits, seed: context.seed }))
    }
}

struct Digits {
    digits: u64,
    seed: u64,
}

impl Task for Digits {
    fn run(&mut self, number: u64) -> Result<Work> {
        // Without the black box the compiler could compute a known number of digits once, outside
        // the timed region.
        let text = digits_of_pi(black_box(self.digits));
        let hash = fnv1a(text.as_bytes());
        check(self.digits, &text, hash)?;
        Ok(Work { units: self.digits, checksum: mix(self.seed ^ hash, number) })
    }
}

/// The FNV-1a hash of `3141..` with so many digits after the three. GMP, MPFR and mpmath give the
/// same digits.
const KNOWN: [(u64, u64); 3] = [
    (10_000, 0x222B_1C2D_01B8_549E),
    (100_000, 0x9C39_B891_C049_F50F),
    (1_000_000, 0x6E3B_88B8_3723_18F8),
];

/// Checks all digits where their hash is known, and the first digits always.
fn check(digits: u64, text: &str, hash: u64) -> Result<()> {
    const FIRST: &str = "314159265358979323846264338327950288419716939937510";
    let known = KNOWN.iter().find(|(size, _)| *size == digits);
    let common = FIRST.len().min(digits as usize + 1);
    if known.is_some_and(|(_, expected)| *expected != hash) || text[..common] != FIRST[..common] {
        return Err(Error::wrong(format!("{digits} digits of pi hash to {hash:016x}")));
    }
    Ok(())
}

/// The digits of pi without the point, truncated: `31415..`, one more than `digits`.
fn digits_of_pi(digits: u64) -> String {
    /// Decimal digits that one term of the series adds: log10(640320^3 / 24 / 72).
    const DIGITS_PER_TERM: f64 = 14.181_647_462_725_477;
    /// Extra digits: more than the errors of the last term and of the square root together.
    const GUARD: usize = 20;

    let scale = UBig::from(10_u8).pow(digits as usize + GUARD);
    let terms = ((digits as f64 + GUARD as f64) / DIGITS_PER_TERM) as u64 + 2;
    let sum = split(0, terms, false);
    let root = (UBig::from(10_005_u32) * &scale * &scale).sqrt();
    let pi = sum.q * IBig::from(426_880) * IBig::from(root) / sum.t;
    let mut text = pi.to_string();
    text.truncate(digits as usize + 1);
    text
}

/// The terms `from..to` of the series. `t / q` is their sum, and `p / q` is the factor of the terms
/// that follow.
struct Split {
    p: IBig,
    q: IBig,
    t: IBig,
}

/// Splits the range in halves down to single terms. The last `p` of all is never read, so `needs_p`
/// says whether to compute it.
fn split(from: u64, to: u64, needs_p: bool) -> Split {
    if to - from == 1 {
        return term(i128::from(from));
    }
    let middle = from.midpoint(to);
    let left = split(from, middle, true);
    let right = split(middle, to, needs_p);
    let t = left.t * &right.q + &left.p * right.t;
    let p = if needs_p { left.p * right.p } else { IBig::ZERO };
    Split { p, q: left.q * right.q, t }
}

/// One term of the series. 128 bits hold every factor up to a hundred million digits.
fn term(k: i128) -> Split {
    if k == 0 {
        return Split { p: IBig::ONE, q: IBig::ONE, t: IBig::from(13_591_409) };
    }
    let p = -(6 * k - 5) * (2 * k - 1) * (6 * k - 1);
    let q = 10_939_058_860_032_000 * k * k * k; // 640320^3 / 24.
    Split { p: p.into(), q: q.into(), t: (p * (13_591_409 + 545_140_134 * k)).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_agree_with_the_published_ones() {
        assert_eq!(digits_of_pi(1), "31");
        assert_eq!(&digits_of_pi(1000)[991..], "2164201989"); // The thousandth digit is the last 9.
        for ((digits, hash), last) in KNOWN.into_iter().zip(["56375678", "93624646", "79458151"]) {
            let text = digits_of_pi(digits);
            assert_eq!(text.len() as u64, digits + 1);
            assert!(text.ends_with(last), "{digits} digits end in {}", &text[text.len() - 8..]);
            assert_eq!(fnv1a(text.as_bytes()), hash);
        }
    }

    #[test]
    fn shorter_is_a_prefix_of_longer() {
        let long = digits_of_pi(3000);
        for digits in [2, 13, 14, 15, 50, 761, 762, 768, 2999] {
            assert_eq!(digits_of_pi(digits), long[..=digits as usize]);
        }
    }

    #[test]
    fn a_wrong_digit_is_told() {
        let text = digits_of_pi(10_000);
        let mut broken = text.into_bytes();
        broken[7777] ^= 1;
        let broken = String::from_utf8(broken).unwrap();
        let error = check(10_000, &broken, fnv1a(broken.as_bytes())).unwrap_err();
        assert!(error.to_string().starts_with("wrong result"), "{error}");
    }
}
