//! What was just done, told once on the page that follows.

use core::fmt;

use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::base::Base;

/// The cookie that says what was done.
pub(super) const DONE_COOKIE: &str = "gymhook-done";

macro_rules! done {
    ($($variant:ident = $code:literal: $text:literal,)*) => {
        /// What was just done. A cookie names it, so that nothing else can be put on the page through it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Done {
            $($variant,)*
        }

        impl Done {
            const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }

        impl fmt::Display for Done {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }
    };
}

done! {
    Retried = "retried": "A retry was requested: a worker makes the attempt.",
    Cancelled = "cancelled": "The delivery is being cancelled.",
    Tested = "tested": "A test event is on its way: its delivery is the latest.",
    Paused = "paused": "It is being paused: what arrives meanwhile waits.",
    Disabled = "disabled": "It is being disabled: what arrives meanwhile waits.",
    Enabled = "enabled": "It is being enabled: what waited is sent first.",
    Deleted = "deleted": "It was deleted.",
    Redelivered = "redelivered": "The deliveries are being sent again.",
    KeyRevoked = "key-revoked": "The key was revoked: it no longer counts, and its sessions have ended.",
    NothingToDo = "nothing-to-do": "There was nothing to do.",
}

impl Done {
    pub(super) fn of(jar: &CookieJar) -> Option<Self> {
        let code = jar.get(DONE_COOKIE)?.value();
        Self::ALL.iter().copied().find(|done| done.code() == code)
    }

    /// To this path of the page, which tells it.
    pub(super) fn then(self, base: &Base, path: &str) -> Response {
        let cookie = Cookie::build((DONE_COOKIE, self.code()))
            .path(base.of_cookies().to_owned())
            .http_only(true)
            .same_site(SameSite::Strict);
        (CookieJar::new().add(cookie), Redirect::to(&base.path(path))).into_response()
    }
}
