//! Serves the files of the web UI in `ui/`.

use std::fmt::Write;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use sha2::{Digest, Sha256};
use web::{Caching, Problem, ProblemType, cached_response};

/// Lists paths below `ui/` with the contents of the files.
macro_rules! files {
    ($($path:literal),+ $(,)?) => { &[$(($path, include_str!(concat!("../ui/", $path)))),+] };
}

const FILES: &[(&str, &str)] = files![
    "icon.svg",
    "css/base.css",
    "css/events.css",
    "js/api.js",
    "js/defaults.js",
    "js/dom.js",
    "js/format.js",
    "js/main.js",
    "js/session.js",
    "js/components/async-view.js",
    "js/components/delivery-attempts.js",
    "js/components/dialogs.js",
    "js/components/diff.js",
    "js/components/event-detail.js",
    "js/components/event-links.js",
    "js/components/event-list.js",
    "js/components/event-panel.js",
    "js/components/export-dialog.js",
    "js/components/filter-bar.js",
    "js/components/filter-form.js",
    "js/components/filter-values.js",
    "js/components/forms.js",
    "js/components/json-view.js",
    "js/components/match-preview.js",
    "js/components/paged-table.js",
    "js/components/replays.js",
    "js/components/resource-actions.js",
    "js/components/states.js",
    "js/components/table.js",
    "js/components/target-form.js",
    "js/components/target-health.js",
    "js/components/timeline-chart.js",
    "js/pages/deliveries.js",
    "js/pages/events.js",
    "js/pages/history.js",
    "js/pages/keys.js",
    "js/pages/quarantine.js",
    "js/pages/schemas.js",
    "js/pages/sign-in.js",
    "js/pages/sources.js",
    "js/pages/target.js",
    "js/pages/targets.js",
    "js/pages/timeline.js",
];

/// HTML document of every page. `VERSION` is replaced with the version of the files.
const INDEX: &str = include_str!("../ui/index.html");

/// Paths of the pages. All of them return the same document; `js/main.js` renders the page of the path.
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

/// Content-Security-Policy of the pages. They load only their own files and send requests only to this server. Data of
/// events and targets cannot become markup or script, even if a page has a bug.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// Caching of the files. In debug builds a file may change without a new URL.
const FILE_CACHING: Caching = if cfg!(debug_assertions) { Caching::Revalidated } else { Caching::Forever };

/// Adds the routes of the pages and their files.
pub(crate) fn register_routes<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let pages = PAGES.into_iter().chain(["/signin"]);
    let routes = pages.fold(routes, |routes, path| routes.route(path, get(read_index)));
    routes.route("/ui/{version}/{*path}", get(read_file)).route("/{*path}", any(not_found))
}

/// Answers all other paths with 404. A browser gets the document too, in which the page shows the error.
async fn not_found(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if method == Method::GET && accept.contains("text/html") && !uri.path().starts_with("/v1/") {
        return (StatusCode::NOT_FOUND, read_index(HeaderMap::new()).await).into_response();
    }
    Problem::new(ProblemType::NotFound, format!("No route matches {}", uri.path())).into_response()
}

/// Returns the version of the files. It is part of their URLs, so that browsers can cache the files forever and never mix
/// two versions.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut digest = Sha256::new();
        for (path, text) in FILES {
            digest.update(path);
            digest.update(text);
        }
        digest.finalize()[..6].iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    })
}

async fn read_index(headers: HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        // Preloads all modules in parallel; otherwise the browser discovers them one import at a time.
        let modules = FILES.iter().filter(|(path, _)| path.starts_with("js/"));
        let links = modules.map(|(path, _)| format!("<link rel=\"modulepreload\" href=\"/ui/VERSION/{path}\">\n"));
        let links: Vec<String> = links.collect();
        INDEX.replace("</head>", &format!("{}</head>", links.concat())).replace("VERSION", version())
    });
    let mut response = cached_response(&headers, Caching::Revalidated, ("text/html; charset=utf-8", page.as_str()));
    set_security_headers(response.headers_mut());
    response
}

async fn read_file(Path((requested, path)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(known, _)| *known == path && requested == version());
    let (path, text) =
        found.ok_or_else(|| Problem::new(ProblemType::NotFound, "The file does not exist; reload the page"))?;
    let media_type = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    };
    let mut response = cached_response(&headers, FILE_CACHING, (media_type, current_text(path, text)));
    set_security_headers(response.headers_mut());
    Ok(response.into_response())
}

/// Returns the text of a file. Debug builds read it from the folder, so that changes appear after a reload.
#[cfg(debug_assertions)]
fn current_text(path: &str, built_in: &'static str) -> std::borrow::Cow<'static, str> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(path);
    std::fs::read_to_string(file).map_or(built_in.into(), Into::into)
}

#[cfg(not(debug_assertions))]
fn current_text(_: &str, built_in: &'static str) -> std::borrow::Cow<'static, str> {
    built_in.into()
}

fn set_security_headers(headers: &mut HeaderMap) {
    let values = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
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
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    /// Collects the paths of all files in a folder, relative to it.
    fn collect_files(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                collect_files(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_in_the_folder_is_served() {
        let mut present = BTreeSet::new();
        collect_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), "", &mut present);
        let served = FILES.iter().map(|(path, _)| (*path).to_owned());
        let not_served = ["README.md", "index.html"].map(str::to_owned);
        assert_eq!(served.chain(not_served).collect::<BTreeSet<_>>(), present);
    }

    /// Every page loads all files, so their compressed size bounds the time to the first page.
    #[test]
    fn compressed_files_stay_within_the_size_limit() {
        const MAX_COMPRESSED_BYTES: usize = 120_000;
        let texts = FILES.iter().map(|(_, text)| *text).chain([INDEX]);
        let bytes: usize = texts.map(compressed_size).sum();
        assert!(bytes < MAX_COMPRESSED_BYTES, "{bytes} bytes");
    }

    /// Returns the size after gzip at the level of the server.
    fn compressed_size(text: &str) -> usize {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap().len()
    }

    #[test]
    fn links_to_the_api_docs_name_existing_operations() {
        for (path, text) in FILES {
            for link in text.split("/docs#").skip(1) {
                let id = link.split('\'').next().unwrap();
                let operation = format!("\"operationId\": \"{id}\"");
                assert!(crate::docs::DOCUMENT.contains(&operation), "{path} links to {id}");
            }
        }
    }

    #[test]
    fn files_create_no_markup_from_text_and_load_nothing_external() {
        let forbidden =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "://"];
        for (path, text) in FILES.iter().filter(|(path, _)| *path != "icon.svg") {
            for word in forbidden {
                // Namespaces and placeholders of fields contain URLs that are never loaded.
                let harmless =
                    |line: &str| line.contains("'http://www.w3.org/2000/svg'") || line.contains("placeholder:");
                let line = text.lines().find(|line| line.contains(word) && !harmless(line));
                assert_eq!(line, None, "{path} contains {word}");
            }
        }
    }
}
