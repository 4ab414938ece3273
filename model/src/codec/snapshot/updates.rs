//! Updates that were accepted.

use std::collections::BTreeMap;

use super::Reader;
use crate::codec::canonical::updates::SECTION_UPDATES;

impl Reader<'_> {
    pub(super) fn updates(&mut self) -> Option<BTreeMap<String, u32>> {
        if !self.section(SECTION_UPDATES) {
            return Some(BTreeMap::new());
        }
        let updates = self.list(|reader| Some((reader.text()?, reader.number32()?)))?;
        let in_order = updates.is_sorted_by(|(a, _), (b, _)| a < b);
        (in_order && !updates.is_empty()).then(|| updates.into_iter().collect())
    }
}
