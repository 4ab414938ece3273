//! The server: the control API on a socket in the store's folder, and on a port of this machine if one is asked for.
//!
//! Invariants:
//! * Only the owner of the process can open the socket.
//! * A port is one of the loopback interface; there is no authentication yet, so anything else is refused.
//! * Requests that wait do not delay the end: they are told that the engine is shutting down.

mod listen;
mod socket;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};

use crate::Service;
use crate::api::Problem;
use crate::place::{Draining, Place};
use crate::{metrics, problems, routes};
use socket::Socket;

pub use listen::listen_address;

/// How long requests may go on after the end was asked for.
const DRAIN: Duration = Duration::from_secs(2);
/// How often measurements are taken out of their queues.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves the control API until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    service: Service,
    socket: Socket,
    tcp: Option<SocketAddr>,
    place: Place,
    tasks: Vec<JoinHandle<()>>,
    upkeep: AbortHandle,
}

impl Server {
    /// Serves on a socket, and at `listen`, such as `127.0.0.1:7878`, if it is there. The store's folder says where.
    ///
    /// # Errors
    /// NX7004 if `listen` is no address of the loopback interface; NX7018 if an address or the socket cannot be used.
    pub async fn start(service: Service, listen: Option<&str>) -> Result<Self, Problem> {
        let listener = match listen {
            Some(listen) => Some(bind(listen_address(listen)?).await?),
            None => None,
        };
        let tcp = match &listener {
            Some(listener) => {
                Some(listener.local_addr().map_err(|error| unusable("port", &error))?)
            }
            None => None,
        };
        let (socket, unix) = Socket::bind(service.store())?;
        let place = Place {
            socket: Some(socket.path().to_owned()),
            tcp,
            pid: std::process::id(),
            role: service.role().to_owned(),
            ends_by_ms: None,
        };
        if !service.store().as_os_str().is_empty() {
            let store = service.store();
            place.write(store).map_err(|error| problems::files(store, &error))?;
        }
        service.set_listening(tcp.iter().map(ToString::to_string).collect());
        let mut tasks = vec![serve(unix, routes::router(service.clone()), service.clone())];
        tasks.extend(listener.map(|listener| {
            serve(listener, routes::guarded_router(service.clone()), service.clone())
        }));
        let upkeep = tokio::spawn(upkeep()).abort_handle();
        Ok(Self { service, socket, tcp, place, tasks, upkeep })
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        self.socket.path()
    }

    /// The address it listens at beside the socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Ends as [`stop`](Self::stop) does, of a process that lets go of the store after at most this time: the store's folder
    /// says so until the answer is dropped.
    pub async fn drain(self, at_most: Duration) -> Option<Draining> {
        let store = self.service.store();
        let draining = Draining::say(&self.place, store, DRAIN + at_most);
        self.stop().await;
        draining
            .inspect_err(|error| tracing::warn!(%error, "nobody is told that this process ends"))
            .ok()
    }

    /// Ends: requests that wait are told so, others have two seconds.
    pub async fn stop(mut self) {
        self.service.close();
        let tasks = std::mem::take(&mut self.tasks);
        let aborts: Vec<AbortHandle> = tasks.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("a request took too long to end; its connection is closed");
            aborts.iter().for_each(AbortHandle::abort);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.close();
        self.upkeep.abort();
        self.tasks.iter().for_each(JoinHandle::abort);
        self.place.remove(self.service.store());
        self.socket.remove();
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| unusable(&address.to_string(), &error))
}

/// An address or socket cannot be used.
fn unusable(what: &str, error: &std::io::Error) -> Problem {
    Problem::new("NX7018", problems::exit::UNREACHABLE, format!("cannot listen at {what}: {error}"))
        .hint("choose another --listen; with port 0 a free one is taken")
}

fn serve<L>(listener: L, router: Router, service: Service) -> JoinHandle<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    tokio::spawn(async move {
        let end = async move { service.closed().await };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(end).await {
            tracing::error!(%error, "the control API ended");
        }
    })
}

/// Takes measurements out of their queues, so that these do not grow when nobody asks for metrics.
async fn upkeep() {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics::upkeep();
    }
}
