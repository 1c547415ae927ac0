//! The page in a real browser. `GYMHOOK_NO_BROWSER=1` does without.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::key::Key;
use gymhook_browser_tests::{Browser, Demo, HOSTILE, Result, Scheme, axe_script, is_skipped, screens};
use serde_json::Value;

/// What axe-core finds on the page that is shown.
async fn axe(browser: &Browser, script: &str) -> Result<Vec<String>> {
    browser.ask(script).await?;
    let run = "const done = arguments[arguments.length - 1];
        axe.run({ resultTypes: ['violations'] }).then(
            (found) => done(found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.failureSummary}`))),
            (error) => done([String(error)]));";
    Ok(serde_json::from_value(browser.client.execute_async(run, Vec::new()).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_fits_and_runs_nothing_of_others() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let axe_script = axe_script()?;
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    let mut wrong = Vec::new();
    // Contrast is the schemes', layout the widths': each of both once.
    for (width, scheme) in [(360, Scheme::Dark), (1_600, Scheme::Light)] {
        browser.show_on(width, scheme).await?;
        browser.client.goto(&format!("{}/sign-in", demo.base)).await?;
        let mut check = async |name: &str| -> Result<()> {
            let at = format!("{name} at {width}, {}", scheme.as_str());
            if browser.ask("return typeof window.__xss").await? != "undefined" {
                wrong.push(format!("{at}: a string of others ran"));
            }
            wrong.extend(browser.violations().await?.iter().map(|violation| format!("{at}: {violation}")));
            let elsewhere = "return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin))";
            let elsewhere: Vec<String> = serde_json::from_value(browser.ask(elsewhere).await?)?;
            wrong.extend(elsewhere.iter().map(|url| format!("{at}: asked {url}")));
            let scrolls = browser
                .ask("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
                .await?;
            if scrolls != Value::Bool(false) {
                wrong.push(format!("{at}: the page scrolls sideways"));
            }
            wrong.extend(axe(&browser, &axe_script).await?.iter().map(|found| format!("{at}: {found}")));
            Ok(())
        };
        check("sign-in").await?;
        browser.sign_in(&demo.base, &demo.operator).await?;
        for screen in screens(&demo) {
            screen.show(&browser, &demo.base).await?;
            browser.ask("for (const part of document.querySelectorAll('details')) part.open = true").await?;
            check(screen.name).await?;
        }
        browser.client.delete_all_cookies().await?;
    }
    browser.close().await?;
    demo.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What has the focus, and whether that is seen.
const FOCUS: &str = "const it = document.activeElement; const style = getComputedStyle(it);
    return [it.tagName, it.textContent.trim().slice(0, 40), style.outlineStyle !== 'none' && style.outlineWidth !== '0px']";

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_reached_with_the_keyboard_and_the_focus_is_seen() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    browser.show_on(1_600, Scheme::Light).await?;
    browser.sign_in(&demo.base, &demo.operator).await?;
    browser.client.goto(&format!("{}/deliveries/{}", demo.base, demo.failed)).await?;
    let press = async |key: Key| -> Result<(String, String, bool)> {
        browser.client.active_element().await?.send_keys(&char::from(key).to_string()).await?;
        Ok(serde_json::from_value(browser.ask(FOCUS).await?)?)
    };
    let (_, first, seen) = press(Key::Tab).await?;
    assert_eq!((first.as_str(), seen), ("Skip to the content", true));
    let mut reached = Vec::new();
    for _ in 0..60 {
        let (tag, text, seen) = press(Key::Tab).await?;
        if tag == "BODY" || tag == "HTML" {
            break;
        }
        assert!(seen, "the focus is not seen on {tag} {text:?}");
        reached.push(text);
    }
    for wanted in ["Overview", "Sign out", "Retry now", "Response", "Show it as it is", "Copy as curl"] {
        assert!(reached.iter().any(|text| text == wanted), "{wanted} is not reached: {reached:?}");
    }
    // The skip link does what it says.
    browser.client.goto(&format!("{}/deliveries", demo.base)).await?;
    press(Key::Tab).await?;
    press(Key::Enter).await?;
    let (_, next, _) = press(Key::Tab).await?;
    assert!(next.contains("Live") || next.is_empty(), "within the content, not {next:?}");
    browser.close().await?;
    demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    browser.run_scripts(false).await?;
    browser.sign_in(&demo.base, &demo.operator).await?;
    let client = &browser.client;
    client.goto(&format!("{}/deliveries/{}", demo.base, demo.waiting)).await?;
    let payload = client.find(Locator::Css("#raw pre")).await?;
    assert!(!payload.is_displayed().await?, "the payload is not shown before somebody asks");
    client.find(Locator::Css("#raw summary")).await?.click().await?;
    assert!(payload.is_displayed().await? && payload.text().await?.contains("9007199254740993"));
    assert!(client.find_all(Locator::Css("button.live")).await?.is_empty());
    client.find(Locator::LinkText("Cancel…")).await?.click().await?;
    client.find(Locator::Css("button.danger")).await?.click().await?;
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("[role=status]")).await?;
    assert!(client.find(Locator::Css("[role=status]")).await?.text().await?.contains("being cancelled"));
    browser.close().await?;
    demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_list_shows_what_happens_until_it_is_paused() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    browser.sign_in(&demo.base, &demo.operator).await?;
    let client = &browser.client;
    client.goto(&format!("{}/deliveries", demo.base)).await?;
    client
        .wait()
        .at_most(Duration::from_secs(10))
        .for_element(Locator::Css("button.live:not(.is-off)"))
        .await?;
    demo.publish("happened.now").await?;
    client
        .wait()
        .at_most(Duration::from_secs(20))
        .for_element(Locator::XPath("//bdi[text()='happened.now']"))
        .await?;
    client.find(Locator::Css("button.live")).await?.click().await?;
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("button.live.is-paused")).await?;
    demo.publish("happened.later").await?;
    // Long enough for two refreshes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let later = Locator::XPath("//bdi[text()='happened.later']");
    assert!(client.find_all(later).await?.is_empty(), "a paused list stands still");
    client.find(Locator::Css("button.live")).await?.click().await?;
    client.wait().at_most(Duration::from_secs(20)).for_element(later).await?;
    browser.close().await?;
    demo.stop().await;
    Ok(())
}

/// The article of an operation in the page about the API.
async fn said_of(browser: &Browser, operation: &str, element: &str) -> Result<String> {
    let script = format!("return document.querySelector('#{operation} {element}').textContent");
    Ok(browser.ask(&script).await?.as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_operation_is_tried_from_the_page_about_the_api() -> Result<()> {
    if is_skipped() {
        return Ok(());
    }
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    let client = &browser.client;
    client.goto(&format!("{}/docs", demo.base)).await?;
    client.find(Locator::Id("key-text")).await?.send_keys(&demo.operator).await?;
    let press = async |operation: &str| -> Result<()> {
        let button = format!("document.querySelector('#{operation} form.try button[type=submit]').click()");
        // It does not wait for the question that may follow.
        browser.ask(&format!("setTimeout(() => {button})")).await?;
        Ok(())
    };
    let until = async |operation: &str, status: &str| -> Result<String> {
        for _ in 0..200 {
            if said_of(&browser, operation, ".said").await?.starts_with(status) {
                return said_of(&browser, operation, ".answer").await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{operation}: {}", said_of(&browser, operation, ".said").await?).into())
    };
    let answer_question = async |accept: bool| -> Result<String> {
        for _ in 0..200 {
            if let Ok(question) = client.get_alert_text().await {
                if accept {
                    client.accept_alert().await?
                } else {
                    client.dismiss_alert().await?
                };
                return Ok(question);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("nobody asked".into())
    };

    // What only reads is not asked about.
    press("getStats").await?;
    let stats = until("getStats", "200").await?;
    assert!(stats.contains("content-type: application/json") && stats.contains("\"waiting\""), "{stats}");

    // A change is, and without a yes nothing is sent.
    press("publish").await?;
    assert!(answer_question(false).await?.contains("POST /v1/events"));
    until("publish", "Nothing was sent.").await?;
    let body = client.find(Locator::Css("#publish textarea")).await?;
    body.clear().await?;
    let event =
        serde_json::json!({ "gym": "berlin-mitte", "type": "tried.here", "data": { "text": HOSTILE } });
    body.send_keys(&event.to_string()).await?;
    client.find(Locator::Css("#publish input[name=Idempotency-Key]")).await?.send_keys("tried-1").await?;
    press("publish").await?;
    answer_question(true).await?;
    let published = until("publish", "202").await?;
    assert!(
        published.contains("\"id\":\"tried-1\"") && published.contains("\"repeated\":false"),
        "{published}"
    );

    // A path, a query, and a stranger's string in the answer, which is text.
    client
        .find(Locator::Css("#getSubscription input[name=id]"))
        .await?
        .send_keys(&demo.hostile_subscription.to_string())
        .await?;
    press("getSubscription").await?;
    let hostile = until("getSubscription", "200").await?;
    assert!(hostile.contains("onerror=window.__xss=1"), "{hostile}");
    assert_eq!(browser.ask("return typeof window.__xss").await?, "undefined");
    assert_eq!(browser.ask("return document.querySelectorAll('.answer *').length").await?, 0);
    client.find(Locator::Css("#listDeliveries input[name=type]")).await?.send_keys("tried.here").await?;
    press("listDeliveries").await?;
    assert!(until("listDeliveries", "200").await?.contains("tried.here"));

    // A refusal is shown as well, and a stream until it is stopped.
    client.find(Locator::Css("#getDestination input[name=name]")).await?.send_keys("nothing").await?;
    press("getDestination").await?;
    assert!(until("getDestination", "404").await?.contains("application/problem+json"));
    // A deletion.
    client.find(Locator::Css("#deleteDestination input[name=name]")).await?.send_keys("door-app").await?;
    press("deleteDestination").await?;
    assert!(answer_question(true).await?.contains("DELETE /v1/destinations/door-app"));
    until("deleteDestination", "204").await?;
    press("listDestinations").await?;
    let left = until("listDestinations", "200").await?;
    assert!(left.contains("member-app") && !left.contains("door-app"), "{left}");
    press("tail").await?;
    until("tail", "200").await?;
    client.find(Locator::Css("#tail .stop")).await?.click().await?;
    until("tail", "Stopped.").await?;

    // EGYM's routes take the key of a gym, in a header of their own.
    press("listEgymWebhooks").await?;
    assert!(until("listEgymWebhooks", "403").await?.contains("bound to a gym"));
    let key = client.find(Locator::Id("key-text")).await?;
    key.clear().await?;
    key.send_keys(&demo.of_gym).await?;
    press("listEgymWebhooks").await?;
    until("listEgymWebhooks", "200").await?;

    assert_eq!(browser.violations().await?, Vec::<String>::new());
    assert_eq!(browser.ask("return localStorage.length + sessionStorage.length").await?, 0);
    client.refresh().await?;
    assert_eq!(browser.ask("return document.getElementById('key-text').value").await?, "", "the key is gone");
    browser.close().await?;
    demo.stop().await;
    Ok(())
}
