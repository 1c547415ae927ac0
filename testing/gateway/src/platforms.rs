//! The platforms: they send, and repeat what was not acknowledged with the same id.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gymhook::signature::Signer;
use gymhook_crash_tests::random::Random;
use http::{HeaderMap, HeaderValue, header};
use time::UtcDateTime;
use tokio::task::JoinSet;

use crate::Failure;
use crate::history::{Event, Sent};
use crate::orders::{api_key, path};
use crate::recorder::Recorder;
use crate::studios::{PLATFORMS, PUBLISHED, STUDIOS, body, mark, published, signer};
use crate::wire::{Answer, post};

/// The platform of what is published through the API.
pub const API: &str = "api";

/// How many requests are under way at a time.
const CALLERS: u64 = 6;

/// All platforms at work.
#[derive(Debug)]
pub struct Platforms {
    ends: Arc<AtomicBool>,
    callers: JoinSet<Result<(), Failure>>,
}

#[derive(Clone, Debug)]
struct Caller {
    port: u16,
    folder: PathBuf,
    seed: u64,
    recorder: Arc<Recorder>,
    next: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
}

impl Platforms {
    /// Begins to send to the gateway at this port, which leaves an API key in this folder.
    #[must_use]
    pub fn start(port: u16, folder: &Path, seed: u64, recorder: &Arc<Recorder>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicU64::new(1));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (recorder, next, ends) = (Arc::clone(recorder), Arc::clone(&next), Arc::clone(&ends));
            let folder = folder.to_owned();
            callers.spawn(Caller { port, folder, seed, recorder, next, ends }.send_again_and_again());
        }
        Self { ends, callers }
    }

    /// Begins nothing more, and waits until everything that was begun has its end.
    ///
    /// # Errors
    /// A platform cannot sign.
    pub async fn end(mut self) -> Result<(), Failure> {
        self.ends.store(true, Ordering::SeqCst);
        while let Some(ended) = self.callers.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Caller {
    async fn send_again_and_again(self) -> Result<(), Failure> {
        while !self.ends.load(Ordering::SeqCst) {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let mut random = Random::new(self.seed ^ number.rotate_left(32));
            self.request(number, &mut random).await?;
            tokio::time::sleep(Duration::from_millis(5 + random.below(30))).await;
        }
        Ok(())
    }

    /// One request, until it is acknowledged. Some callers give up at once: whether the gateway has it, nobody knows.
    async fn request(&self, number: u64, random: &mut Random) -> Result<(), Failure> {
        let platform = *random.one_of(&PLATFORMS).ok_or("no platform")?;
        let studio = *random.one_of(&STUDIOS).ok_or("no studio")?;
        let is_forged = random.below(12) == 0;
        let gives_up = random.below(10) == 0;
        let is_published = random.below(4) == 0;
        let (from, body) = if is_published {
            (From::Api { is_forged }, published(number))
        } else {
            let signer = signer(platform, studio, is_forged)?;
            (From::Platform { path: path(platform), signer }, body(platform, number))
        };
        self.recorder.sends(Sent {
            number,
            platform: if is_published { API } else { platform.as_str() },
            studio: if is_published { PUBLISHED } else { studio },
            is_forged,
            tells_repeats: body.tells_repeats,
            events: body.events,
        });
        loop {
            self.recorder.happened(Event::Asked { number });
            let answer = self.ask(&from, number, body.text.as_bytes()).await?;
            let (status, says_when) =
                answer.map_or((None, false), |Answer { status, says_when }| (Some(status), says_when));
            self.recorder.happened(Event::Answered { number, status, says_when });
            let is_over = status.is_some_and(|status| status < 500);
            if is_over || gives_up {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20 + random.below(60))).await;
        }
    }

    async fn ask(&self, from: &From, number: u64, body: &[u8]) -> Result<Option<Answer>, Failure> {
        Ok(match from {
            From::Platform { path, signer } => {
                let headers = signer.sign(&mark(number), body, UtcDateTime::now())?;
                post(self.port, path, &headers, body).await
            }
            From::Api { is_forged } => {
                let mut headers = HeaderMap::new();
                headers.insert("idempotency-key", HeaderValue::try_from(mark(number))?);
                // Before it has run for a moment, the gateway has issued no key.
                let Ok(key) = std::fs::read_to_string(api_key(&self.folder)) else { return Ok(None) };
                let key = if *is_forged { key.to_ascii_uppercase() } else { key };
                headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {key}"))?);
                post(self.port, "/v1/events", &headers, body).await
            }
        })
    }
}

/// Who sends a request.
enum From {
    Platform {
        path: String,
        signer: Signer,
    },
    /// Somebody with an API key, or with what looks like one.
    Api {
        is_forged: bool,
    },
}
