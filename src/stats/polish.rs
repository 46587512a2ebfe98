//! Separates columns and blocks of a table: the levels of the columns without the drift of the
//! blocks.
//!
//! value = column + block + noise. Tukey's median polish gives the start, and Huber's M-estimate
//! improves it. That keeps the resistance to outliers; on quiet machines it also wins back most of
//! the third of the information that a median loses. Cells may be missing. A cell that is alone in
//! its block fits exactly, so it says nothing about the noise or about other columns.
//!
//! Sources: Tukey, Exploratory Data Analysis (1977), ch. 11; Huber, Robust Statistics (1981),
//! ch. 7.

use std::collections::BTreeMap;

use super::median::{mad_scale, median, median_of};

/// One value of a table of columns and blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The block in which it was measured.
    pub block: usize,
    /// The column to which it belongs.
    pub column: usize,
    /// The value. Throughputs are given as logarithms, so that disturbances are shares.
    pub value: f64,
}

/// The separated table.
#[derive(Debug, Clone, PartialEq)]
pub struct Polish {
    /// The level of each column, at the median block; NaN for a column without cells.
    pub columns: Vec<f64>,
    /// How much each block lies above or below the median block; 0 for a block without cells.
    pub blocks: Vec<f64>,
    /// The residual of each cell, in the order given; NaN for a cell that is alone in its block.
    pub residuals: Vec<f64>,
    /// How many cells of each column share a block with other cells. If none does, all of its cells
    /// count.
    pub counts: Vec<usize>,
    /// The standard deviation of one cell. A column of k cells has the standard error scale /
    /// sqrt(k).
    pub scale: f64,
    /// Degrees of freedom behind the scale; 0 if nothing is repeated.
    pub df: f64,
}

/// Residuals beyond this many standard deviations count as if they were at this distance (95 %
/// efficiency on normal noise).
const CLIP: f64 = 1.345;
/// With fewer degrees of freedom it cannot be said which cell is the outlier, so every cell counts
/// in full.
const FEW: f64 = 4.0;

/// Separates the table.
pub fn polish(cells: &[Cell]) -> Polish {
    let mut table = Table::new(cells);
    for _ in 0..4 {
        table.sweep_medians();
    }
    for _ in 0..30 {
        let clip = table.clip();
        if table.sweep_clipped(clip) < 1e-7 {
            break;
        }
    }
    table.finish()
}

struct Table<'c> {
    cells: &'c [Cell],
    by_column: Vec<Vec<usize>>,
    by_block: Vec<Vec<usize>>,
    columns: Vec<f64>,
    blocks: Vec<f64>,
    df: f64,
}

impl<'c> Table<'c> {
    fn new(cells: &'c [Cell]) -> Self {
        let width = cells.iter().map(|c| c.column + 1).max().unwrap_or(0);
        let height = cells.iter().map(|c| c.block + 1).max().unwrap_or(0);
        let (mut by_column, mut by_block) = (vec![Vec::new(); width], vec![Vec::new(); height]);
        for (at, cell) in cells.iter().enumerate() {
            by_column[cell.column].push(at);
            by_block[cell.block].push(at);
        }
        let used = |groups: &[Vec<usize>]| groups.iter().filter(|g| !g.is_empty()).count() as f64;
        let df = cells.len() as f64 - used(&by_column) - used(&by_block) + 1.0;
        let columns = by_column
            .iter()
            .map(|group| median_of(&mut values(cells, group)).unwrap_or(f64::NAN))
            .collect();
        let blocks = vec![0.0; height];
        Self { cells, by_column, by_block, columns, blocks, df: df.max(0.0) }
    }

    fn residual(&self, cell: &Cell) -> f64 {
        cell.value - self.columns[cell.column] - self.blocks[cell.block]
    }

    fn is_alone(&self, cell: &Cell) -> bool {
        self.by_block[cell.block].len() == 1
    }

    /// The residuals of all cells that share a block.
    fn telling(&self) -> Vec<f64> {
        let shared = self.cells.iter().filter(|cell| !self.is_alone(cell));
        shared.map(|cell| self.residual(cell)).collect()
    }

    fn residuals_of(&self, group: &[usize]) -> Vec<f64> {
        group.iter().map(|&at| self.residual(&self.cells[at])).collect()
    }

    /// One sweep of median polish: first blocks, then columns.
    fn sweep_medians(&mut self) {
        for b in 0..self.blocks.len() {
            self.blocks[b] += median_of(&mut self.residuals_of(&self.by_block[b])).unwrap_or(0.0);
        }
        self.centre();
        for c in 0..self.columns.len() {
            self.columns[c] += median_of(&mut self.residuals_of(&self.by_column[c])).unwrap_or(0.0);
        }
    }

