//! Which handlers there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use nexus_model::input_shape::InputShape;

use super::Handler;

/// Handlers by the name that `uses` calls them by.
#[derive(Clone, Default)]
pub struct Registry {
    handlers: BTreeMap<String, Arc<dyn Handler>>,
}

impl Registry {
    /// Starts with none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler; the last one of a name counts.
    pub fn insert(&mut self, name: impl Into<String>, handler: Arc<dyn Handler>) {
        self.handlers.insert(name.into(), handler);
    }

    /// The handler of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Handler>> {
        self.handlers.get(name)
    }

    /// All names, sorted, with what the handlers take, if they say.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, Option<&'static InputShape>)> {
        self.handlers.iter().map(|(name, handler)| (name.as_str(), handler.input()))
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.handlers.keys().map(String::as_str)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
