//! The alarm: wakes the driver when something is due.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer of the runtime, which stays where it is while it rings soon enough. One that is made for each tick is missing while the
/// tick lasts: a thread of the runtime that rests meanwhile waits for no timer, and is woken by the next.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Rings no later than after this time, and sometimes sooner; `None`: not at all.
    pub(super) async fn rings_within(&mut self, time: Option<Duration>) {
        let Some(time) = time else { return pending().await };
        let due = Instant::now() + time;
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.is_elapsed() || due < timer.deadline() {
            timer.as_mut().reset(due);
        }
        timer.as_mut().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);
    const SHORT: Duration = Duration::from_millis(20);

    /// Fails if it takes long.
    async fn rings(alarm: &mut Alarm, time: Duration) -> Duration {
        let began = Instant::now();
        timeout(LONG / 10, alarm.rings_within(Some(time))).await.expect("it rings");
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_in_time_also_when_it_was_set_for_later() {
        let mut alarm = Alarm::default();
        let later = timeout(SHORT, alarm.rings_within(Some(LONG))).await;
        assert!(later.is_err());
        assert!(rings(&mut alarm, SHORT).await >= SHORT);
        assert!(rings(&mut alarm, 2 * SHORT).await >= 2 * SHORT, "and again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_rings_soon_enough_is_left_alone() {
        let mut alarm = Alarm::default();
        let first = timeout(SHORT / 4, alarm.rings_within(Some(SHORT))).await;
        assert!(first.is_err());
        rings(&mut alarm, LONG).await;
        let later = timeout(SHORT, alarm.rings_within(Some(LONG))).await;
        assert!(later.is_err(), "it has rung once");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_time_it_does_not_ring() {
        let mut alarm = Alarm::default();
        rings(&mut alarm, SHORT).await;
        assert!(timeout(SHORT, alarm.rings_within(None)).await.is_err());
    }
}
