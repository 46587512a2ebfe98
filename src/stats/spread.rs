//! The standard errors of the columns of a table.
//!
//! Many measurements that scatter little make the error of a column small. Blocks that it shares
//! with other columns do so too: two columns that never met are compared through others, and each
//! step adds its own noise. So the errors of all differences are
//! computed, as for unbalanced tables in general (Searle, Linear Models, 1971, ch. 5). Then each
//! column gets the error that explains its differences best: a quasi-variance (Firth and de
//! Menezes, Biometrika 91, 2004).

use super::median::mad_scale;
use super::moderate::{Variance, moderate};
use super::polish::{Cell, Polish};

/// A spread from median deviations is as well known as one from squares of this share of the values
/// (Huber, Robust Statistics, 1981, ch. 5).
const EFFICIENCY: f64 = 0.37;
/// The part of a block's own level that a comparison within the block removes. The rest keeps
/// columns comparable that are not linked by any block, though only roughly.
const REMOVED: f64 = 0.99;

/// The standard error of each column. Two columns differ by the root of the sum of the squares of
/// their errors. It is infinite for a column without cells.
pub fn errors(cells: &[Cell], table: &Polish) -> Vec<f64> {
    let variances = variances(cells, table);
    let used: Vec<usize> = (0..table.columns.len()).filter(|&at| table.counts[at] > 0).collect();
    let of_means = |at: usize| variances[at] / table.counts[at] as f64;
    let mut errors = vec![f64::INFINITY; table.columns.len()];
    for (&at, spread) in used.iter().zip(quasi(&differences(cells, table, &used, &variances))) {
        errors[at] = spread.max(of_means(at)).sqrt();
    }
    errors
}

/// The variance of one measurement in each column. Columns may differ: processes may be noisier
/// than threads, and many workers noisier than one. So columns borrow from each other only as far
/// as they agree.
fn variances(cells: &[Cell], table: &Polish) -> Vec<f64> {
    // A cell that is alone in its block shows no noise.
    let telling = table.residuals.iter().filter(|rest| rest.is_finite()).count();
    let part = table.df / telling.max(1) as f64;
    let own: Vec<Variance> = (0..table.columns.len())
        .map(|column| {
            let rest = cells.iter().zip(&table.residuals).filter(|(one, _)| one.column == column);
            let rest: Vec<f64> = rest.map(|(_, rest)| *rest).filter(|r| r.is_finite()).collect();
            // A column goes through its only value, so it shows no noise.
            let free = if rest.len() < 2 { 0.0 } else { EFFICIENCY * rest.len() as f64 };
            // The fit of levels and blocks has made the residuals smaller than the noise.
            let value = mad_scale(&rest, 0.0).powi(2) / part;
            Variance { value, df: part * free }
        })
        .collect();
    moderate(&own).into_iter().map(|one| one.value).collect()
}

/// A square matrix, by rows.
type Matrix = Vec<Vec<f64>>;

/// The variance of the difference of each two used columns.
///
/// Removing (most of) the level of each block leaves X'MX c = X'My for the columns c. So their
/// covariance is (X'MX)^-1 X'MDMX (X'MX)^-1, where D is the covariance of the cells.
fn differences(cells: &[Cell], table: &Polish, used: &[usize], variances: &[f64]) -> Matrix {
    let size = used.len();
    let wander = variance(&table.blocks);
    let mut blocks = vec![vec![0.0; size]; table.blocks.len()];
    for cell in cells {
        if let Ok(place) = used.binary_search(&cell.column) {
            blocks[cell.block][place] += 1.0;
        }
    }
    let (mut normal, mut noise) = (vec![vec![0.0; size]; size], vec![vec![0.0; size]; size]);
    for held in &blocks {
        let all: f64 = held.iter().sum();
        if all < 1.0 {
            continue;
        }
        let spread = |at: usize| variances[used[at]];
        let sum: f64 = (0..size).map(|at| held[at] * spread(at)).sum();
        let (mean, left) = (REMOVED / all, (1.0 - REMOVED).powi(2) * wander);
        for i in (0..size).filter(|&i| held[i] > 0.0) {
            normal[i][i] += held[i];
            noise[i][i] += held[i] * spread(i);
            for j in (0..size).filter(|&j| held[j] > 0.0) {
                let both = held[i] * held[j];
                normal[i][j] -= mean * both;
                noise[i][j] += both * (mean * (mean * sum - spread(i) - spread(j)) + left);
            }
        }
    }
    let inverse = invert(normal);
    let covariance = product(&product(&inverse, &noise), &inverse);
    let of = |i: usize, j: usize| covariance[i][i] + covariance[j][j] - 2.0 * covariance[i][j];
    (0..size).map(|i| (0..size).map(|j| of(i, j)).collect()).collect()
}

