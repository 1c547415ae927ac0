//! `Base`: the path under which the page is mounted, and what depends on it: links, and the path and other attributes
//! of cookies.

use core::fmt;

use axum::extract::OriginalUri;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::Request;

/// The path under which the page's router is mounted, which begins every link: empty at the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base(String);

impl Base {
    /// What the routers before the page's have taken off the request's path.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let inner = request.uri().path();
        let whole = request.extensions().get::<OriginalUri>().map_or(inner, |original| original.path());
        let base = whole.strip_suffix(inner).unwrap_or(whole);
        let base = base.trim_end_matches('/');
        // A browser takes what begins like this for another host.
        let is_host = base.starts_with("//") || base.starts_with("/\\");
        Self(if is_host { String::new() } else { base.to_owned() })
    }

    /// A path of the page, as a browser has to ask for it.
    pub(super) fn path(&self, of_page: &str) -> String {
        format!("{}{of_page}", self.0)
    }

    /// A cookie of the page, for no script and no other site, until the browser is closed.
    pub(super) fn cookie(&self, name: &'static str, value: String, is_https: bool) -> Cookie<'static> {
        Cookie::build((name, value))
            .path(self.of_cookies())
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(is_https)
            .build()
    }

    /// Names the cookie that is to go.
    pub(super) fn forgotten(&self, name: &'static str) -> Cookie<'static> {
        Cookie::build(name).path(self.of_cookies()).build()
    }

    fn of_cookies(&self) -> String {
        if self.0.is_empty() { "/".to_owned() } else { self.0.clone() }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    #[test]
    fn it_is_what_routers_before_have_taken_off() {
        for (whole, inner, base) in [
            ("/overview", "/overview", ""),
            ("/hooks-admin/overview", "/overview", "/hooks-admin"),
            ("/a/b/deliveries/1", "/deliveries/1", "/a/b"),
            ("/hooks-admin", "/", "/hooks-admin"),
            ("/hooks-admin/", "/", "/hooks-admin"),
            ("/", "/", ""),
            ("//evil.example/overview", "/overview", ""),
        ] {
            let mut request = Request::new(());
            *request.uri_mut() = Uri::try_from(inner).unwrap();
            let original = Uri::builder().path_and_query(whole).build().unwrap();
            request.extensions_mut().insert(OriginalUri(original));
            assert_eq!(Base::of(&request).to_string(), base, "{whole}");
        }
    }
}
