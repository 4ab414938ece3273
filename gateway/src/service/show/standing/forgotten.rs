//! What is said of a run whose values nobody can read any more.

use super::Standing;

impl Standing<'_> {
    /// Why the run stands where it stands, in one line.
    pub(crate) fn why(&self) -> String {
        let why = self.why_it_stands();
        if self.run.forgotten {
            format!("{why}; it is forgotten: nobody can read its values")
        } else {
            why
        }
    }
}
