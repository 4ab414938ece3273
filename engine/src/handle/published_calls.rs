//! Calls of published workflows: resolved when a definition is taken, and pinned by their content, as those of files are.
//!
//! Invariant: what is recorded names each called definition by its hash, whatever is published later.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use nexus_model::definition::{Definition, StepKind};
use nexus_model::id::DefinitionHash;
use nexus_model::plan::{CallMisfit, Plan};

use super::{Handle, RequestError, StartError, StartRequest, Started};

/// How deep calls can be nested.
const DEPTH_MAX: usize = 64;

/// A workflow and what it calls, directly or not, as far as that is not stored.
pub type Linked = (Arc<Plan>, Vec<Arc<Plan>>);

/// What names mean: the workflow's name and the version that was asked for, and its definition.
type Published = BTreeMap<(String, Option<String>), Arc<Plan>>;

impl Handle {
    /// Resolves calls of published workflows, in a workflow and in what it calls: by the version that is named, or by the one
    /// that is current now.
    ///
    /// # Errors
    /// [`StartError::Unresolved`] if one is not published, [`StartError::CallMisfit`] if what it is handed does not fit.
    pub async fn link(
        &self,
        plan: Arc<Plan>,
        callees: Vec<Arc<Plan>>,
    ) -> Result<Linked, StartError> {
        let mut published = Published::new();
        for caller in callees.iter().chain([&plan]).filter(|plan| plan.calls_by_name()) {
            for step in &caller.definition().steps {
                let StepKind::Call { workflow, version, definition: None, .. } = &step.kind else {
                    continue;
                };
                if let Entry::Vacant(name) = published.entry((workflow.clone(), version.clone())) {
                    name.insert(self.published(&step.id, workflow, version.as_deref()).await?);
                }
            }
        }
        if published.is_empty() {
            return Ok((plan, callees));
        }
        link(&plan, &callees, published)
    }

    /// Resolves what a request calls by name. `Some`: that cannot be done now, and the run that it asks for was started before.
    pub(super) async fn link_request(
        &self,
        request: &mut StartRequest,
    ) -> Result<Option<Started>, StartError> {
        if !request.callees.iter().chain([&request.plan]).any(|plan| plan.calls_by_name()) {
            return Ok(None);
        }
        match self.link(Arc::clone(&request.plan), request.callees.clone()).await {
            Ok(linked) => {
                (request.plan, request.callees) = linked;
                Ok(None)
            }
            // What has started already does not fail because of what was published since.
            Err(error) => match self.started_before(request.clone()).await {
                Ok(Some(before)) => Ok(Some(before)),
                Ok(None) | Err(_) => Err(error),
            },
        }
    }

    /// The published definition that a call means.
    async fn published(
        &self,
        step: &str,
        workflow: &str,
        version: Option<&str>,
    ) -> Result<Arc<Plan>, StartError> {
        let called = match version {
            Some(version) => format!("{workflow}@{version}"),
            None => workflow.to_owned(),
        };
        let unresolved =
            || StartError::Unresolved { step: step.to_owned(), workflow: called.clone() };
        let versions = self.versions(workflow).await.map_err(RequestError::from)?;
        let versions = versions.ok_or_else(unresolved)?;
        let number = match version {
            None => Some(versions.current),
            Some(version) => version.trim_start_matches('v').parse().ok(),
        };
        let version = number.and_then(|number| versions.get(number)).ok_or_else(unresolved)?;
        let definition = version.definition;
        let plan = self.blocking(move |loader| loader.plan(definition)).await;
        Ok(plan.map_err(RequestError::from)?)
    }

    /// The current version of a published workflow, and the folder in which its scripts work; `None`: nothing is published
    /// under this name.
    ///
    /// # Errors
    /// [`RequestError`]
    pub(crate) async fn current_version(
        &self,
        workflow: &str,
    ) -> Result<Option<(DefinitionHash, String)>, RequestError> {
        let versions = self.versions(workflow).await?;
        let current = versions.as_ref().and_then(|versions| versions.get(versions.current));
        Ok(current.map(|version| (version.definition, version.folder.clone())))
    }
}

/// Resolves calls by name with these workflows, as if they were published, and nothing else was.
///
/// # Errors
/// As [`Handle::link`].
#[cfg(feature = "yaml")]
pub(crate) fn link_with(
    plan: &Arc<Plan>,
    callees: &[Arc<Plan>],
    named: &[Arc<Plan>],
) -> Result<Linked, StartError> {
    let mut published = Published::new();
    for caller in callees.iter().chain([plan]) {
        for step in &caller.definition().steps {
            let StepKind::Call { workflow, version, definition: None, .. } = &step.kind else {
                continue;
            };
            let called = named.iter().find(|plan| plan.definition().name == *workflow);
            let called = called.map(|plan| ((workflow.clone(), version.clone()), Arc::clone(plan)));
            published.extend(called);
        }
    }
    let named = published.values().cloned().collect::<Vec<_>>();
    let (plan, mut callees) = link(plan, callees, published)?;
    callees.extend(named);
    Ok((plan, callees))
}

fn link(
    plan: &Arc<Plan>,
    callees: &[Arc<Plan>],
    published: Published,
) -> Result<Linked, StartError> {
    let given = callees.iter().map(|callee| (callee.hash(), Arc::clone(callee))).collect();
    let mut linker = Linker { published, given, done: BTreeMap::new() };
    let plan = linker.link(plan, 0)?;
    // What nobody calls is left out.
    Ok((plan, linker.done.into_values().collect()))
}

struct Linker {
    published: Published,
    /// What is called and not stored, by the hash that it came with.
    given: BTreeMap<DefinitionHash, Arc<Plan>>,
    /// What of it is linked, by the hash that it came with.
    done: BTreeMap<DefinitionHash, Arc<Plan>>,
}

impl Linker {
    fn link(&mut self, plan: &Arc<Plan>, depth: usize) -> Result<Arc<Plan>, StartError> {
        let mut definition: Definition = plan.definition().clone();
        let encrypted = definition.encrypt;
        for step in &mut definition.steps {
            let StepKind::Call { workflow, version, definition, with } = &mut step.kind else {
                continue;
            };
            if let Some(hash) = *definition {
                *definition = Some(self.called(hash, depth)?);
                continue;
            }
            let Some(called) = self.published.get(&(workflow.clone(), version.clone())) else {
                let (step, workflow) = (step.id.clone(), workflow.clone());
                return Err(StartError::Unresolved { step, workflow });
            };
            called.check_call(with, encrypted).map_err(|misfit| {
                let CallMisfit { code, message, hint } = misfit;
                StartError::CallMisfit { step: step.id.clone(), code, message, hint }
            })?;
            *definition = Some(called.hash());
        }
        if definition == *plan.definition() {
            return Ok(Arc::clone(plan));
        }
        let compiled = Plan::compile(definition);
        // A definition that compiled with an open call compiles with a resolved one.
        Ok(compiled.map_or_else(|_| Arc::clone(plan), Arc::new))
    }

    /// The hash of a called definition once it is linked.
    fn called(&mut self, hash: DefinitionHash, depth: usize) -> Result<DefinitionHash, StartError> {
        if let Some(done) = self.done.get(&hash) {
            return Ok(done.hash());
        }
        let Some(given) = self.given.get(&hash).cloned() else { return Ok(hash) };
        if depth >= DEPTH_MAX {
            return Ok(hash);
        }
        let linked = self.link(&given, depth + 1)?;
        self.done.insert(hash, Arc::clone(&linked));
        Ok(linked.hash())
    }
}
