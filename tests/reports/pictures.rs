//! Tests of pictures: their labels can be read, their files are valid, and they are the same every
//! time.

use knee::analysis::findings::Findings;
use knee::plot::scene::{Anchor, Scene, Shape};
use knee::plot::{self, Chart, Format, View, small};
use knee::units::Quantity;

use super::{every_shape, fake};

/// Every chart of some findings.
fn charts(findings: &Findings) -> Vec<Chart> {
    let of = |workload: &knee::analysis::findings::WorkloadFindings| {
        let curves = workload.curves.iter().map(|curve| (curve.name.as_str(), curve)).collect();
        let view = View {
            serial: workload.serial.as_ref(),
            usable_cpus: Some(findings.run.usable_cpus),
            textbook: workload.textbook_optimum,
            leading: Some(0),
            lengths: &workload.lengths,
            ..View::plain(&workload.label, &workload.unit_many, curves)
        };
        let (throughput, comparison) = (view.throughput(), view.comparison());
        let mut charts = vec![throughput, comparison, view.speedup(), view.efficiency()];
        charts.push(view.latency());
        charts.extend((!workload.lengths.is_empty()).then(|| view.lengths()));
        charts
    };
    findings.workloads.iter().flat_map(of).collect()
}

/// The left, right, top and bottom of every text of a scene, and the text.
fn boxes(scene: &Scene) -> Vec<([f64; 4], String)> {
    let of = |shape: &Shape| match shape {
        Shape::Text { size, bold, anchor, at: (x, y), text, .. } => {
            let width = plot::text_width(text, *size, *bold);
            let left = match anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            Some(([left, left + width, y - size * 0.72, *y], text.clone()))
        }
        _ => None,
    };
    scene.shapes.iter().filter_map(of).collect()
}

#[test]
fn no_label_is_cut_off_or_lies_on_another() {
    for (name, findings) in every_shape() {
        for chart in charts(&findings) {
            for format in [Format::FILE, Format::PAGE, Format::NARROW, Format::SMALL] {
                let scene = plot::lay_out(&chart, &format);
                let boxes = boxes(&scene);
                for (index, ([left, right, top, bottom], text)) in boxes.iter().enumerate() {
                    let inside = *left >= -0.5
                        && *right <= scene.width + 0.5
                        && *top >= 0.0
                        && *bottom <= scene.height;
                    assert!(inside, "{name}, {}: {text:?} leaves the picture", chart.title);
                    for ([other_left, other_right, other_top, other_bottom], other) in
                        &boxes[index + 1..]
                    {
                        let apart = right <= other_left
                            || other_right <= left
                            || bottom <= other_top
                            || other_bottom <= top;
                        assert!(apart, "{name}, {}: {text:?} lies on {other:?}", chart.title);
                    }
                }
            }
        }
    }
}

#[test]
fn every_count_can_be_pointed_at_and_every_figure_is_said() {
    let findings = fake::small();
    let chart = &charts(&findings)[0];
    let scene = plot::lay_out(chart, &Format::PAGE);
    let titles: Vec<&str> = scene.probes.iter().map(|probe| probe.title.as_str()).collect();
    assert_eq!(titles, ["1 worker", "2 workers", "3 workers", "4 workers"]);
    let names: Vec<&str> = scene.probes[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["serial", "threads", "process-pool"]);
    assert!(scene.probes[1].rows[0].text.ends_with("] M digits/s"), "{:?}", scene.probes[1]);
}

#[test]
fn svg_files_are_sound_and_hold_only_drawing() {
    for (name, findings) in every_shape() {
        for chart in charts(&findings) {
            let file = plot::svg(&plot::lay_out(&chart, &Format::FILE)).expect("it can be drawn");
            let document = roxmltree::Document::parse(&file)
                .unwrap_or_else(|error| panic!("{name}, {}: {error}", chart.title));
            for node in document.descendants().filter(roxmltree::Node::is_element) {
                let known = ["svg", "rect", "polyline", "polygon", "line", "circle", "text"];
                assert!(known.contains(&node.tag_name().name()), "{name}: {:?}", node.tag_name());
                assert!(node.attributes().all(|attribute| !attribute.name().starts_with("on")));
            }
        }
    }
}

