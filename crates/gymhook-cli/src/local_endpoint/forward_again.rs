//! `Forward::pass_again`: forwards a request again that was verified when it came, under the same ids.

use sha2::{Digest as _, Sha256};
use time::UtcDateTime;

use super::forward::{Forward, Forwarded};
use super::judge::{Judge, Verdict};
use super::server::request_name;
use super::shown_request::Whole;
use crate::event_line::DedupeRecord;
use crate::http_client::HttpClient;
use crate::target::Target;

impl Forward {
    /// Whether requests are signed anew on their way.
    pub(crate) const fn is_signed(&self) -> bool {
        self.signer.is_some()
    }

    pub(crate) const fn client(&self) -> &HttpClient {
        &self.client
    }

    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    /// Passes it on under the same ids, judged as of when it came.
    pub(crate) async fn pass_again(
        &self,
        judge: &Judge,
        request: &Whole,
        at: UtcDateTime,
    ) -> Result<Forwarded, String> {
        let verdict = judge.judge(&request.headers, request.body.clone(), at);
        let Verdict::Accepted(verified) = verdict else {
            return Err("it was refused, and only what was verified is signed anew and passed on".to_owned());
        };
        let digest: [u8; 32] = Sha256::digest(&request.body).into();
        let key = DedupeRecord::of(verified.value());
        let name = request_name(judge.platform().name(), key.as_ref(), &digest);
        Ok(self.pass(&request.headers, &request.body, Some(&verified), &const_hex::encode(name)).await)
    }
}