/// The variances of single columns whose sums come closest to the variances of the differences, by
/// least squares.
fn quasi(differences: &Matrix) -> Vec<f64> {
    let size = differences.len() as f64;
    let rows: Vec<f64> = differences.iter().map(|row| row.iter().sum()).collect();
    if differences.len() < 3 {
        return rows.iter().map(|row| row / 2.0).collect();
    }
    let all = rows.iter().sum::<f64>() / 2.0 / (size - 1.0);
    rows.iter().map(|row| (row - all) / (size - 2.0)).collect()
}

fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)
}

/// The inverse of a symmetric, positive definite matrix, by elimination in place.
fn invert(mut matrix: Matrix) -> Matrix {
    for pivot in 0..matrix.len() {
        let by = matrix[pivot][pivot].recip();
        matrix[pivot][pivot] = 1.0;
        for value in &mut matrix[pivot] {
            *value *= by;
        }
        let row = matrix[pivot].clone();
        for (_, other) in matrix.iter_mut().enumerate().filter(|(at, _)| *at != pivot) {
            let factor = std::mem::take(&mut other[pivot]);
            for (value, own) in other.iter_mut().zip(&row) {
                *value -= factor * own;
            }
        }
    }
    matrix
}

fn product(one: &Matrix, other: &Matrix) -> Matrix {
    let entry = |row: &Vec<f64>, j: usize| row.iter().zip(other).map(|(a, b)| a * b[j]).sum();
    one.iter().map(|row| (0..other.len()).map(|j| entry(row, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::polish::polish;
    use super::*;
    use crate::rng::Rng;

    /// A table whose block `b` holds the columns `blocks[b]`. Column c has the noise `noise[c]`.
    fn table(blocks: &[&[usize]], noise: &[f64], wander: f64, rng: &mut Rng) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (block, columns) in blocks.iter().enumerate() {
            let spell = wander * rng.normal();
            for &column in *columns {
                cells.push(Cell { block, column, value: spell + noise[column] * rng.normal() });
            }
        }
        cells
    }

    /// For each pair of equal columns: the true variance of their difference, over the mean
    /// variance that the errors promise.
    fn calibration<const PAIRS: usize>(
        blocks: &[&[usize]],
        noise: &[f64],
        pairs: [(usize, usize); PAIRS],
    ) -> [f64; PAIRS] {
        const RUNS: usize = 2000;
        let mut rng = Rng::new(21);
        let (mut real, mut said) = ([0.0; PAIRS], [0.0; PAIRS]);
        for _ in 0..RUNS {
            let cells = table(blocks, noise, 0.3, &mut rng);
            let polished = polish(&cells);
            let errors = errors(&cells, &polished);
            for (at, (i, j)) in pairs.into_iter().enumerate() {
                real[at] += (polished.columns[i] - polished.columns[j]).powi(2);
                said[at] += errors[i].powi(2) + errors[j].powi(2);
            }
        }
        std::array::from_fn(|at| real[at] / said[at])
    }

    #[test]
    fn errors_are_real_in_full_tables_and_in_sparse_ones() {
        let full: [&[usize]; 8] = [&[0, 1, 2, 3]; 8];
        let even = [0.05; 11];
        let [held] = calibration(&full, &even, [(0, 1)]);
        assert!((0.8..1.35).contains(&held), "full: {held}");
        // A search that goes on to larger counts: each block shares one or two with the last.
        let search: [&[usize]; 8] = [
            &[0, 1, 2, 3, 4, 5],
            &[3, 4, 5],
            &[5, 6, 7],
            &[5, 6, 7],
            &[7, 8, 9],
            &[8, 10],
            &[8, 10],
            &[8, 9, 10],
        ];
        // One error per column cannot describe a chain exactly: neighbours in it are known better
        // than it says. It must not promise too much.
        let held = calibration(&search, &even, [(3, 5), (8, 9), (5, 10), (0, 9)]);
        assert!(held.iter().all(|held| (0.1..1.5).contains(held)), "{held:?}");
    }

    #[test]
    fn a_noisy_column_has_its_own_error() {
        let full: [&[usize]; 12] = [&[0, 1, 2, 3, 4, 5]; 12];
        let noise = [0.01, 0.01, 0.01, 0.01, 0.15, 0.15];
        let held = calibration(&full, &noise, [(0, 1), (4, 5), (0, 4)]);
        assert!(held.iter().all(|held| (0.1..1.8).contains(held)), "{held:?}");
        let cells = table(&full, &noise, 0.3, &mut Rng::new(2));
        let errors = errors(&cells, &polish(&cells));
        assert!(errors[4] > 2.0 * errors[0] && errors[5] > 2.0 * errors[1], "{errors:?}");
    }

    #[test]
    fn columns_that_share_no_block_are_compared_roughly() {
        let apart: [&[usize]; 8] =
            [&[0, 1], &[0, 1], &[0, 1], &[0, 1], &[2, 3], &[2, 3], &[2, 3], &[2, 3]];
        let [held] = calibration(&apart, &[0.02; 4], [(0, 2)]);
        assert!((0.2..2.0).contains(&held), "{held}");
        assert!(errors(&[], &polish(&[])).is_empty());
    }
}
