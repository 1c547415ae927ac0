//! `tell_system`: tells systemd, or another service manager, that the gateway is ready, reloading or stopping.

/// What a service manager is told, if there is one.
pub(super) fn tell_system(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
