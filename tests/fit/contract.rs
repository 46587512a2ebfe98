//! Tests of what other programs rely on: the names in `--json`, and published coefficients.

use serde_json::Value;

use super::{finish, fit, json, knee, path};

fn curve(name: &str) -> Value {
    json(&[&path(name)])["curves"][0].clone()
}

fn near(value: &Value, expected: f64, what: &str) {
    let found = value.as_f64().unwrap_or_else(|| panic!("{what} is {value}"));
    assert!((found / expected - 1.0).abs() <= 1e-4, "{what}: {found} is not {expected}");
}

/// The data set specsdm91 of R's usl package.
#[test]
fn specsdm91_has_the_published_coefficients() {
    let usl = &curve("specsdm91.csv")["usl"];
    near(&usl["sigma"], 0.027_728_5, "sigma");
    near(&usl["kappa"], 1.043_65e-4, "kappa");
    near(&usl["lambda"], 89.9952, "lambda");
    near(&usl["peak_workers"], 96.52, "peak");
    near(&usl["peak_throughput"], 1883.9, "throughput at the peak");
    assert_eq!(curve("bare.csv")["usl"], *usl, "a header changes nothing");
}

/// The data set raytracer of R's usl package. The whole set has no peak; its first six rows have
/// one.
#[test]
fn raytracer_has_no_peak_but_its_first_six_rows_have() {
    let usl = &curve("raytracer.csv")["usl"];
    assert_eq!(usl["kappa"].as_f64(), Some(0.0));
    assert_eq!(usl["peak_workers"], Value::Null);
    assert_eq!(usl["peak_throughput"], Value::Null);
    near(&usl["sigma"], 0.057_770_8, "sigma");
    near(&usl["lambda"], 21.8488, "lambda");
    let usl = &curve("raytracer-six.csv")["usl"];
    near(&usl["sigma"], 0.024_444, "sigma of six");
    near(&usl["kappa"], 0.001_626_81, "kappa of six");
    near(&usl["lambda"], 20.8560, "lambda of six");
}

fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing in {value}");
    }
}

fn is_number_or_null(value: &Value) {
    assert!(value.is_number() || value.is_null(), "{value}");
}

#[test]
fn the_json_has_every_name_that_was_promised() {
    let fit = json(&[&path("specsdm91.csv"), &path("wide.csv"), &path("google-old.json")]);
    assert_eq!(fit["schema_version"], 1);
    let curves = fit["curves"].as_array().expect("curves");
    assert_eq!(curves.len(), 4);
    for curve in curves {
        has(curve, &["name", "points", "optimum", "knee", "usl", "bound", "warnings"]);
        assert!(curve["name"].is_string());
        for point in curve["points"].as_array().expect("points") {
            assert!(point["workers"].is_number() && point["samples"].is_u64());
            for end in ["median", "low", "high"] {
                is_number_or_null(&point["throughput"][end]);
            }
        }
        let optimum = &curve["optimum"];
        has(optimum, &["workers", "set", "probability", "conclusive"]);
        assert!(optimum["set"].as_array().is_some_and(|set| set.contains(&optimum["workers"])));
        assert!(optimum["conclusive"].is_boolean());
        assert_eq!(curve["knee"]["workers"], optimum["set"][0]);
        if let Some(usl) = curve["usl"].as_object() {
            let usl = Value::Object(usl.clone());
            has(
                &usl,
                &[
                    "sigma",
                    "kappa",
                    "lambda",
                    "peak_workers",
                    "peak_throughput",
                    "r_squared",
                    "intervals",
                    "adequate",
                ],
            );
            has(&usl["intervals"], &["sigma", "kappa", "lambda"]);
        }
        if !curve["bound"].is_null() {
            assert!(curve["bound"]["label"].is_string() && curve["bound"]["evidence"].is_array());
        }
        assert!(
            curve["warnings"].as_array().is_some_and(|texts| texts.iter().all(Value::is_string))
        );
    }
    // Whole numbers of workers are written without a point, fractional loads with one.
    assert_eq!(curves[0]["points"][1]["workers"], 18);
    let loads = curve("gnuplot.dat");
    assert_eq!(loads["points"][0]["workers"], 0.5);
}

#[test]
fn repetitions_are_used_as_such() {
    let curve = curve("repetitions.csv");
    let point = &curve["points"][0];
    assert_eq!(point["samples"], 3);
    assert_eq!(point["throughput"]["median"], 10.5);
    let [low, high] =
        ["low", "high"].map(|end| point["throughput"][end].as_f64().expect("a number"));
    assert!(low < 10.5 && high > 10.5, "[{low}, {high}]");
}

#[test]
fn one_input_gives_one_answer() {
    let arguments = ["--json", "--seed", "7", &path("wide.csv")];
    assert_eq!(fit(&arguments, None).stdout, fit(&arguments, None).stdout);
}

#[test]
fn what_knee_wrote_can_be_read_again() {
    let folder = tempfile::tempdir().expect("a directory");
    let written = folder.path().join("fit.json");
    std::fs::write(&written, fit(&["--json", &path("specsdm91.csv")], None).stdout)
        .expect("written");
    let again = json(&[written.to_str().expect("text")]);
    assert_eq!(again["curves"][0]["usl"]["lambda"], curve("specsdm91.csv")["usl"]["lambda"]);
    let out = folder.path().join("report");
    let out_text = out.to_str().expect("text");
    assert!(fit(&["--out", out_text, &path("specsdm91.csv")], None).status.success());
    let findings = json(&[out.join("findings.json").to_str().expect("text")]);
    assert_eq!(findings["curves"][0]["name"], "specsdm91.csv, specsdm91");
    assert_eq!(findings["curves"][0]["usl"]["lambda"], curve("specsdm91.csv")["usl"]["lambda"]);
}

#[test]
fn extreme_but_possible_measurements_have_findings_without_infinities() {
    let folder = tempfile::tempdir().expect("a directory");
    for (number, content) in [
        "1,1\n",
        "1,5\n1,5\n1,5\n",
        "1,5\n2,5\n4,5\n8,5\n",
        "1,1e70\n2,2e70\n4,3e70\n8,1e70\n",
        "1,1e-70\n2,2e-70\n4,3e-70\n8,1e-70\n",
        "1e-9,1\n1e9,2\n1e18,3\n1e70,4\n",
        "1,1e-70\n2,1e70\n3,1\n4,1\n5,1\n",
        "1,1\n2,3\n4,9\n8,27\n16,81\n",
        "8,1\n4,2\n2,4\n1,8\n",
    ]
    .iter()
    .enumerate()
    {
        let file = folder.path().join(format!("{number}.csv"));
        std::fs::write(&file, content).expect("written");
        let name = file.to_str().expect("text");
        let curve = &json(&[name])["curves"][0];
        assert!(!curve["points"].as_array().expect("points").is_empty(), "{content:?}: {curve}");
        let shown = fit(&[name], None);
        assert!(shown.status.success(), "{content:?}: {}", String::from_utf8_lossy(&shown.stderr));
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(!text.contains("NaN") && !text.contains(" inf "), "{content:?}: {text}");
    }
}

#[test]
fn the_schema_names_what_the_json_holds() {
    let printed = finish(&mut knee(&["schema", "fit"]));
    let schema: Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    let properties = &schema["$defs"]["FitCurve"]["properties"];
    let curve = curve("specsdm91.csv");
    for key in curve.as_object().expect("an object").keys() {
        assert!(properties.get(key).is_some(), "{key} is not in {schema}");
    }
}
