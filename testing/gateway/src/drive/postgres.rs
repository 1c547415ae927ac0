//! One gateway at a time on PostgreSQL, killed again and again.

use std::path::Path;

use gymhook_crash_tests::orders::Place;
use gymhook_crash_tests::random::Random;
use gymhook_engine::store::PostgresStore;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_test_postgres::{Server, fresh_schema};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::{Round, until_its_moment};
use crate::Failure;
use crate::check::Totals;
use crate::stage::Stage;

/// Plays a round on this server and judges it.
///
/// # Errors
/// A promise was broken, or the test itself failed.
pub async fn postgres(round: &Round, server: &Server) -> Result<Totals, Failure> {
    let folder = TempDir::with_prefix("gymhook-gateway-")?;
    let ended = play(round, server, folder.path()).await;
    if ended.is_err() {
        eprintln!("everything is kept in {}", folder.keep().display());
    }
    ended
}

async fn play(round: &Round, server: &Server, folder: &Path) -> Result<Totals, Failure> {
    let schema = fresh_schema();
    let place = Place::Postgres { url: server.url(), schema: schema.clone() };
    let mut random = Random::new(round.seed);
    let mut stage = Stage::set(&round.program, place, folder, round.seed).await?;
    for _ in 0..round.kills {
        until_its_moment(&mut stage, &mut random).await?;
        stage.kill().await?;
        age_leases(server, &schema).await?;
        stage.start_again()?;
    }
    stage.until_acknowledged().await?;
    let options = PostgresOptions::new().with_schema(Schema::new(schema)?);
    let store = PostgresStore::connect(&server.url(), options).await?;
    stage.end(&store).await
}

/// Lets the leases of a dead gateway end now, as they would by themselves after a minute and a half. Nobody else may hold any.
///
/// # Errors
/// The server's.
pub async fn age_leases(server: &Server, schema: &str) -> Result<(), Failure> {
    let (client, connection) = server.config().connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    // A gateway that was killed early has made no table.
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    let table = format!("{schema}.subscriptions");
    if client.query_one(exists, &[&table]).await?.get(0) {
        client.batch_execute(&format!("UPDATE {table} SET lease_until = 0")).await?;
    }
    drop(client);
    connection.await??;
    Ok(())
}
