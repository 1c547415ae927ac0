// What the examples in the documentation of `Engine`'s operations begin with: an engine without a worker, on a store in memory whose
// clock stays at noon on 2026-01-01, with one subscription of the gym "berlin".

async fn engine() -> Result<
    (gymhook_engine::Engine<gymhook_engine::store::memory::MemoryStore>, gymhook_engine::EndpointId),
    Box<dyn std::error::Error>,
> {
    use gymhook::signature::{Keyring, Secret};
    use gymhook_engine::{EndpointId, EndpointPolicy, Engine, Subscription};

    let noon = time::macros::utc_datetime!(2026-01-01 12:00);
    let engine = Engine::builder(gymhook_engine::store::memory::MemoryStore::new(noon)).enqueue_only();
    let keys = std::sync::Arc::new(Keyring::single("2026-01", Secret::new("a secret of 128 random bits")?)?);
    let url = gymhook::send::EndpointUrl::dangerous_without_rule("https://receiver.example/hooks")?;
    let policy = EndpointPolicy::new(gymhook::retry::RetryPolicy::standard_webhooks());
    let endpoint = EndpointId::from_u128(1);
    let subscription = Subscription::new(endpoint, "berlin", "standard-webhooks", url, keys, policy);
    engine.put_subscription(&subscription).await?;
    Ok((engine, endpoint))
}
