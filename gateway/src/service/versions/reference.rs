//! Which definition is meant: `NAME` (the current version), `NAME@3`, or a hash.

use std::sync::Arc;

use nexus_engine::Loader;
use nexus_engine::model::aggregate::Kind;
use nexus_engine::model::id::DefinitionHash;
use nexus_engine::model::plan::Plan;
use nexus_engine::tables::DEFINITIONS;

use super::super::Service;
use crate::api::Problem;
use crate::problems;

/// The shortest beginning of a hash that is taken for one.
const HASH_DIGITS_MIN: usize = 8;
/// The digits of a hash.
const HASH_DIGITS: usize = 64;

/// A definition that was found.
pub(in super::super) struct Found {
    /// It, compiled.
    pub(in super::super) plan: Arc<Plan>,
    /// The number under which it is published.
    pub(in super::super) number: Option<u32>,
    /// Where scripts of its runs work; empty: nowhere in particular.
    pub(in super::super) folder: String,
}

impl Service {
    /// The definition that is meant.
    ///
    /// # Errors
    /// A [`Problem`] if there is none, or the hash is the beginning of several.
    pub(in super::super) async fn find_definition(
        &self,
        reference: &str,
    ) -> Result<Found, Problem> {
        if let Some((name, number)) = numbered(reference)
            && let Some(versions) = self.find_versions(name).await?
        {
            let newest = versions.newest();
            let version = versions.get(number);
            let version = version.ok_or_else(|| problems::no_such_version(name, number, newest))?;
            return self.stored(version.definition, Some(number), version.folder.clone()).await;
        }
        if let Some(versions) = self.find_versions(reference).await?
            && let Some(version) = versions.get(versions.current)
        {
            let number = Some(versions.current);
            return self.stored(version.definition, number, version.folder.clone()).await;
        }
        let hash = reference.to_ascii_lowercase();
        if is_hash(&hash) {
            let found = self.blocking(move |service| by_hash(service.handle().loader(), &hash));
            if let Some(hash) = found.await? {
                return self.with_this_hash(hash).await;
            }
        }
        let name = numbered(reference).map_or(reference, |(name, _)| name);
        let near = self.near(Kind::Versions, name).await;
        Err(problems::no_such_definition(reference, near.as_deref()))
    }

    async fn with_this_hash(&self, hash: DefinitionHash) -> Result<Found, Problem> {
        let found = self.stored(hash, None, String::new()).await?;
        let versions = self.find_versions(&found.plan.definition().name).await?;
        let number = versions.as_ref().and_then(|versions| versions.number_of(hash));
        let version = versions.as_ref().zip(number).and_then(|(it, number)| it.get(number));
        let folder = version.map(|version| version.folder.clone()).unwrap_or_default();
        Ok(Found { number, folder, ..found })
    }

    async fn stored(
        &self,
        hash: DefinitionHash,
        number: Option<u32>,
        folder: String,
    ) -> Result<Found, Problem> {
        let plan = self.read(move |loader| loader.plan(hash)).await?;
        Ok(Found { plan, number, folder })
    }
}

/// Name and number of `NAME@3`.
fn numbered(reference: &str) -> Option<(&str, u32)> {
    let (name, number) = reference.rsplit_once('@')?;
    let number = number.strip_prefix('v').unwrap_or(number);
    Some((name, number.parse().ok()?)).filter(|(name, _)| !name.is_empty())
}

fn is_hash(text: &str) -> bool {
    (HASH_DIGITS_MIN..=HASH_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The definition whose hash begins so.
fn by_hash(loader: &Loader, digits: &str) -> Result<Option<DefinitionHash>, Problem> {
    let bound = |fill: u8| -> Vec<u8> {
        let digit = |at: usize| digits.as_bytes().get(at).copied().unwrap_or(fill);
        let nibble = |at: usize| (digit(at) as char).to_digit(16).unwrap_or(0);
        let byte = |at: usize| u8::try_from(nibble(2 * at) * 16 + nibble(2 * at + 1)).unwrap_or(0);
        (0..HASH_DIGITS / 2).map(byte).collect()
    };
    // The end is not included, and no hash is longer.
    let (from, to) = (bound(b'0'), [bound(b'f'), vec![0]].concat());
    let rows = loader.log().rows(DEFINITIONS, &from, &to, 2);
    let rows = rows.map_err(|error| problems::read(&error))?;
    match rows.as_slice() {
        [] => Ok(None),
        [(key, _)] => Ok(key.as_slice().try_into().ok().map(DefinitionHash)),
        _ => Err(problems::ambiguous_hash(digits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_behind_names() {
        assert_eq!(numbered("order@3"), Some(("order", 3)));
        assert_eq!(numbered("order@v3"), Some(("order", 3)));
        assert_eq!(numbered("a@b@12"), Some(("a@b", 12)));
        for none in ["order", "order@", "@3", "order@x", "order@-1"] {
            assert_eq!(numbered(none), None, "{none}");
        }
    }

    #[test]
    fn hashes_are_eight_digits_or_more() {
        assert!(is_hash("0123abcd") && is_hash(&"f".repeat(64)));
        assert!(!is_hash("0123abc") && !is_hash("0123abcx") && !is_hash(&"f".repeat(65)));
    }
}
