//! The HTML of the GraphiQL page, assembled from the files in the folder of this module.
//!
//! `page.html` is the template and `page.css` its style. `page.js` signs in and starts
//! GraphiQL, `queue.js` is the live queue, and `tabs/` contains the operations. The
//! server's settings are embedded as one escaped JSON block.

use bytes::Bytes;
use serde_json::json;

use crate::http::pages::documents::documents_in;
use crate::http::pages::graphiql::assets::{AssetFile, FILES, Kind};
use crate::http::pages::graphiql::settings::{AssetSource, GraphiqlSettings};

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const START: &str = include_str!("page.js");
const QUEUE: &str = include_str!("queue.js");

/// The operations that the page opens with, in the order of its tabs.
///
/// The page fills in the variables, because ids differ from server to server.
pub(super) const TABS: [(&str, &str); 5] = [
    ("Queue", include_str!("tabs/queue.graphql")),
    ("Live", include_str!("tabs/live.graphql")),
    ("Assign", include_str!("tabs/assign.graphql")),
    ("Claim", include_str!("tabs/claim.graphql")),
    ("Close", include_str!("tabs/close.graphql")),
];

/// The documents that the page sends by itself.
pub(super) fn documents() -> Vec<String> {
    let mut documents: Vec<String> = TABS.iter().map(|(_, text)| (*text).to_owned()).collect();
    documents.extend([START, QUEUE].into_iter().flat_map(documents_in));
    documents
}

/// The page without its nonce.
pub(super) struct Page {
    settings: GraphiqlSettings,
    styles: Vec<Reference>,
    scripts: Vec<Reference>,
}

/// The URL and the hash of one of [`FILES`].
struct Reference {
    url: String,
    integrity: &'static str,
}

impl Page {
    pub(super) fn new(settings: GraphiqlSettings) -> Self {
        let references = |kind| {
            let files = FILES.iter().filter(|file| file.kind == kind);
            files.map(|file| Reference::new(file, &settings.assets)).collect()
        };
        Self { styles: references(Kind::Style), scripts: references(Kind::Script), settings }
    }

    /// The page with the tokens of all identities.
    pub(super) fn html_signed_in(&self, nonce: &str) -> String {
        let identities = self.settings.identities.iter();
        let identities = identities.map(|who| json!({ "label": who.label, "token": who.token }));
        self.html(nonce, identities.collect())
    }

    /// The page that asks for a token.
    pub(super) fn html_signed_out(&self, nonce: &str) -> String {
        self.html(nonce, Vec::new())
    }

    /// The file of this name; `None` if it does not exist or comes from the CDN.
    pub(super) fn asset(&self, name: &str) -> Option<(&'static AssetFile, Bytes)> {
        match &self.settings.assets {
            AssetSource::Installed(assets) => assets.find(name),
            AssetSource::Cdn { .. } => None,
        }
    }

    fn html(&self, nonce: &str, identities: Vec<serde_json::Value>) -> String {
        let how_to_install = match &self.settings.assets {
            AssetSource::Installed(_) => None,
            AssetSource::Cdn { how_to_install } => Some(how_to_install),
        };
        let tabs = TABS.map(|(name, query)| json!({ "name": name, "query": query }));
        let settings = json!({
            "endpoint": self.settings.endpoint,
            "identities": identities,
            "tabs": tabs,
            "howToInstall": how_to_install,
        });
        let settings = script_safe(&settings);
        let styles = self.styles.iter().map(|style| style.link(nonce)).collect::<String>();
        let scripts = self.scripts.iter().map(|script| script.script(nonce)).collect::<String>();
        fill(FRAME, |name| match name {
            "nonce" => nonce,
            "settings" => &settings,
            "styles" => &styles,
            "scripts" => &scripts,
            "style" => STYLE,
            "start" => START,
            "queue" => QUEUE,
            _ => "",
        })
    }
}

impl Reference {
    fn new(file: &AssetFile, source: &AssetSource) -> Self {
        let url = match source {
            AssetSource::Installed(_) => format!("/graphiql/assets/{}", file.name),
            AssetSource::Cdn { .. } => file.cdn_url(),
        };
        Self { url, integrity: file.integrity }
    }

    fn link(&self, nonce: &str) -> String {
        let Self { url, integrity } = self;
        format!(
            "<link rel=\"stylesheet\" href=\"{url}\" integrity=\"{integrity}\" \
             crossorigin=\"anonymous\" nonce=\"{nonce}\">\n"
        )
    }

    fn script(&self, nonce: &str) -> String {
        let Self { url, integrity } = self;
        format!(
            "<script src=\"{url}\" integrity=\"{integrity}\" \
             crossorigin=\"anonymous\" nonce=\"{nonce}\"></script>\n"
        )
    }
}

/// Replaces each `{{name}}` in `template` with `value(name)`.
///
/// The values are not searched for placeholders, so they may contain braces.
pub(in crate::http) fn fill<'v>(template: &str, value: impl Fn(&str) -> &'v str) -> String {
    let mut pieces = template.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once("}}") {
            Some((name, rest)) => {
                filled.push_str(value(name));
                filled.push_str(rest);
            }
            None => filled.push_str(piece),
        }
    }
    filled
}

/// Serialises `value` so that it cannot end its `<script>` element.
///
/// In JSON, `<`, `>` and `&` occur only in strings, where they can be escaped. Without
/// them, the text cannot contain `</script>` or `<!--`.
pub(in crate::http) fn script_safe(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
