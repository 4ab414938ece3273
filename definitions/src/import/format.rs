//! The formats, by name.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// WfCommons instance (`WfFormat` JSON): a recorded run of a scientific workflow.
    #[serde(rename = "wfcommons")]
    WfCommons,
    /// Pegasus DAX, versions 2 and 3: XML with the root `adag`.
    Dax,
    /// HyperDAG text: hyperedges, nodes and pins by number.
    #[serde(rename = "hyperdag")]
    HyperDag,
    /// Two columns with a tab between them: a task, and what it depends on.
    Edges,
    /// Pegasus 5 workflow YAML.
    Pegasus,
    /// Galaxy workflow (`.ga`).
    Galaxy,
    /// Tekton `Pipeline` or `PipelineRun`.
    Tekton,
    /// GitHub Actions workflow.
    #[serde(rename = "github-actions")]
    GitHubActions,
    /// Amazon States Language, JSON or YAML.
    Asl,
    /// `Cargo.lock`.
    CargoLock,
    /// nexus-arc workflow: steps for agents, with routers, ways back and approvals.
    NexusArc,
    /// Nodes and edges of a canvas, JSON.
    Canvas,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::WfCommons,
        Self::Dax,
        Self::HyperDag,
        Self::Edges,
        Self::Pegasus,
        Self::Galaxy,
        Self::Tekton,
        Self::GitHubActions,
        Self::Asl,
        Self::CargoLock,
        Self::NexusArc,
        Self::Canvas,
    ];

    /// The name, as given to `--format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WfCommons => "wfcommons",
            Self::Dax => "dax",
            Self::HyperDag => "hyperdag",
            Self::Edges => "edges",
            Self::Pegasus => "pegasus",
            Self::Galaxy => "galaxy",
            Self::Tekton => "tekton",
            Self::GitHubActions => "github-actions",
            Self::Asl => "asl",
            Self::CargoLock => "cargo-lock",
            Self::NexusArc => "nexus-arc",
            Self::Canvas => "canvas",
        }
    }

    /// The names of all formats, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| format!("no format is called {name}; there are {}", Self::names()))
    }
}
