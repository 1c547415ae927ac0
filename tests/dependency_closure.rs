//! Pins what each published crate brings along: a new name here is a decision, not an accident.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

const EVENT: &str = "deranged itoa memchr num_conv powerfmt proc_macro2 quote serde serde_core serde_derive serde_json \
    serde_path_to_error syn thiserror thiserror_impl time time_core unicode_ident uuid zmij";

const SIGNATURE: &str = "base16ct base64 base64ct block_buffer bytes cfg_if cmov const_hex constant_time_eq cpufeatures \
    crypto_common ctutils deranged digest hmac http hybrid_array itoa md5 num_conv powerfmt proc_macro2 quote sha2 syn thiserror \
    thiserror_impl time time_core typenum unicode_ident zeroize";

const RETRY: &str = "bytes deranged http httpdate itoa num_conv powerfmt proc_macro2 quote serde serde_core serde_derive syn thiserror \
    thiserror_impl time time_core unicode_ident";

const DELIVERY: &str = "memchr serde_json uuid zmij";

/// What the facade adds to the pure crates.
const FACADE: &str = "percent_encoding";

/// What the core of the adapters adds to the facade.
const TOWER: &str = "arc_swap futures_core http_body http_body_util metrics once_cell pin_project_lite rapidhash \
    rustversion tokio tower_layer tower_service tracing tracing_core";

/// What axum adds to that.
const AXUM: &str = "axum axum_core futures_task futures_util matchit mime slab sync_wrapper tower";

/// What actix-web adds to the core: it has its own of almost everything.
const ACTIX: &str = "actix_codec actix_http actix_router actix_rt actix_server actix_service actix_utils actix_web \
    bitflags bytestring convert_case core_detect derive_more derive_more_impl displaydoc encoding_rs \
    errno fnv foldhash form_urlencoded futures_sink futures_task futures_util httparse icu_collections \
    icu_locale_core icu_normalizer icu_normalizer_data icu_properties icu_properties_data icu_provider \
    idna idna_adapter impl_more language_tags libc litemap local_waker lock_api log mime mio \
    multiversion_no_op parking_lot parking_lot_core potential_utf regex_lite ryu \
    scopeguard serde_urlencoded signal_hook_registry simdutf8 slab smallvec socket2 stable_deref_trait \
    synstructure tinystr tokio_macros tokio_util tracing_attributes unicode_segmentation unicode_xid url \
    utf8_iter utf_types writeable yoke yoke_derive zerofrom zerofrom_derive zerotrie zerovec \
    zerovec_derive";

/// What the feature `postgres` of the engine adds to SQLite and HTTP: the driver, its pool, passwords and TLS.
const POSTGRES: &str = "async_trait byteorder chacha20 const_oid deadpool deadpool_postgres deadpool_runtime der der_derive flagset \
    lock_api log parking_lot parking_lot_core phf phf_shared postgres_protocol postgres_types rand \
    rand_core scopeguard siphasher spki stringprep tinyvec tokio_postgres tokio_postgres_rustls \
    tracing_attributes unicode_bidi unicode_normalization unicode_properties whoami x509_cert";

/// The libraries that `package` is built with, itself and the workspace's other crates left out.
fn closure(package: &str) -> BTreeSet<String> {
    closure_with(package, &[])
}

fn closure_with(package: &str, features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib}",
            "--package",
            package,
        ])
        .args(features.iter().flat_map(|feature| ["--features", feature]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !name.starts_with("gymhook")).map(str::to_owned).collect()
}

fn names(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn no_published_crate_brings_more_than_is_written_here() {
    assert_eq!(closure("gymhook-event"), names(EVENT));
    assert_eq!(closure("gymhook-signature"), names(SIGNATURE));
    assert_eq!(closure("gymhook-retry"), names(RETRY));
    assert_eq!(closure("gymhook-delivery"), names(&format!("{RETRY} {DELIVERY}")));
    assert_eq!(closure("gymhook"), names(&format!("{EVENT} {SIGNATURE} {RETRY} {FACADE}")));
    assert_eq!(closure("gymhook-vectors"), names(&format!("{EVENT} {SIGNATURE} {RETRY} time_macros")));
}

#[test]
fn an_adapter_brings_its_framework_and_little_else() {
    let core = closure("gymhook-tower");
    assert_eq!(&core - &closure("gymhook"), names(TOWER));
    assert_eq!(&closure("gymhook-axum") - &core, names(AXUM));
    assert_eq!(&closure("gymhook-actix") - &core, names(ACTIX));
}

#[test]
fn the_postgresql_store_adds_no_more_than_is_written_here() {
    let added = &closure_with("gymhook-engine", &["postgres"]) - &closure("gymhook-engine");
    assert_eq!(added, names(POSTGRES));
}
