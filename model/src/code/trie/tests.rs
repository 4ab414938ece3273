//! It does what a map does, and its copies do not notice.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Trie;

/// Numbers that share digits, and some that do not.
fn key() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..40, 0_u32..5_000, any::<u32>()]
}

proptest! {
    #[test]
    fn it_does_what_a_map_does(changes in prop::collection::vec((key(), any::<bool>()), 0..200)) {
        let (mut trie, mut map) = (Trie::default(), BTreeMap::new());
        for (at, (key, comes)) in changes.into_iter().enumerate() {
            let (copy, known) = (trie.clone(), map.clone());
            if comes {
                prop_assert_eq!(trie.insert(key, at), map.insert(key, at));
            } else {
                prop_assert_eq!(trie.remove(key), map.remove(&key));
            }
            prop_assert_eq!(trie.get(key), map.get(&key));
            prop_assert_eq!(trie.len(), map.len());
            prop_assert!(trie.iter().eq(map.iter().map(|(key, value)| (*key, value))));
            prop_assert!(copy.iter().eq(known.iter().map(|(key, value)| (*key, value))));
            prop_assert_eq!(copy == trie, known == map);
        }
    }
}
