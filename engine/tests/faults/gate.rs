//! A gate at which handlers wait until a test lets them pass.

use tokio::sync::Semaphore;

/// Shut until it is opened, and open from then on.
pub(crate) struct Gate(Semaphore);

impl Gate {
    pub(crate) const fn shut() -> Self {
        Self(Semaphore::const_new(0))
    }

    /// Lets one pass, who waits or will come.
    pub(crate) fn let_one_pass(&self) {
        self.0.add_permits(1);
    }

    /// Lets everybody pass, those who come later too.
    pub(crate) fn open(&self) {
        self.0.close();
    }

    /// Waits to be let pass.
    pub(crate) async fn pass(&self) {
        // Closed is open: there are no permits any more, and nobody needs one.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::shut()
    }
}
