//! A destination that fails is found on the page, mended, and sent to by a button, while the gateway is killed in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use gymhook_browser_tests::{Browser, EGYM_KEY, Gateway, Result, is_skipped, send};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(10);

/// An application that fails until it is mended. It tells of each webhook that it accepts.
async fn application() -> Result<(String, Arc<AtomicBool>, tokio::sync::mpsc::UnboundedReceiver<String>)> {
    let mended = Arc::new(AtomicBool::new(false));
    let (accepted, accepts) = tokio::sync::mpsc::unbounded_channel();
    let is_mended = Arc::clone(&mended);
    let routes = Router::new().route(
        "/webhooks",
        post(async move |body: String| {
            if !is_mended.load(Ordering::SeqCst) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            match accepted.send(body) {
                Ok(()) => StatusCode::NO_CONTENT,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }),
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/webhooks", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((url, mended, accepts))
}

/// Waits for this, and shows the page that does not have it.
async fn wait_for(client: &Client, it: Locator<'_>) -> Result<Element> {
    match client.wait().at_most(PATIENCE).for_element(it).await {
        Ok(found) => Ok(found),
        Err(error) => {
            let page = client.find(Locator::Css("main")).await?.text().await?;
            Err(format!("{it:?}: {error}, on {}:\n{page}", client.current_url().await?).into())
        }
    }
}

/// Clicks on this, once it is there: a live page may replace it in between.
async fn follow(client: &Client, link: Locator<'_>) -> Result<()> {
    let began = Instant::now();
    loop {
        let found = wait_for(client, link).await?;
        match found.click().await {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => {}
        }
    }
}

/// Waits until the page is of a delivery in this state.
async fn until_state(client: &Client, word: &str) -> Result<()> {
    let badge = format!("//div[@class='head']/span[contains(@class,'badge')][.='{word}']");
    wait_for(client, Locator::XPath(&badge)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_destination_is_found_mended_and_sent_to_by_the_button() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let (url, mended, mut accepts) = application().await?;
    let mut gateway = Gateway::start(env!("CARGO_BIN_EXE_browsed-gateway"), &url)?;
    let base = format!("http://{}", gateway.address());
    let checkin = r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    let headers = format!("x-api-key: {EGYM_KEY}\r\nauthorization: Bearer {EGYM_KEY}\r\n");
    send(&gateway.address(), "/in/egym", &headers, checkin).await?;

    let browser = Browser::start().await?;
    let client = &browser.client;
    browser.sign_in(&base, &gateway.key).await?;
    // The overview is live: the destination appears on it when the first attempt has failed.
    client.goto(&format!("{base}/overview")).await?;
    follow(client, Locator::XPath("//section[@aria-labelledby='ailing']//a[.='member-app']")).await?;
    follow(client, Locator::XPath("//section[@aria-labelledby='latest']//th/a")).await?;
    until_state(client, "Waiting").await?;
    let attempts = client.find(Locator::Css(".timeline")).await?.text().await?;
    assert!(attempts.contains("503 Service Unavailable"), "{attempts}");
    let delivery = client.current_url().await?;

    gateway.kill_and_start_again()?;
    mended.store(true, Ordering::SeqCst);
    // A session ends with the process.
    browser.sign_in(&base, &gateway.key).await?;
    client.goto(delivery.as_str()).await?;
    until_state(client, "Waiting").await?;
    follow(client, Locator::XPath("//button[.='Retry now']")).await?;
    until_state(client, "Delivered").await?;
    let event = tokio::time::timeout(PATIENCE, accepts.recv()).await?.ok_or("the application is gone")?;
    assert!(event.contains("\"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c\""), "{event}");
    assert!(accepts.try_recv().is_err(), "it was delivered once");
    browser.close().await?;
    Ok(())
}
