//! The text format of Prometheus.

use std::fmt::Write as _;

/// A page of metrics.
#[derive(Default)]
pub(super) struct Text(String);

/// Kind of a metric.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

impl Text {
    /// Writes a metric with all its samples. One without samples is left out.
    pub(super) fn metric(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'static str, String)>, f64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(self.0, "# HELP {name} {}", escape_help(help));
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
        for (labels, value) in samples {
            self.0.push_str(name);
            self.labels(&labels);
            let _ = writeln!(self.0, " {value}");
        }
        self.0.push('\n');
    }

    fn labels(&mut self, labels: &[(&'static str, String)]) {
        if labels.is_empty() {
            return;
        }
        for (at, (name, value)) in labels.iter().enumerate() {
            let joint = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{joint}{name}=\"{}\"", escape_label(value));
        }
        self.0.push('}');
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn escape_label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn escape_help(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_empty_metrics_left_out() {
        let mut text = Text::default();
        text.metric(Kind::Counter, "none_total", "Nothing.", []);
        let labels = vec![("workflow", "a\"b\\c\nd".to_owned()), ("outcome", "failed".to_owned())];
        text.metric(Kind::Counter, "a_total", "How\noften.", [(labels, 3.0)]);
        text.metric(Kind::Gauge, "b_seconds", "How long.", [(Vec::new(), 1.5)]);
        assert_eq!(
            text.finish(),
            "# HELP a_total How\\noften.\n# TYPE a_total counter\n\
             a_total{workflow=\"a\\\"b\\\\c\\nd\",outcome=\"failed\"} 3\n\n\
             # HELP b_seconds How long.\n# TYPE b_seconds gauge\nb_seconds 1.5\n\n"
        );
    }
}
