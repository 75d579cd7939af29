//! Every route of the server, on one page.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::map_response;
use axum::response::Response;
use graphql_transport::request_id::X_REQUEST_ID;
use graphql_transport::settings::TransportSettings;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::{Graphiql, Inbox, ServerConfig, page_origin};
use crate::http::health::{self, Health};
use crate::http::pages::graphiql;
use crate::http::pages::graphiql::{AssetSource, GraphiqlSettings, assets};
use crate::http::pages::inbox;
use crate::http::pages::inbox::InboxSettings;
use crate::http::webhooks::twilio;
use crate::http::webhooks::twilio::TwilioWebhook;
use crate::server::{Endpoint, StartError};
use crate::service::Services;

/// Where the API is, over HTTP and WebSocket alike.
const GRAPHQL: &str = "/graphql";

/// Response headers that pages of other origins may read.
const EXPOSED_HEADERS: [&str; 5] =
    ["x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];

/// The router of the public listener.
///
/// # Errors
/// [`StartError::Origin`].
pub async fn router(
    config: &ServerConfig,
    services: Services,
    endpoint: Endpoint,
    health: Health,
) -> Result<Router, StartError> {
    let graphql = graphql_transport::routes::routes(GRAPHQL, endpoint)
        .layer(map_response(private))
        .layer(cors(&config.transport)?);
    let mut router = graphql.merge(health::routes(health));
    if let Some(settings) = &config.twilio {
        router = router.merge(twilio::routes(TwilioWebhook::new(services, settings.clone())));
    }
    if let Graphiql::On { identities, install_assets } = &config.graphiql {
        let settings = GraphiqlSettings {
            endpoint: GRAPHQL.to_owned(),
            identities: identities.clone(),
            assets: graphiql_assets(*install_assets).await,
        };
        router = router.merge(graphiql::routes(settings));
    }
    if let Inbox::On { identities } = &config.inbox {
        router = router.merge(inbox::routes(InboxSettings {
            endpoint: GRAPHQL.to_owned(),
            identities: identities.clone(),
            graphiql: matches!(config.graphiql, Graphiql::On { .. }).then(|| "/graphiql".to_owned()),
        }));
    }
    Ok(router)
}

/// Marks a response as personal data: nothing may store it, and browsers take it for nothing but its media type.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// GraphiQL's scripts. They are loaded from the local directory, after installing them there if `install` is set. If
/// that fails, the page loads them from a CDN.
async fn graphiql_assets(install: bool) -> AssetSource {
    let dir = assets::default_dir();
    let loaded = match assets::load(&dir) {
        Err(_) if install => {
            tracing::info!("installing GraphiQL's scripts from npm");
            assets::install(&dir).await
        }
        loaded => loaded,
    };
    match loaded {
        Ok(assets) => AssetSource::Installed(assets),
        Err(error) => {
            tracing::info!(reason = %error, "GraphiQL's page loads its scripts from a CDN");
            AssetSource::Cdn { how_to_install: assets::install_command(&dir) }
        }
    }
}

/// A CORS layer that lets only pages of the allowed origins call the API.
fn cors(transport: &TransportSettings) -> Result<CorsLayer, StartError> {
    let origin = |text: &String| {
        let origin = page_origin(text).ok().and_then(|origin| HeaderValue::try_from(origin).ok());
        origin.ok_or_else(|| StartError::Origin(text.clone()))
    };
    let origins = transport.allowed_origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, X_REQUEST_ID])
        .expose_headers(EXPOSED_HEADERS.map(HeaderName::from_static)))
}
