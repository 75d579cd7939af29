//! The settings of the GraphiQL page.

use std::fmt;

use crate::http::pages::graphiql::assets::Assets;

/// The settings of the page.
#[derive(Clone, Debug)]
pub struct GraphiqlSettings {
    /// The path of the API, for HTTP and WebSocket alike: `/graphql`.
    pub endpoint: String,
    /// Identities to choose from; the first is signed in initially. Everybody who can
    /// open the page can read their tokens. Empty outside `demo`, where the page asks
    /// for a token instead.
    pub identities: Vec<Identity>,
    /// Where GraphiQL's own files come from.
    pub assets: AssetSource,
}

/// An identity that the visitor of the page can choose.
#[derive(Clone)]
pub struct Identity {
    /// The label on the switch.
    pub label: String,
    /// A token of the API.
    pub token: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Where GraphiQL's own files come from.
#[derive(Clone, Debug)]
pub enum AssetSource {
    /// From this server, which keeps them in memory.
    Installed(Assets),
    /// From a CDN, with integrity hashes.
    Cdn {
        /// The command that installs the files on this server, shown on the page; see
        /// [`super::assets::install_command`].
        how_to_install: String,
    },
}
