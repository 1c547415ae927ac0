//! `Resender`: sends a request again, to the URL of `--forward`, or to a URL that the person enters.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use gymhook::signature::Signer;
use time::UtcDateTime;
use tokio::sync::mpsc as async_mpsc;

use crate::exchange::exchange;
use crate::failure::Failure;
use crate::http_client::HttpClient;
use crate::local_endpoint::{Forward, Judge, Whole};
use crate::resend::{Resend, TIMEOUT};
use crate::target::{Target, TargetArgs};
use crate::when;

/// A request that is to be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(super) id: i64,
    pub(super) at: UtcDateTime,
    pub(super) platform: String,
    pub(super) request: Whole,
    /// The URL; without one, where requests are passed on.
    pub(super) to: Option<String>,
    /// Signed as of now, not as it came.
    pub(super) is_signed_anew: bool,
}

/// What came of a wish.
#[derive(Debug)]
pub(crate) struct Told {
    pub(super) id: i64,
    pub(super) what: String,
}

/// Sends again, one request after another.
#[derive(Debug)]
pub(crate) struct Resender {
    pub(crate) target: TargetArgs,
    pub(crate) forward: Option<Forward>,
    pub(crate) judges: BTreeMap<&'static str, Arc<Judge>>,
}

impl Resender {
    /// Ends with the screen that wishes.
    pub(super) async fn run(self, mut wishes: async_mpsc::Receiver<Wish>, tell: mpsc::Sender<Told>) {
        while let Some(wish) = wishes.recv().await {
            let id = wish.id;
            let what = self.send(wish).await.unwrap_or_else(|problem| problem);
            if tell.send(Told { id, what }).is_err() {
                return;
            }
        }
    }

    async fn send(&self, wish: Wish) -> Result<String, String> {
        let judge = self.judges.get("").or_else(|| self.judges.get(wish.platform.as_str()));
        match (&wish.to, &self.forward) {
            (None, Some(forward)) if forward.is_signed() => {
                let judge = judge.ok_or("nobody can judge it any more")?;
                let forwarded = forward.pass_again(judge, &wish.request, wish.at).await?;
                Ok(forwarded
                    .status
                    .map_or_else(|| forwarded.error.unwrap_or_default(), |status| status.to_string()))
            }
            (None, Some(forward)) => self.exchange(&wish, judge, forward.client(), forward.target()).await,
            (Some(url), _) => {
                let target = self.target.resolve(url).await.map_err(|failure| failure.to_string())?;
                let client = self.target.client(&target).map_err(|failure| failure.to_string())?;
                self.exchange(&wish, judge, &client, &target).await
            }
            (None, None) => Err("there is no URL to send it to".to_owned()),
        }
    }

    async fn exchange(
        &self,
        wish: &Wish,
        judge: Option<&Arc<Judge>>,
        client: &HttpClient,
        target: &Target,
    ) -> Result<String, String> {
        let signer = match judge.filter(|_| wish.is_signed_anew) {
            Some(judge) => Some(judge.signer().map_err(|failure: Failure| failure.to_string())?),
            None => None,
        };
        let headers =
            wish.request.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let again = Resend { headers, body: wish.request.body.clone() };
        let request = again.http(signer.as_ref() as Option<&Signer>, target)?;
        let seen = exchange(client, request, TIMEOUT).await;
        let problem = seen.problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
        Ok(format!("{} in {}{problem} from {}", seen.word(), when::span(seen.took), target.url))
    }
}
