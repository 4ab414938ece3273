//! The client: asks an engine in another process, over the socket that it left in the store's folder.

mod events;
mod requests;
mod schedules;
mod start_keys;
mod transport;
mod versions;
mod workers;

use std::path::Path;
use std::time::Duration;

use crate::api::Status;
use crate::place::{Address, Place};

/// How long a process may take to say that it is there.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks an engine in another process. Cheap to clone; each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
}

impl Client {
    /// The process that holds the store in this folder; `None` if there is none that answers.
    ///
    /// A file that a dead process left behind is ignored.
    pub async fn find(store: &Path) -> Option<Self> {
        let place = Place::read(store)?;
        let pid = place.pid;
        let client = Self::new(place.address()?);
        let status = tokio::time::timeout(GREETING_TIMEOUT, client.status()).await.ok()?.ok()?;
        (status.pid == pid && is_same(store, &status)).then_some(client)
    }

    /// A client of the process at this address.
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    /// Where it asks.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

/// Whether the process holds the store that was meant, and not one that was copied together with its file.
fn is_same(store: &Path, status: &Status) -> bool {
    let full = |path: &Path| path.canonicalize().ok();
    full(store).is_some_and(|wanted| full(Path::new(&status.store)) == Some(wanted))
}