    /// One sweep of means over clipped residuals. Returns the largest change.
    fn sweep_clipped(&mut self, clip: f64) -> f64 {
        let mut largest = 0.0_f64;
        for b in 0..self.blocks.len() {
            let change = self.clipped_mean(&self.by_block[b], clip);
            self.blocks[b] += change;
            largest = largest.max(change.abs());
        }
        for c in 0..self.columns.len() {
            let change = self.clipped_mean(&self.by_column[c], clip);
            self.columns[c] += change;
            largest = largest.max(change.abs());
        }
        largest
    }

    fn clipped_mean(&self, group: &[usize], clip: f64) -> f64 {
        let sum: f64 =
            group.iter().map(|&at| self.residual(&self.cells[at]).clamp(-clip, clip)).sum();
        sum / group.len().max(1) as f64
    }

    /// Shifts the blocks so that the median block is 0; the columns take up its level.
    fn centre(&mut self) {
        let used: Vec<f64> = (0..self.blocks.len())
            .filter(|&b| !self.by_block[b].is_empty())
            .map(|b| self.blocks[b])
            .collect();
        let level = median(&used).unwrap_or(0.0);
        for (block, group) in self.blocks.iter_mut().zip(&self.by_block) {
            if !group.is_empty() {
                *block -= level;
            }
        }
        for column in &mut self.columns {
            *column += level;
        }
    }

    /// The distance at which residuals are clipped.
    fn clip(&self) -> f64 {
        if self.df < FEW {
            return f64::INFINITY;
        }
        let residuals = self.telling();
        CLIP * mad_scale(&residuals, 0.0) * (residuals.len() as f64 / self.df).sqrt()
    }

    fn finish(mut self) -> Polish {
        self.centre();
        let scale = huber_scale(&self.telling(), self.clip(), self.df);
        let count = |group: &Vec<usize>| {
            let shared = group.iter().filter(|&&at| !self.is_alone(&self.cells[at])).count();
            if shared > 0 { shared } else { group.len() }
        };
        let told = |cell: &Cell| if self.is_alone(cell) { f64::NAN } else { self.residual(cell) };
        let residuals = self.cells.iter().map(told).collect();
        Polish {
            counts: self.by_column.iter().map(count).collect(),
            columns: self.columns,
            blocks: self.blocks,
            residuals,
            scale,
            df: self.df,
        }
    }
}

fn values(cells: &[Cell], group: &[usize]) -> Vec<f64> {
    group.iter().map(|&at| cells[at].value).collect()
}

/// The scale that belongs to means over clipped residuals, corrected for tables that have few cells
/// per coefficient.
///
/// Huber (1981), eq. 7.6.7: K sqrt(sum / df) / m, where m is the share that is not clipped and
/// K = 1 + (1 - df / cells) (1 - m) / m.
fn huber_scale(residuals: &[f64], clip: f64, df: f64) -> f64 {
    if df <= 0.0 {
        return 0.0;
    }
    let sum: f64 = residuals.iter().map(|r| r.clamp(-clip, clip).powi(2)).sum();
    let inside = residuals.iter().filter(|r| r.abs() <= clip).count().max(1) as f64;
    let cells = residuals.len() as f64;
    let share = inside / cells;
    let correction = 1.0 + (1.0 - df / cells) * (1.0 - share) / share;
    correction * (sum / df).sqrt() / share
}

