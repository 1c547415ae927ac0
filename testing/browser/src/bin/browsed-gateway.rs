//! A gateway with one source and one destination, which runs until it is killed: `browsed-gateway DATABASE PORT APPLICATION`.

use std::io::Write as _;
use std::time::Duration;

use gymhook::event::Vendor;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_browser_tests::{EGYM_KEY, Result};
use gymhook_engine::store::SqliteStore;
use gymhook_service::{Destination, Service, Settings, Source};
use tokio::net::TcpListener;

const USAGE: &str = "usage: browsed-gateway DATABASE PORT APPLICATION";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or(USAGE);
    let store = SqliteStore::open(argument()?)?;
    let port: u16 = argument()?.parse()?;
    let application = argument()?;
    let keys = Keyring::single("berlin-mitte", Secret::new(EGYM_KEY)?)?;
    let egym = Provider::of(Vendor::EGYM).ok_or("a platform that is known")?;
    let secret = Keyring::single("2026-11", Secret::new("a secret of thirty-two bytes, or more")?)?;
    let mut settings = Settings::default();
    settings.sources = vec![Source::new("egym", Receiver::new(&egym, keys)?)];
    let mut destination = Destination::new("member-app", application, secret);
    // So long that nothing is repeated but by hand.
    destination.retry_delays = Some(vec![Duration::from_secs(60 * 60); 3]);
    settings.destinations = vec![destination];
    let service = Service::start(settings, store).await?;
    let key = service.first_api_key().await?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", key.as_ref().map(|issued| issued.expose_key()).unwrap_or_default());
    std::io::stdout().flush()?;
    Ok(axum::serve(listener, service.router()).await?)
}
