//! Nodes: what a step of a graph will bring.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use serde::de::DeserializeOwned;

use super::args::{Args, Source};
use super::dag::Dag;

/// What a step of a graph will bring, or the input of the workflow. Copied, passed to steps, and returned as the output.
///
/// It can be passed to steps of its own workflow only: others do not compile.
pub struct Node<'d, T> {
    dag: &'d Dag,
    source: Source,
    marker: PhantomData<(Brand<'d>, fn() -> T)>,
}

/// Neither longer nor shorter than `'d`: no two workflows have a lifetime in common.
type Brand<'d> = fn(&'d ()) -> &'d ();

impl<'d, T> Node<'d, T> {
    pub(super) fn input(dag: &'d Dag) -> Self {
        Self { dag, source: Source::Input, marker: PhantomData }
    }

    pub(super) fn step(dag: &'d Dag, at: NodeIndex) -> Self {
        Self { dag, source: Source::Step(at), marker: PhantomData }
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Comes after another step, whose output it is not given.
    #[expect(clippy::return_self_not_must_use, reason = "the last step of a way is passed to none")]
    pub fn after<U>(self, earlier: Node<'d, U>) -> Self {
        self.dag.after(self.source, earlier.source);
        self
    }

    /// Is done only if `condition` holds for the outputs of other steps; otherwise it is skipped, and brings `None`.
    ///
    /// The condition is called as a step of its own before this one. What it says stands in the history, and is not asked again.
    ///
    /// ```
    /// use nexus_engine::prelude::*;
    /// use nexus_engine::testing::TestEngine;
    ///
    /// async fn discount(_: StepCx, cents: u64) -> StepResult<u64> {
    ///     Ok(cents / 10)
    /// }
    /// async fn total(_: StepCx, (cents, less): (u64, Option<u64>)) -> StepResult<u64> {
    ///     Ok(cents - less.unwrap_or(0))
    /// }
    ///
    /// let price = Workflow::dag("price", |d, cents| {
    ///     let less = d.step("discount", discount, cents).when(cents, |cents: &u64| *cents > 1_000);
    ///     d.step("total", total, (cents, less))
    /// })?;
    /// let t = TestEngine::new().workflow(&price);
    /// assert_eq!(t.start(&price, 500)?.result()?, 500);
    /// assert_eq!(t.start(&price, 5_000)?.result()?, 4_500);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn when<A, X>(
        self,
        args: X,
        condition: impl Fn(&A) -> bool + Send + Sync + 'static,
    ) -> Node<'d, Option<T>>
    where
        X: Args<'d, A>,
        A: DeserializeOwned + Send + 'static,
    {
        self.dag.when(self.source, &args.wiring(), condition);
        Node { dag: self.dag, source: self.source, marker: PhantomData }
    }

    /// Is done only if an expression holds, such as `steps.validate.output.cents > 1000`; otherwise it is skipped, and brings
    /// `None`.
    pub fn when_expr(self, expression: impl Into<String>) -> Node<'d, Option<T>> {
        self.dag.when_expr(self.source, expression.into());
        Node { dag: self.dag, source: self.source, marker: PhantomData }
    }

    /// Waits no longer than this for a signal; then it brings `None`.
    pub fn within(self, time: Duration) -> Node<'d, Option<T>> {
        self.dag.within(self.source, time);
        Node { dag: self.dag, source: self.source, marker: PhantomData }
    }
}

impl<T> Node<'_, Vec<T>> {
    /// Of a step that is done for each item: at most so many at one time, 16 if it does not say.
    #[expect(clippy::return_self_not_must_use, reason = "the last step of a way is passed to none")]
    pub fn limit(self, items: u32) -> Self {
        self.dag.limit(self.source, items);
        self
    }
}

impl<T> Copy for Node<'_, T> {}

impl<T> Clone for Node<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> fmt::Debug for Node<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.source).finish()
    }
}
