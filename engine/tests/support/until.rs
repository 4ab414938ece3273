//! Waiting for what other tasks bring about.

use std::time::Duration;

/// Asks again and again until there is an answer, and fails after a minute.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_mins(1), asking).await;
    answer.unwrap_or_else(|_| panic!("not in time: {what}"))
}
