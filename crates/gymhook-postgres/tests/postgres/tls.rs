//! TLS to a real server, in each of libpq's modes.

use std::path::PathBuf;

use gymhook_postgres::PostgresOptions;
use gymhook_postgres::PostgresStore;
use gymhook_store::{Store, StoreError};
use gymhook_test_postgres::{Server, ServerTls, fresh_schema};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::stage::{NOW, client};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key, in PEM.
    fn issue(&self, common_name: &str, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

struct Stage {
    server: Server,
    files: TempDir,
}

impl Stage {
    /// A server that is called `localhost`, and not by its address.
    fn new() -> Self {
        let (right, wrong, clients) =
            (Authority::new("right"), Authority::new("wrong"), Authority::new("clients"));
        let (certificate, key) = right.issue("server", "localhost");
        let tls = ServerTls { certificate, key, client_ca: clients.0.pem() };
        let stage = Self {
            server: Server::start_on_a_port(Some(&tls)).unwrap(),
            files: tempfile::tempdir().unwrap(),
        };
        stage.write("right.pem", &right.0.pem());
        stage.write("wrong.pem", &wrong.0.pem());
        let (certificate, key) = clients.issue(Server::BY_CERTIFICATE, "client");
        stage.write("client.pem", &certificate);
        stage.write("client.key", &key);
        stage
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Connects with these options, and tells whether by TLS.
    async fn connect(&self, server: &Server, host: &str, options: &str) -> Result<bool, StoreError> {
        let name = fresh_schema();
        let options = options.replace("FILES", &self.files.path().display().to_string());
        let user = if options.contains("user=") { "" } else { "user=gymhook" };
        let url = format!(
            "host={host} port={} {user} dbname=postgres application_name={name} {options}",
            server.port()
        );
        let store = PostgresStore::connect(&url, PostgresOptions::new()).await?;
        store.stats(NOW).await?;
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1";
        Ok(client(&server.config()).await.query_one(sql, &[&name]).await.unwrap().get(0))
    }
}

/// What comes of a mode: whether it is TLS, or what is said.
type Expected = Result<bool, &'static str>;

const TLS: Expected = Ok(true);
const PLAIN: Expected = Ok(false);
const ISSUER: Expected = Err("UnknownIssuer");
const HOST: Expected = Err("not valid for name");
const OFF: Expected = Err("server does not support TLS");

#[tokio::test]
async fn each_mode_proves_what_it_promises() {
    let stage = Stage::new();
    let without = Server::start_on_a_port(None).unwrap();
    let (right, wrong) = (" sslrootcert=FILES/right.pem", " sslrootcert=FILES/wrong.pem");
    // For each mode: no CA, the right one, the wrong one, the right one with another host name, no TLS at the server.
    let modes: [(&str, [Option<Expected>; 5]); 6] = [
        ("", [TLS, TLS, TLS, TLS, PLAIN].map(Some)),
        ("sslmode=disable", [PLAIN; 5].map(Some)),
        ("sslmode=prefer", [TLS, TLS, TLS, TLS, PLAIN].map(Some)),
        ("sslmode=require", [TLS, TLS, ISSUER, TLS, OFF].map(Some)),
        ("sslmode=verify-ca", [None, Some(TLS), Some(ISSUER), Some(TLS), Some(OFF)]),
        ("sslmode=verify-full", [None, Some(TLS), Some(ISSUER), Some(HOST), Some(OFF)]),
    ];
    for (mode, expected) in modes {
        let cases = [
            (&stage.server, "localhost", ""),
            (&stage.server, "localhost", right),
            (&stage.server, "localhost", wrong),
            (&stage.server, "127.0.0.1", right),
            (&without, "localhost", right),
        ];
        for ((server, host, files), expected) in cases.into_iter().zip(expected) {
            let Some(expected) = expected else { continue };
            let what = format!("{mode}{files} host={host}");
            match (stage.connect(server, host, &format!("{mode}{files}")).await, expected) {
                (Ok(is_tls), Ok(expected)) => assert_eq!(is_tls, expected, "{what}"),
                (Err(StoreError::Invalid { problem }), Err(expected)) => {
                    assert!(
                        problem.contains(expected) && problem.contains("sslrootcert"),
                        "{what}: {problem}"
                    );
                }
                (found, expected) => panic!("{what}: {found:?} and not {expected:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let stage = Stage::new();
    let role = Server::BY_CERTIFICATE;
    client(&stage.server.config())
        .await
        .batch_execute(&format!("CREATE ROLE {role} SUPERUSER LOGIN"))
        .await
        .unwrap();
    let who = format!("user={role} sslmode=verify-full sslrootcert=FILES/right.pem");
    let shown = format!("{who} sslcert=FILES/client.pem sslkey=FILES/client.key");
    assert_eq!(stage.connect(&stage.server, "localhost", &shown).await, TLS.map_err(|_| StoreError::Closed));
    let refused = stage.connect(&stage.server, "localhost", &who).await.unwrap_err();
    let expected = "the server refuses the role (SQLSTATE 28000: connection requires a valid client certificate): check user, \
                    password, sslcert, and the server's pg_hba.conf";
    assert_eq!(
        refused.to_string(),
        format!("no connection to localhost:{}: {expected}", stage.server.port())
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let stage = Stage::new();
    stage.write("empty.pem", "");
    stage.write("other.key", &KeyPair::generate().unwrap().serialize_pem());
    for (options, expected) in [
        (
            "sslrootcert=FILES/none.pem",
            "sslrootcert: \"FILES/none.pem\" cannot be read: No such file or directory (os error 2)",
        ),
        (
            "sslrootcert=FILES/empty.pem",
            "sslrootcert: there is no certificate in \"FILES/empty.pem\"; it has to be PEM (-----BEGIN CERTIFICATE-----)",
        ),
        (
            "sslrootcert=FILES/right.pem sslcert=FILES/client.pem sslkey=FILES/client.pem",
            "sslkey: \"FILES/client.pem\" cannot be read: no items found",
        ),
        (
            "sslrootcert=FILES/right.pem sslcert=FILES/client.pem sslkey=FILES/other.key",
            "sslcert and sslkey do not match: keys may not be consistent: KeyMismatch",
        ),
    ] {
        let options = format!("sslmode=verify-full {options}");
        let refused = stage.connect(&stage.server, "localhost", &options).await.unwrap_err();
        let expected = expected.replace("FILES", &stage.files.path().display().to_string());
        assert_eq!(refused.to_string(), expected);
    }
}