/// Indices of the outliers: residuals further than five standard deviations (by the median) from
/// all residuals, and also from those of their own column.
///
/// `columns` gives the column of each residual. Residuals that are not known are no outliers.
///
/// A whole column may be noisier than the others; then none of its cells stands out. Columns and
/// blocks fitted from few cells shrink the residuals, so the scales are taken from the residuals
/// themselves.
pub fn outliers(columns: &[usize], residuals: &[f64]) -> Vec<usize> {
    const FAR: f64 = 5.0;
    let mut own: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let known = |residual: &f64| residual.is_finite();
    for (&column, &residual) in columns.iter().zip(residuals).filter(|(_, one)| known(one)) {
        own.entry(column).or_default().push(residual);
    }
    let all: Vec<f64> = residuals.iter().copied().filter(known).collect();
    let scale = mad_scale(&all, 0.0);
    // A scale close to zero comes from values that are equal by construction. A deviation of a
    // thousandth is then not an outlier.
    let limit = |own: &Vec<f64>| (FAR * scale.max(mad_scale(own, 0.0))).max(1e-3);
    let limits: BTreeMap<usize, f64> =
        own.iter().map(|(&column, own)| (column, limit(own))).collect();
    let is_far =
        |at: &usize| known(&residuals[*at]) && residuals[*at].abs() > limits[&columns[*at]];
    (0..residuals.len()).filter(is_far).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 1000;

    fn table(rows: usize, noise: &mut dyn FnMut(usize, usize) -> f64) -> Vec<Cell> {
        let mut cells = Vec::new();
        for block in 0..rows {
            for column in 0..6 {
                cells.push(Cell { block, column, value: column as f64 + noise(block, column) });
            }
        }
        cells
    }

    fn columns(cells: &[Cell]) -> Vec<usize> {
        cells.iter().map(|cell| cell.column).collect()
    }

    #[test]
    fn an_additive_table_comes_apart_exactly_even_with_a_wild_cell() {
        let cells = table(7, &mut |b, c| b as f64 * 0.1 - if (b, c) == (2, 3) { 9.0 } else { 0.0 });
        let out = polish(&cells);
        for (c, level) in out.columns.iter().enumerate() {
            assert!((level - out.columns[0] - c as f64).abs() < 1e-3, "{:?}", out.columns);
        }
        assert!((out.blocks[6] - out.blocks[0] - 0.6).abs() < 1e-3);
        assert_eq!(outliers(&columns(&cells), &out.residuals), [15]);
    }

    /// A column that is noisy as a whole has no outliers, whatever the other columns do. A column
    /// with a single stray value has one.
    #[test]
    fn a_noisy_column_is_no_heap_of_outliers() {
        let mut rng = Rng::new(4);
        let cells: Vec<Cell> = (0..36)
            .map(|at| {
                let (block, column) = (at / 6, at % 6);
                let noise = if column == 0 { 0.03 } else { 0.0003 };
                let stray = if (block, column) == (3, 4) { -0.2 } else { 0.0 };
                Cell { block, column, value: column as f64 + noise * rng.normal() + stray }
            })
            .collect();
        let found = outliers(&columns(&cells), &polish(&cells).residuals);
        assert!(found.contains(&22), "{found:?}");
        assert!(found.iter().filter(|&at| at % 6 == 0).count() <= 1, "{found:?}");
    }

    #[test]
    fn missing_cells_do_not_mix_the_drift_into_the_columns() {
        // Column 5 is measured only in the late, slow blocks.
        let mut cells = table(8, &mut |b, _| -0.2 * b as f64);
        cells.retain(|cell| cell.column != 5 || cell.block >= 5);
        let out = polish(&cells);
        assert!((out.columns[5] - out.columns[0] - 5.0).abs() < 1e-3, "{:?}", out.columns);
        assert_eq!(out.counts[5], 3);
    }

    /// The reported error must be the real one: differences of columns over their standard error
    /// have variance 1.
    #[test]
    fn the_scale_is_calibrated_under_drift_and_outliers() {
        for (rows, outlier) in [(3, 0.0), (4, 0.0), (5, 0.05), (8, 0.0), (8, 0.05), (12, 0.05)] {
            let mut rng = Rng::new(3);
            let mut inside = 0;
            for _ in 0..RUNS {
                let drift: Vec<f64> = (0..rows).map(|_| 0.1 * rng.normal()).collect();
                let out = polish(&table(rows, &mut |b, _| {
                    drift[b] + 0.03 * rng.normal() - if rng.unit() < outlier { 0.3 } else { 0.0 }
                }));
                let error = (out.columns[4] - out.columns[1] - 3.0).abs();
                let se = out.scale * (2.0 / rows as f64).sqrt();
                let t = crate::stats::student::quantile(0.975, out.df);
                inside += usize::from(error <= t * se);
            }
            let share = inside as f64 / RUNS as f64;
            assert!((0.905..=0.985).contains(&share), "{rows} rows, {outlier}: {share}");
        }
    }

    #[test]
    fn cells_that_are_alone_in_their_blocks_do_not_make_the_rest_look_quiet() {
        let mut rng = Rng::new(5);
        let few = table(5, &mut |_, _| 0.1 * rng.normal());
        let first = polish(&few);
        let lone = (0..30).map(|at| Cell { block: 5 + at, column: at % 6, value: 7.0 });
        let many: Vec<Cell> = few.iter().copied().chain(lone).collect();
        let out = polish(&many);
        assert!((out.scale - first.scale).abs() < 1e-6, "{} {}", out.scale, first.scale);
        assert!((out.df - first.df).abs() < 1e-9 && out.counts == first.counts);
        assert!(out.residuals[30..].iter().all(|rest| rest.is_nan()));
        assert!(outliers(&columns(&many), &out.residuals).iter().all(|&at| at < 30));
        for (a, b) in out.columns.iter().zip(&first.columns) {
            assert!((a - out.columns[0] - (b - first.columns[0])).abs() < 1e-6);
        }
    }

    #[test]
    fn nothing_and_one_cell_are_no_trouble() {
        assert!(polish(&[]).columns.is_empty());
        let out = polish(&[Cell { block: 2, column: 1, value: 5.0 }]);
        assert_eq!((out.columns[1], out.scale, out.df), (5.0, 0.0, 0.0));
        assert!(out.columns[0].is_nan());
    }
}
