//! The HTTP client, made when the first request needs it.

use nexus_engine::handler::{StepError, StepResult};
use reqwest::{Client, ClientBuilder, Url};
use tokio::sync::OnceCell;

use crate::action::blocking;

const USER_AGENT: &str = concat!("nexus-engine/", env!("CARGO_PKG_VERSION"));

/// The client of all requests, which share its connections.
#[derive(Default)]
pub(super) struct Clients(OnceCell<Made>);

struct Made {
    client: Client,
    /// Why it trusts nobody, if so.
    no_tls: Option<String>,
}

impl Clients {
    /// The client for `url`.
    pub(super) async fn for_url(&self, url: &Url) -> StepResult<&Client> {
        let made = self.0.get_or_try_init(|| async { blocking(make).await? }).await?;
        match &made.no_tls {
            Some(reason) if url.scheme() == "https" => Err(failed(reason)),
            Some(_) | None => Ok(&made.client),
        }
    }
}

/// Reads the certificates of the system. Where there are none, plain HTTP still has to work.
fn make() -> StepResult<Made> {
    match builder().build() {
        Ok(client) => Ok(Made { client, no_tls: None }),
        Err(error) => {
            let client = builder().tls_certs_only([]).build();
            let client = client.map_err(|error| failed(&StepError::from(error).0.message))?;
            Ok(Made { client, no_tls: Some(StepError::from(error).0.message) })
        }
    }
}

fn builder() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT)
}

fn failed(reason: &str) -> StepError {
    StepError::fatal(format!(
        "the system's certificates are not usable, so no https server can be trusted: {reason}"
    ))
    .code("NX3021")
}
