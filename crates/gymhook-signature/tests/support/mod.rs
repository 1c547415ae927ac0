//! The five schemes under one roof, for tests that hold for each of them.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "each test file takes what it needs, and fails by panicking"
)]

use std::sync::Arc;

use gymhook_signature::{
    BodyAssurance, Keyring, Secret, SignatureScheme, Signer, StandardWebhooks, Verifier, vendor,
};

/// Every scheme as its vendor's preset configures it.
pub(crate) fn schemes() -> Vec<Arc<dyn SignatureScheme>> {
    vec![
        Arc::new(vendor::gympoint()),
        Arc::new(vendor::egym()),
        Arc::new(vendor::perfectgym()),
        Arc::new(vendor::point()),
        Arc::new(StandardWebhooks::new()),
    ]
}

pub(crate) fn keyring(secret: &str) -> Keyring {
    Keyring::single("main", Secret::new(secret).unwrap()).unwrap()
}

pub(crate) fn both_sides(scheme: &Arc<dyn SignatureScheme>, secret: &str) -> (Signer, Verifier) {
    let verifier = Verifier::with_shared(Arc::clone(scheme), keyring(secret)).unwrap();
    (verifier.signer(), verifier)
}

pub(crate) fn signs_the_body(scheme: &Arc<dyn SignatureScheme>) -> bool {
    scheme.assurance().body == BodyAssurance::Signed
}