#[test]
fn a_picture_is_the_same_every_time() {
    for chart in charts(&fake::large()) {
        let scene = plot::lay_out(&chart, &Format::FILE);
        let again = plot::lay_out(&chart, &Format::FILE);
        assert_eq!(plot::svg(&scene).expect("svg"), plot::svg(&again).expect("svg"));
        assert_eq!(plot::png(&scene).expect("png"), plot::png(&again).expect("png"));
    }
}

#[test]
fn a_png_has_the_colours_of_what_was_drawn() {
    let chart = &charts(&fake::small())[0];
    let file = plot::png(&plot::lay_out(chart, &Format::FILE)).expect("it can be drawn");
    let mut reader = png::Decoder::new(file.as_slice()).read_info().expect("it is a PNG");
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).expect("it is whole");
    assert_eq!((info.width, info.height), (1600, 1000));
    let count = |colour: [u8; 3]| pixels.chunks_exact(3).filter(|pixel| *pixel == colour).count();
    // Threads are blue, the process pool is vermilion, serial is grey, paper is white, text is
    // nearly black.
    for (colour, least) in
        [([0, 0x72, 0xb2], 1000), ([0xd5, 0x5e, 0], 1000), ([0x55; 3], 50), ([0xff; 3], 500_000)]
    {
        assert!(count(colour) > least, "{colour:?}: {} pixels", count(colour));
    }
    assert!(count([0x1f, 0x23, 0x28]) > 200);
}

#[test]
fn absurd_figures_do_not_make_a_picture_endless() {
    for chart in charts(&fake::absurd()) {
        let scene = plot::lay_out(&chart, &Format::SMALL);
        let spots = scene.shapes.iter().flat_map(|shape| match shape {
            Shape::Strokes { paths, .. } => paths.concat(),
            Shape::Fill { outline: path, .. } | Shape::Markers { at: path, .. } => path.clone(),
            Shape::Text { at, .. } => vec![*at],
        });
        for (x, y) in spots {
            assert!(
                (-25.0..=scene.width + 25.0).contains(&x)
                    && (-25.0..=scene.height + 25.0).contains(&y)
            );
        }
        plot::png(&scene).expect("it can be drawn");
    }
}

#[test]
fn bars_and_sparklines_show_their_figures() {
    let bar = |name: &str, value: f64, place| small::Bar {
        name: name.to_owned(),
        value,
        interval: Some([value * 0.9, value * 1.1]),
        place,
    };
    let bars = small::Bars {
        title: "tasks per second".to_owned(),
        quantity: Quantity::rate("tasks"),
        bars: vec![
            bar("pool", 3.1e6, 0),
            bar("<b>queue\u{1b}", f64::NAN, 1),
            bar("a name that is far too long to be shown whole", 1.0e6, 2),
        ],
        reference: Some(("what was claimed".to_owned(), 2e6)),
    };
    let scene = small::bars(&bars, 520.0);
    let texts: Vec<String> = boxes(&scene).into_iter().map(|(_, text)| text).collect();
    assert!(texts.contains(&"3.1 [2.8, 3.4] M tasks/s".to_owned()), "{texts:?}");
    assert!(texts.contains(&"<b>queue\\u{1b}".to_owned()), "{texts:?}");
    for ([left, right, ..], text) in boxes(&scene) {
        assert!(left >= 0.0 && right <= scene.width, "{text}");
    }
    plot::svg(&scene).expect("it can be drawn");
    let spark = small::sparkline(
        "pi",
        &[(1.0, 1.0), (2.0, 1.9), (3.0, f64::NAN)],
        Some(2.0),
        0,
        (96.0, 30.0),
    );
    assert_eq!(spark.shapes.len(), 2);
    assert!(small::sparkline("none", &[], None, 0, (96.0, 30.0)).shapes.is_empty());
}
