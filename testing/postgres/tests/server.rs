//! The server runs, forgets nothing that was committed, and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use gymhook_test_postgres::Server;
use tokio_postgres::{Client, NoTls};

async fn connect(server: &Server) -> Client {
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_server_survives_an_immediate_stop_and_its_folder_is_removed() {
    let server = Server::start().unwrap();
    connect(&server).await.batch_execute("CREATE TABLE kept AS SELECT 7 AS number").await.unwrap();
    server.stop_immediately().unwrap();
    assert!(server.config().connect(NoTls).await.is_err());
    server.start_again().unwrap();
    let row = connect(&server).await.query_one("SELECT number FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);

    let url = server.url();
    let folder = url.split_once("host=").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0.to_owned();
    assert!(Path::new(&folder).is_dir());
    drop(server);
    assert!(!Path::new(&folder).exists());
}
