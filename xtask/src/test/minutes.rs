//! How long each suite took, and whether it kept to its share.
//!
//! Times come from the report that `cargo nextest` writes in the `JUnit` format (`.config/nextest.toml`).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// How many times its share a suite may take where others use the machine, too.
const BUSY: f64 = 2.0;

/// Tests that prove one thing, and how many minutes of a machine with two processors they may take.
struct Suite {
    name: &'static str,
    share: f64,
    /// How the names of its test binaries begin.
    binaries: &'static [&'static str],
}

/// The first that claims a binary has it; the last claims all. Together 20 minutes.
const SUITES: [Suite; 7] = [
    Suite {
        name: "pure core, conformance",
        share: 3.0,
        binaries: &["nexus-model", "nexus-definitions", "nexus-projections", "nexus-log::conform"],
    },
    Suite { name: "simulation", share: 4.0, binaries: &["nexus-tests::simulation"] },
    Suite {
        name: "processes killed",
        share: 3.0,
        binaries: &[
            "nexus-tests::kill",
            "nexus-tests::forget",
            "nexus-tests::recovery",
            "nexus-tests::torture",
            "nexus-tests::undo",
            "nexus-tests::waiting",
            "nexus-tests::workers",
        ],
    },
    Suite { name: "crash images, calls that fail", share: 3.0, binaries: &["nexus-log"] },
    Suite {
        name: "examples, a crash at every event",
        share: 2.0,
        binaries: &["nexus-tests::examples", "nexus-tests::programs", "nexus-examples"],
    },
    Suite {
        name: "command line, documentation",
        share: 3.0,
        binaries: &["nexus-cli", "nexus-tests::docs"],
    },
    Suite { name: "everything else", share: 2.0, binaries: &[""] },
];

/// What the tests of a report took.
pub(crate) struct Minutes {
    /// Seconds of tests, for each suite in its order.
    seconds: [f64; SUITES.len()],
    /// How many tests run at a time.
    threads: f64,
}

impl Minutes {
    /// Reads the report of the last run.
    pub(crate) fn of_report(file: &Path, threads: usize) -> Result<Self> {
        let report = fs::read_to_string(file)
            .with_context(|| format!("no report of the tests at {}", file.display()))?;
        Self::of(&report, threads).with_context(|| format!("{} is no report", file.display()))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
    fn of(report: &str, threads: usize) -> Result<Self> {
        let mut minutes = Self { seconds: [0.0; SUITES.len()], threads: threads.max(1) as f64 };
        let mut reader = Reader::from_str(report);
        let mut suite = SUITES.len() - 1;
        loop {
            let event = reader.read_event()?;
            if matches!(event, Event::Eof) {
                return Ok(minutes);
            }
            let (Event::Start(tag) | Event::Empty(tag)) = event else { continue };
            match tag.name().as_ref() {
                "testsuite" => suite = suite_of(&attribute(&tag, "name")?),
                "testcase" => {
                    let seconds = attribute(&tag, "time")?;
                    minutes.seconds[suite] += seconds.parse::<f64>().context(seconds)?;
                }
                _ => {}
            }
        }
    }

    /// A line for each suite: minutes, its share, its name.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for (suite, minutes) in SUITES.iter().zip(self.each()) {
            let _ = writeln!(table, "{minutes:6.1} min of {:.0}  {}", suite.share, suite.name);
        }
        table
    }

    /// Suites that took longer than a machine that is busy otherwise accounts for.
    pub(crate) fn too_long(&self) -> Vec<&'static str> {
        let suites = SUITES.iter().zip(self.each());
        suites
            .filter(|(suite, minutes)| *minutes > BUSY * suite.share)
            .map(|(suite, _)| suite.name)
            .collect()
    }

    fn each(&self) -> impl Iterator<Item = f64> {
        self.seconds.iter().map(|seconds| seconds / self.threads / 60.0)
    }
}

fn suite_of(binary: &str) -> usize {
    let claims = |suite: &Suite| suite.binaries.iter().any(|start| binary.starts_with(start));
    SUITES.iter().position(claims).unwrap_or(SUITES.len() - 1)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<String> {
    let attribute = tag.try_get_attribute(name)?.with_context(|| format!("no {name}"))?;
    Ok(attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" time="9.000">
    <testsuite name="nexus-log::crash" tests="2">
        <testcase name="one" classname="nexus-log::crash" time="450.5"/>
        <testcase name="two" classname="nexus-log::crash" time="449.5"><system-out>&lt;x&gt;</system-out></testcase>
    </testsuite>
    <testsuite name="nexus-log::conformance" tests="1">
        <testcase name="three" classname="nexus-log::conformance" time="12"/>
    </testsuite>
</testsuites>"#;

    #[test]
    fn the_tests_of_a_suite_are_added_up_and_shared_by_the_processors() {
        let minutes = Minutes::of(REPORT, 2).expect("it is a report");
        let table = minutes.table();
        assert!(table.contains("7.5 min of 3  crash images, calls that fail\n"), "{table}");
        assert!(table.contains("0.1 min of 3  pure core, conformance\n"), "{table}");
        assert_eq!(minutes.too_long(), ["crash images, calls that fail"]);
        assert!(Minutes::of(REPORT, 4).expect("it is a report").too_long().is_empty());
    }

    #[test]
    fn a_report_without_times_is_refused() {
        assert!(Minutes::of("<testsuite name=\"a\"><testcase/></testsuite>", 2).is_err());
        assert!(
            Minutes::of("<testsuite name=\"a\"><testcase time=\"x\"/></testsuite>", 2).is_err()
        );
    }

    #[test]
    fn every_binary_is_in_one_suite_and_all_take_at_most_twenty_minutes() {
        assert_eq!(SUITES[suite_of("nexus-tests::torture")].name, "processes killed");
        assert_eq!(SUITES[suite_of("nexus-engine::faults")].name, "everything else");
        let all: f64 = SUITES.iter().map(|suite| suite.share).sum();
        assert!(all <= 20.0, "{all}");
    }
}
