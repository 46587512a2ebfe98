//! A finished drawing: a list of shapes with roles instead of colours. Every painter (PNG, SVG,
//! page) paints the same shapes.

/// A place in pixels, from the upper left corner.
pub type Spot = (f64, f64);

/// The role of a shape. Each painter has its own colour for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Titles and figures.
    Text,
    /// Labels and ticks.
    Muted,
    /// Grid lines.
    Faint,
    /// The background.
    Paper,
    /// A series, by its palette index.
    Series(usize),
}

/// The dashes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// Without dashes.
    Solid,
    /// Long strokes.
    Dashed,
    /// Short strokes.
    Dotted,
}

impl Dash {
    /// Lengths of stroke and gap, in pixels.
    pub fn pattern(self) -> Option<[f64; 2]> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some([6.0, 4.0]),
            Self::Dotted => Some([1.5, 3.0]),
        }
    }
}

/// The marker of a series. Markers tell series apart without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    Wedge,
    /// ✚
    Cross,
    /// ⬟
    Pentagon,
    /// ✖
    Saltire,
}

/// Where a text stands relative to its spot. The spot lies on the base line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins at the spot.
    Start,
    /// The spot is its middle.
    Middle,
    /// The text ends at the spot.
    End,
}

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Open lines of one style.
    Strokes {
        /// Their role.
        ink: Ink,
        /// Their width in pixels.
        width: f64,
        /// Their dashes.
        dash: Dash,
        /// Each path from its first to its last spot.
        paths: Vec<Vec<Spot>>,
    },
    /// A closed area.
    Fill {
        /// Its role.
        ink: Ink,
        /// From 0 (invisible) to 1.
        opacity: f64,
        /// Its corners.
        outline: Vec<Spot>,
    },
    /// Markers of one series.
    Markers {
        /// Their role.
        ink: Ink,
        /// Their shape.
        marker: Marker,
        /// Whether only their outline is drawn.
        hollow: bool,
        /// Half their width in pixels.
        radius: f64,
        /// Their places.
        at: Vec<Spot>,
    },
    /// One line of text.
    Text {
        /// Its role.
        ink: Ink,
        /// Font size in pixels.
        size: f64,
        /// Whether it is a title.
        bold: bool,
        /// Where it stands relative to the spot.
        anchor: Anchor,
        /// The spot.
        at: Spot,
        /// The text, already made visible.
        text: String,
    },
}

/// All figures at one worker count, shown at the pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Pixel of the count.
    pub x: f64,
    /// The count in words.
    pub title: String,
    /// One row for each series.
    pub rows: Vec<ProbeRow>,
}

/// One series at a [`Probe`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRow {
    /// The palette index of the series.
    pub slot: usize,
    /// Its name.
    pub name: String,
    /// Pixel of the figure.
    pub y: f64,
    /// The figure with its interval.
    pub text: String,
}

/// A finished drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// What it shows, in one line, for readers who cannot see it.
    pub title: String,
    /// From the lowest layer to the highest.
    pub shapes: Vec<Shape>,
    /// The figures that the pointer can show.
    pub probes: Vec<Probe>,
    /// Top and bottom pixel of the plotting area.
    pub span: [f64; 2],
}

impl Scene {
    /// Drops shapes without a place, and moves points far outside to the edge, so that no painter
    /// must follow an endless line.
    pub(super) fn confine(&mut self) {
        let (width, height) = (self.width, self.height);
        let confined = |path: &mut Vec<Spot>| {
            path.retain(|(x, y)| x.is_finite() && y.is_finite());
            for (x, y) in path {
                *x = x.clamp(-AROUND, width + AROUND);
                *y = y.clamp(-AROUND, height + AROUND);
            }
        };
        for shape in &mut self.shapes {
            match shape {
                Shape::Strokes { paths, .. } => {
                    paths.iter_mut().for_each(confined);
                    paths.retain(|path| path.len() > 1);
                }
                Shape::Fill { outline: path, .. } | Shape::Markers { at: path, .. } => {
                    confined(path);
                }
                Shape::Text { at: (x, y), .. } => {
                    *x = if x.is_finite() { x.clamp(0.0, width) } else { 0.0 };
                    *y = if y.is_finite() { y.clamp(0.0, height) } else { 0.0 };
                }
            }
        }
        self.shapes.retain(|shape| !shape.is_empty());
        self.probes.retain(|probe| probe.x.is_finite());
        for row in self.probes.iter_mut().flat_map(|probe| &mut probe.rows) {
            row.y = if row.y.is_finite() { row.y.clamp(0.0, height) } else { height };
        }
    }
}

/// How far outside the picture a point may lie, in pixels.
const AROUND: f64 = 20.0;

impl Shape {
    /// Whether there is nothing to paint.
    fn is_empty(&self) -> bool {
        match self {
            Self::Strokes { paths, .. } => paths.is_empty(),
            Self::Fill { outline, .. } => outline.len() < 3,
            Self::Markers { at, .. } => at.is_empty(),
            Self::Text { text, .. } => text.is_empty(),
        }
    }
}

impl Marker {
    /// All markers, in the order in which series get them.
    pub const ALL: [Self; 8] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::Wedge,
        Self::Cross,
        Self::Pentagon,
        Self::Saltire,
    ];

    /// The corners of the marker around a spot. A circle is a polygon with many corners.
    pub fn outline(self, (x, y): Spot, radius: f64) -> Vec<Spot> {
        let ring = |corners: u32, turn: f64, radius: f64| -> Vec<Spot> {
            let angle =
                |corner: u32| turn + f64::from(corner) * std::f64::consts::TAU / f64::from(corners);
            let spot = |angle: f64| (x + radius * angle.sin(), y - radius * angle.cos());
            (0..corners).map(|corner| spot(angle(corner))).collect()
        };
        match self {
            Self::Circle => ring(20, 0.0, radius),
            Self::Square => ring(4, std::f64::consts::FRAC_PI_4, radius * 1.25),
            Self::Triangle => ring(3, 0.0, radius * 1.35),
            Self::Diamond => ring(4, 0.0, radius * 1.35),
            Self::Wedge => ring(3, std::f64::consts::PI, radius * 1.35),
            Self::Pentagon => ring(5, 0.0, radius * 1.2),
            Self::Cross => plus((x, y), radius * 1.25, 0.0),
            Self::Saltire => plus((x, y), radius * 1.25, std::f64::consts::FRAC_PI_4),
        }
    }
}

/// The outline of a thick plus sign, turned by an angle.
fn plus((x, y): Spot, radius: f64, turn: f64) -> Vec<Spot> {
    let arm = 0.36;
    let corners = [
        (-arm, -1.0),
        (arm, -1.0),
        (arm, -arm),
        (1.0, -arm),
        (1.0, arm),
        (arm, arm),
        (arm, 1.0),
        (-arm, 1.0),
        (-arm, arm),
        (-1.0, arm),
        (-1.0, -arm),
        (-arm, -arm),
    ];
    let (sin, cos) = turn.sin_cos();
    corners
        .map(|(across, down)| {
            (x + radius * (across * cos - down * sin), y + radius * (across * sin + down * cos))
        })
        .to_vec()
}
