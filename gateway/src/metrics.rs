//! Metrics.

use crate::Service;

/// Renders.
pub(crate) fn render(_service: &Service) -> String {
    String::new()
}
