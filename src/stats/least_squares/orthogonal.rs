//! Linear least squares through orthogonal columns, which keep their digits even if the given
//! columns nearly depend on each other.

/// Least squares of `columns` against `right` by modified Gram and Schmidt.
pub(super) fn solve(columns: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let (units, upper) = orthogonalise(columns)?;
    let mut solution: Vec<f64> = Vec::with_capacity(units.len());
    for unit in &units {
        let part = dot(unit, &right);
        for (r, u) in right.iter_mut().zip(unit) {
            *r -= part * u;
        }
        solution.push(part);
    }
    for i in (0..solution.len()).rev() {
        let known: f64 = (i + 1..solution.len()).map(|j| upper[i][j] * solution[j]).sum();
        solution[i] = (solution[i] - known) / upper[i][i];
    }
    Some(solution)
}

pub(super) type Matrix = Vec<Vec<f64>>;

/// Orthogonal columns of length one, and the upper triangle that turns them into the given columns.
/// `None` if a column depends on the others.
pub(super) fn orthogonalise(mut columns: Matrix) -> Option<(Matrix, Matrix)> {
    let n = columns.len();
    let mut upper = vec![vec![0.0; n]; n];
    for i in 0..n {
        let length = dot(&columns[i], &columns[i]).sqrt();
        // The columns had length one at first: what remains of a dependent column is rounding
        // error.
        if length.partial_cmp(&1e-12) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        upper[i][i] = length;
        let (done, rest) = columns.split_at_mut(i + 1);
        for value in &mut done[i] {
            *value /= length;
        }
        for (j, column) in rest.iter_mut().enumerate() {
            let part = dot(&done[i], column);
            upper[i][i + 1 + j] = part;
            for (value, unit) in column.iter_mut().zip(&done[i]) {
                *value -= part * unit;
            }
        }
    }
    Some((columns, upper))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The inverse of an upper triangular matrix.
pub(super) fn invert(upper: &[Vec<f64>]) -> Matrix {
    let n = upper.len();
    let mut inverse = vec![vec![0.0; n]; n];
    for j in 0..n {
        inverse[j][j] = 1.0 / upper[j][j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| upper[i][k] * inverse[k][j]).sum();
            inverse[i][j] = -sum / upper[i][i];
        }
    }
    inverse
}
