//! Makes a picture of each screen: `cargo run -p gymhook-browser-tests --bin screenshots -- FOLDER`.

use std::path::PathBuf;

use gymhook_browser_tests::{Browser, Demo, Result, Scheme, screens};

/// The narrowest and the widest screen.
const WIDTHS: [u32; 2] = [360, 1_600];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name the folder for the pictures")?);
    let only = arguments.next().and_then(|only| only.into_string().ok());
    std::fs::create_dir_all(&folder)?;
    let browser = Browser::start().await?;
    for scheme in Scheme::BOTH {
        // A secret is rotated for a picture, which an endpoint allows three times a day.
        let demo = Demo::start().await?;
        for width in WIDTHS {
            browser.show_on(width, scheme).await?;
            browser.client.delete_all_cookies().await?;
            browser.client.goto(&format!("{}/sign-in", demo.base)).await?;
            save(&browser, &folder, "sign-in", width, scheme).await?;
            browser.sign_in(&demo.base, &demo.operator).await?;
            for screen in screens(&demo)
                .iter()
                .filter(|screen| only.as_ref().is_none_or(|only| screen.name.starts_with(only.as_str())))
            {
                screen.show(&browser, &demo.base).await?;
                if screen.name.starts_with("delivery-failed") {
                    browser
                        .ask("for (const part of document.querySelectorAll('details')) part.open = true")
                        .await?;
                }
                save(&browser, &folder, screen.name, width, scheme).await?;
            }
        }
        demo.stop().await;
    }
    browser.close().await?;
    Ok(())
}

async fn save(
    browser: &Browser,
    folder: &std::path::Path,
    name: &str,
    width: u32,
    scheme: Scheme,
) -> Result<()> {
    let file = folder.join(format!("{name}-{width}-{}.png", scheme.as_str()));
    Ok(std::fs::write(file, browser.picture().await?)?)
}
