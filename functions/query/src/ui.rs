//! The web UI's files, from `ui/`.

use std::fmt::Write;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use sha2::{Digest, Sha256};
use web::{Caching, Problem, ProblemType, cached_response};

/// The files: where they are, and what is in them.
macro_rules! files {
    ($($path:literal),+ $(,)?) => { &[$(($path, include_str!(concat!("../ui/", $path)))),+] };
}

const FILES: &[(&str, &str)] = files![
    "icon.svg",
    "css/base.css",
    "css/events.css",
    "js/main.js",
    "js/api.js",
    "js/dom.js",
    "js/format.js",
    "js/session.js",
    "js/pages/deliveries.js",
    "js/pages/events.js",
    "js/pages/keys.js",
    "js/pages/quarantine.js",
    "js/pages/schemas.js",
    "js/pages/signin.js",
    "js/pages/sources.js",
    "js/pages/target.js",
    "js/pages/targets.js",
    "js/pages/thing.js",
    "js/pages/timeline.js",
    "js/parts/deliveries.js",
    "js/parts/diff.js",
    "js/parts/event.js",
    "js/parts/export.js",
    "js/parts/filters.js",
    "js/parts/forms.js",
    "js/parts/json.js",
    "js/parts/list.js",
    "js/parts/manage.js",
    "js/parts/matching.js",
    "js/parts/replays.js",
    "js/parts/table.js",
    "js/parts/target-form.js",
];

/// The frame of every page. `VERSION` in it stands for the files' version.
const INDEX: &str = include_str!("../ui/index.html");

/// The addresses of pages, all of which are the frame: `js/main.js` draws what belongs there.
const PAGES: [&str; 13] = [
    "/",
    "/timeline",
    "/events/{id}",
    "/subjects/{name}",
    "/actors/{name}",
    "/targets",
    "/targets/{*rest}",
    "/quarantine",
    "/quarantine/{*rest}",
    "/sources",
    "/keys",
    "/schemas",
    "/schemas/{*rest}",
];

/// What a page may do: load its own files, ask this server, and nothing else. What events and targets carry cannot
/// become markup or script, even where a page had a mistake.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// How long browsers keep a file. In a debug build it may change under its address.
const KEPT: Caching = if cfg!(debug_assertions) { Caching::Revalidated } else { Caching::Forever };

/// Adds the pages and their files.
pub(crate) fn pages<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let pages = PAGES.into_iter().chain(["/signin"]);
    let routes = pages.fold(routes, |routes, path| routes.route(path, get(index)));
    routes.route("/ui/{version}/{*path}", get(file)).route("/{*path}", any(nowhere))
}

/// What there is at all other paths: for a browser the frame too, in which the page says that there is none.
async fn nowhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if method == Method::GET && accept.contains("text/html") && !uri.path().starts_with("/v1/") {
        return (StatusCode::NOT_FOUND, index(HeaderMap::new()).await).into_response();
    }
    Problem::new(ProblemType::NotFound, format!("There is nothing at {}", uri.path())).into_response()
}

/// What the files are: part of their addresses, so that a browser may keep them for good, and never has some of one
/// version and some of another.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut digest = Sha256::new();
        for (path, text) in FILES {
            digest.update(path);
            digest.update(text);
        }
        digest.finalize()[..6].iter().fold(String::new(), |mut hex, byte| {
            // Writing to a text does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    })
}

async fn index(headers: HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        // All modules at once, instead of one after the other as they import each other.
        let modules = FILES.iter().filter(|(path, _)| path.starts_with("js/"));
        let links = modules.map(|(path, _)| format!("<link rel=\"modulepreload\" href=\"/ui/VERSION/{path}\">\n"));
        let links: Vec<String> = links.collect();
        INDEX.replace("</head>", &format!("{}</head>", links.concat())).replace("VERSION", version())
    });
    let mut response = cached_response(&headers, Caching::Revalidated, ("text/html; charset=utf-8", page.as_str()));
    guard(response.headers_mut());
    response
}

async fn file(Path((asked, path)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(known, _)| *known == path && asked == version());
    let (path, text) =
        found.ok_or_else(|| Problem::new(ProblemType::NotFound, "There is no such file: reload the page"))?;
    let media_type = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    };
    let mut response = cached_response(&headers, KEPT, (media_type, current(path, text)));
    guard(response.headers_mut());
    Ok(response.into_response())
}

/// The file's text; in a debug build, as it is in the folder now.
#[cfg(debug_assertions)]
fn current(path: &str, built_in: &'static str) -> std::borrow::Cow<'static, str> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(path);
    std::fs::read_to_string(file).map_or(built_in.into(), Into::into)
}

#[cfg(not(debug_assertions))]
fn current(_: &str, built_in: &'static str) -> std::borrow::Cow<'static, str> {
    built_in.into()
}

fn guard(headers: &mut HeaderMap) {
    let values = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every file below a folder, by its path from there.
    fn walk(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut there = BTreeSet::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), "", &mut there);
        let served = FILES.iter().map(|(path, _)| (*path).to_owned());
        let not_served = ["README.md", "index.html"].map(str::to_owned);
        assert_eq!(served.chain(not_served).collect::<BTreeSet<_>>(), there);
    }

    #[test]
    fn all_of_it_is_small() {
        const MOST: usize = 150_000;
        let bytes = INDEX.len() + FILES.iter().map(|(_, text)| text.len()).sum::<usize>();
        assert!(bytes < MOST, "{bytes} bytes");
    }

    #[test]
    fn nothing_becomes_markup_or_comes_from_elsewhere() {
        let forbidden =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "://"];
        for (path, text) in FILES.iter().filter(|(path, _)| *path != "icon.svg") {
            for word in forbidden {
                // A namespace, and an example beside a field: neither is loaded.
                let harmless =
                    |line: &str| line.contains("'http://www.w3.org/2000/svg'") || line.contains("placeholder:");
                let here = text.lines().find(|line| line.contains(word) && !harmless(line));
                assert_eq!(here, None, "{path} has {word}");
            }
        }
    }
}
