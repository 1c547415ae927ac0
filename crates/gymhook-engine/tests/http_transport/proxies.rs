//! Neither a redirect nor the environment leads anywhere else.

use std::process::Command;

use http::StatusCode;

use crate::support::{OK, PATIENT, Server, answered, send, transport};

#[tokio::test]
async fn a_redirect_is_an_answer_and_its_location_is_never_fetched() {
    let inside = Server::answering(OK).await;
    for status in [301_u16, 302, 303, 307, 308] {
        let location = inside.url();
        let redirect =
            format!("HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\nbody");
        let server = Server::answering(redirect.leak()).await;
        let answer = send(&transport(), &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, answered(StatusCode::from_u16(status).unwrap()));
        assert_eq!(answer.captured.as_deref(), Some("body"));
        assert!(answer.detail.unwrap().contains("redirects are not followed"));
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(inside.connections(), 0);
}

/// In the role of the child, this very test is run again with proxies in its environment.
#[tokio::test]
async fn proxies_in_the_environment_change_nothing() {
    const URL: &str = "GYMHOOK_TEST_SEND_TO";
    if let Ok(url) = std::env::var(URL) {
        assert!(std::env::var_os("HTTP_PROXY").is_some());
        let answer = send(&transport(), &url, PATIENT).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK));
        return;
    }

    let (server, proxy) = (Server::answering(OK).await, Server::answering(OK).await);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxies::proxies_in_the_environment_change_nothing"]).env(URL, server.url());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, format!("http://{}", proxy.address));
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!((server.requests().len(), proxy.connections()), (1, 0));
}
