//! What all handlers of a run are told of it.

use std::path::Path;
use std::sync::Arc;

use nexus_model::event::RunStarted;

/// What all handlers of a run are told of it, made once.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) run: Arc<str>,
    pub(super) workflow: Arc<str>,
    pub(super) folder: Option<Arc<Path>>,
}

impl Names {
    /// Those of a run that began so.
    pub(super) fn of(started: Option<&RunStarted>) -> Self {
        let text = |read: fn(&RunStarted) -> &str| started.map_or("", read);
        let folder = text(|started| &started.folder);
        Self {
            run: text(|started| &started.name).into(),
            workflow: text(|started| &started.workflow).into(),
            folder: (!folder.is_empty()).then(|| Path::new(folder).into()),
        }
    }
}
