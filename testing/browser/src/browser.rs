//! Headless Chromium, driven through its driver.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

/// What a step of a test gives, or why it could not be made.
pub type Result<T> = core::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Whether somebody has asked for tests without a browser.
pub fn is_skipped() -> bool {
    std::env::var("GYMHOOK_NO_BROWSER").is_ok_and(|value| value == "1")
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub const BOTH: [Self; 2] = [Self::Light, Self::Dark];

    /// Its name in CSS.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A browser with one window. The driver ends with it.
#[derive(Debug)]
pub struct Browser {
    pub client: Client,
    driver: Child,
}

/// A command of the DevTools protocol, as Chromium's driver passes it on.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> core::result::Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}

/// Before anything of a page runs: what its policy refuses is kept for [`Browser::violations`].
const WATCH: &str = r"
    window.__violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
        window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
";

impl Browser {
    /// Starts Chromium and its driver.
    ///
    /// # Errors
    /// One of them is not installed, or does not start.
    pub async fn start() -> Result<Self> {
        let missing = |error| {
            format!(
                "chromedriver cannot be started ({error}): install Chromium and its driver (on Debian `apt-get install -y \
                 chromium chromium-driver`), or set GYMHOOK_NO_BROWSER=1 to do without these tests"
            )
        };
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(missing)?;
        let Some(said) = driver.stdout.take() else { return Err("the driver says nothing".into()) };
        let mut said = BufReader::new(said).lines();
        let port = said.by_ref().map_while(core::result::Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.ok_or("the driver does not say on which port it listens")?;
        // It must not be stopped by a full pipe.
        std::thread::spawn(move || said.for_each(drop));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1600,1000",
        ];
        let capabilities =
            json!({ "pageLoadStrategy": "eager", "goog:chromeOptions": { "args": arguments } });
        let Value::Object(capabilities) = capabilities else {
            return Err("capabilities are an object".into());
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                // Nothing else is left of it.
                let _ = driver.kill();
                return Err(format!("Chromium cannot be started: {error}").into());
            }
        };
        let browser = Self { client, driver };
        browser.tools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await?;
        Ok(browser)
    }

    async fn tools(&self, command: &'static str, parameters: Value) -> Result<Value> {
        Ok(self.client.issue_cmd(DevTools { command, parameters }).await?)
    }

    /// Shows pages on a screen of this width, light or dark.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn show_on(&self, width: u32, scheme: Scheme) -> Result<()> {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.tools("Emulation.setDeviceMetricsOverride", metrics).await?;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme.as_str() }] });
        self.tools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Runs scripts of pages, or does not.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn run_scripts(&self, run: bool) -> Result<()> {
        self.tools("Emulation.setScriptExecutionDisabled", json!({ "value": !run })).await?;
        Ok(())
    }

    /// Fills in the form, and sends it.
    ///
    /// # Errors
    /// There is no such form.
    pub async fn sign_in(&self, base: &str, key: &str) -> Result<()> {
        self.client.goto(&format!("{base}/sign-in")).await?;
        self.client.find(Locator::Id("key")).await?.send_keys(key).await?;
        self.client.find(Locator::Css("form button")).await?.click().await?;
        self.client
            .wait()
            .at_most(Duration::from_secs(10))
            .for_element(Locator::Css("nav a[aria-current]"))
            .await?;
        Ok(())
    }

    /// What a script in the page gives.
    ///
    /// # Errors
    /// It fails.
    pub async fn ask(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// What the policy of this page has refused.
    ///
    /// # Errors
    /// The page is gone.
    pub async fn violations(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.ask("return window.__violations ?? ['not watched']").await?)?)
    }

    /// The whole page as a PNG.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        let height = self.ask("return Math.max(document.documentElement.scrollHeight, 600)").await?;
        let width = self.ask("return document.documentElement.clientWidth").await?;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.tools("Page.captureScreenshot", parameters).await?;
        let text = taken.get("data").and_then(Value::as_str).ok_or("no picture was taken")?;
        Ok(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
            .map_err(|error| error.to_string())?)
    }

    /// Ends the browser and its driver.
    ///
    /// # Errors
    /// The session cannot be closed.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.clone().close().await?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
