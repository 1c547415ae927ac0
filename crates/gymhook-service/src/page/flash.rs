//! `Done`: the message about what was just done. A cookie carries it to the next page, which shows it once.

use core::fmt;

use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;

use super::visitor::Visitor;

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
    Changed = "changed": "It was changed: what waits is sent by the new settings.",
    Deleted = "deleted": "It was deleted.",
    Redelivered = "redelivered": "The deliveries are being sent again.",
    KeyRevoked = "key-revoked": "The key was revoked: it is no longer valid, and its sessions have ended.",
}

impl Done {
    pub(super) fn of(jar: &CookieJar) -> Option<Self> {
        let code = jar.get(DONE_COOKIE)?.value();
        Self::ALL.iter().copied().find(|done| done.code() == code)
    }

    /// To this path of the page, which tells it.
    pub(super) fn then(self, visitor: &Visitor, path: &str) -> Response {
        let base = &visitor.base;
        let is_https = visitor.caller.app().settings.load().https;
        let cookie = base.cookie(DONE_COOKIE, self.code().to_owned(), is_https);
        (CookieJar::new().add(cookie), Redirect::to(&base.path(path))).into_response()
    }
}
