//! The address of a server, `http://host:port/path`. Other forms are refused.

use std::fmt;

use crate::{Error, Result};

/// Where to connect and what to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path with the query, from the slash on.
    pub(super) path: String,
}

impl Url {
    /// # Errors
    /// A usage error that says what is wrong and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong =
            |what: &str| Error::usage(format!("network: url={}: {what}", text.escape_debug()));
        if text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
            return Err(wrong(
                "knee speaks no TLS; give the http:// address of the server behind it",
            ));
        }
        let rest = match text.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("http://") => &text[7..],
            _ => return Err(wrong("it must begin with http://, as in http://127.0.0.1:8080/path")),
        };
        if text.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(wrong("spaces, control and non-ASCII characters must be percent-encoded"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(wrong("a user and password cannot be given"));
        }
        let (host, port) = authority_parts(authority).ok_or_else(|| {
            wrong("the host is missing or its port is not a number from 1 to 65535")
        })?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, path })
    }
}

fn authority_parts(authority: &str) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None => 80,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    (!host.is_empty() && port > 0).then(|| (host.to_owned(), port))
}

/// The value of the `Host` field.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text| {
            let url = Url::parse(text).unwrap();
            (url.host, url.port, url.path)
        };
        let own = |host: &str, port, path: &str| (host.to_owned(), port, path.to_owned());
        assert_eq!(parts("http://a.example"), own("a.example", 80, "/"));
        assert_eq!(parts("HTTP://a:81/b/c?d=1#e"), own("a", 81, "/b/c?d=1"));
        assert_eq!(parts("http://a?d"), own("a", 80, "/?d"));
        assert_eq!(parts("http://[::1]:8080/x"), own("::1", 8080, "/x"));
        assert_eq!(Url::parse("http://[::1]").unwrap().to_string(), "[::1]:80");
    }

    #[test]
    fn what_we_cannot_serve_is_refused() {
        for (text, why) in [
            ("https://a/", "TLS"),
            ("ftp://a/", "http://"),
            ("a:80", "http://"),
            ("", "http://"),
            ("http://", "host"),
            ("http://:80/", "host"),
            ("http://a:0/", "port"),
            ("http://a:65536/", "port"),
            ("http://a:+8/", "port"),
            ("http://[::1/", "host"),
            ("http://[x]/", "host"),
            ("http://me:secret@a/", "password"),
            ("http://a/b c", "percent"),
            ("http://a/\r\nX: y", "percent"),
            ("http://a/ä", "percent"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains(why), "{text:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(https?://)?.*") {
            let _ = Url::parse(&text);
        }
    }
}
