//! The `nbody` kernel: the sun and the four outer planets, after the Computer Language Benchmarks
//! Game.

use std::hint::black_box;

use crate::{Work, mix};

/// Steps per unit of `scale`.
const PER_SCALE: u64 = 200;
/// Flops of one step: ten pairs of 25 (3 differences, 5 for the distance, 1 root, 2 for the
/// magnitude, 14 for both velocities) and five moves of 6.
const FLOPS: u64 = 280;
const STEP: f64 = 0.01;

pub(super) fn run(scale: u64, seed: u64, number: u64) -> Work {
    let steps = scale * PER_SCALE;
    let mut bodies = black_box(system());
    for _ in 0..steps {
        advance(&mut bodies);
    }
    let energy = energy(&bodies).to_bits();
    Work { units: steps * FLOPS, checksum: mix(seed ^ energy, number) }
}

#[derive(Debug, Clone, Copy)]
struct Body {
    position: [f64; 3],
    velocity: [f64; 3],
    mass: f64,
}

const SOLAR_MASS: f64 = 4.0 * std::f64::consts::PI * std::f64::consts::PI;
const DAYS_PER_YEAR: f64 = 365.24;

/// Positions in astronomical units, velocities per year. The sun moves such that the total momentum
/// is zero.
fn system() -> [Body; 5] {
    let body = |position, velocity: [f64; 3], mass: f64| Body {
        position,
        velocity: velocity.map(|v| v * DAYS_PER_YEAR),
        mass: mass * SOLAR_MASS,
    };
    let mut bodies = [
        body([0.0; 3], [0.0; 3], 1.0),
        body(
            [4.841_431_442_464_721, -1.160_320_044_027_428_4, -0.103_622_044_471_123_11],
            [0.001_660_076_642_744_037, 0.007_699_011_184_197_404, -0.000_069_046_001_697_206_3],
            0.000_954_791_938_424_326_6,
        ),
        body(
            [8.343_366_718_244_58, 4.124_798_564_124_305, -0.403_523_417_114_321],
            [-0.002_767_425_107_268_624, 0.004_998_528_012_349_172, 0.000_023_041_729_757_376_393],
            0.000_285_885_980_666_130_8,
        ),
        body(
            [12.894_369_562_139_131, -15.111_151_401_698_631, -0.223_307_578_892_655_73],
            [
                0.002_964_601_375_647_616,
                0.002_378_471_739_594_809_5,
                -0.000_029_658_956_854_023_756,
            ],
            0.000_043_662_440_433_515_63,
        ),
        body(
            [15.379_697_114_850_917, -25.919_314_609_987_964, 0.179_258_772_950_371_18],
            [0.002_680_677_724_903_893_2, 0.001_628_241_700_382_423, -0.000_095_159_225_451_971_59],
            0.000_051_513_890_204_661_145,
        ),
    ];
    for axis in 0..3 {
        let momentum: f64 = bodies.iter().map(|body| body.velocity[axis] * body.mass).sum();
        bodies[0].velocity[axis] = -momentum / SOLAR_MASS;
    }
    bodies
}

fn advance(bodies: &mut [Body; 5]) {
    for i in 0..5 {
        for j in i + 1..5 {
            let d: [f64; 3] =
                std::array::from_fn(|axis| bodies[i].position[axis] - bodies[j].position[axis]);
            let square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            let magnitude = STEP / (square * square.sqrt());
            let (pull_i, pull_j) = (bodies[j].mass * magnitude, bodies[i].mass * magnitude);
            for (axis, d) in d.iter().enumerate() {
                bodies[i].velocity[axis] -= d * pull_i;
                bodies[j].velocity[axis] += d * pull_j;
            }
        }
    }
    for body in bodies {
        for axis in 0..3 {
            body.position[axis] += STEP * body.velocity[axis];
        }
    }
}

fn energy(bodies: &[Body; 5]) -> f64 {
    let mut energy = 0.0;
    for (i, body) in bodies.iter().enumerate() {
        let speed2: f64 = body.velocity.iter().map(|v| v * v).sum();
        energy += 0.5 * body.mass * speed2;
        for other in &bodies[i + 1..] {
            let axes = body.position.iter().zip(&other.position);
            let distance2: f64 = axes.map(|(a, b)| (a - b) * (a - b)).sum();
            energy -= body.mass * other.mass / distance2.sqrt();
        }
    }
    energy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_are_the_published_ones() {
        let mut bodies = system();
        assert_eq!(format!("{:.9}", energy(&bodies)), "-0.169075164");
        for _ in 0..1000 {
            advance(&mut bodies);
        }
        assert_eq!(format!("{:.9}", energy(&bodies)), "-0.169087605");
    }

    #[test]
    fn a_task_is_so_many_steps() {
        let work = run(5, 0, 3);
        let mut bodies = system();
        for _ in 0..1000 {
            advance(&mut bodies);
        }
        assert_eq!(work.units, 280_000);
        assert_eq!(work.checksum, mix(energy(&bodies).to_bits(), 3));
    }
}
