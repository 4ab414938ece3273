//! Counting allocations: only in a build for it, since each costs several atomic operations more.

/// How many allocations this process has made, if it counts them: with the feature `count-allocations`.
#[cfg(feature = "count-allocations")]
pub(super) fn allocations() -> Option<u64> {
    let stats = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    u64::try_from(stats.allocations + stats.reallocations).ok()
}

/// How many allocations this process has made, if it counts them: with the feature `count-allocations`.
#[cfg(not(feature = "count-allocations"))]
pub(super) fn allocations() -> Option<u64> {
    None
}

#[cfg(feature = "count-allocations")]
#[global_allocator]
static COUNTED: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;
