//! One answer for one who waits, as that of tokio.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use crate::sync::anything_may_happen;

#[derive(Debug)]
pub(crate) struct Sender<T>(oneshot::Sender<T>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(oneshot::Receiver<T>);

pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    pub(crate) fn send(self, value: T) -> Result<(), T> {
        anything_may_happen();
        let sent = self.0.send(value);
        anything_may_happen();
        sent
    }
}

impl<T> Receiver<T> {
    pub(crate) fn blocking_recv(self) -> Result<T, RecvError> {
        shuttle::future::block_on(self)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        anything_may_happen();
        Pin::new(&mut self.0).poll(cx)
    }
}
