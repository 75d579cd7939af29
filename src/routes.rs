//! Every route of the server, on one page.

use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::map_response;
use axum::response::Response;
use graphql_transport::response::Incompressible;
use graphql_transport::settings::TransportSettings;
use graphql_transport::ws::origin::is_localhost;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

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

/// Shorter responses fit into one packet.
const MIN_COMPRESSED_BYTES: u16 = 1_024;

/// How long a browser may remember a preflight; Chromium allows two hours.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

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
        .layer(compression())
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

/// Marks a response as personal data: nothing may store it unless its handler says so, and browsers take it for nothing but its media type.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
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

/// Compresses JSON and the schema for clients that accept gzip. Streams and answers to mutations stay as they are.
fn compression() -> CompressionLayer<impl Predicate> {
    let is_text = |_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions| {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_compressible =
            media_type.is_some_and(|it| it.contains("json") || it.starts_with("text/plain"));
        is_compressible && extensions.get::<Incompressible>().is_none()
    };
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(MIN_COMPRESSED_BYTES).and(is_text))
}

/// A CORS layer that lets only pages of the allowed origins call the API.
fn cors(transport: &TransportSettings) -> Result<CorsLayer, StartError> {
    let origin = |text: &String| {
        let origin = page_origin(text).ok().and_then(|origin| HeaderValue::try_from(origin).ok());
        origin.ok_or_else(|| StartError::Origin(text.clone()))
    };
    let origins = transport.allowed_origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    let allow_localhost = transport.allow_localhost;
    let is_allowed = move |origin: &HeaderValue, _: &Parts| {
        origins.contains(origin) || (allow_localhost && origin.to_str().is_ok_and(is_localhost))
    };
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST])
        // Clients add headers of their own, for example for traces.
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(PREFLIGHT_MAX_AGE)
        .expose_headers(EXPOSED_HEADERS.map(HeaderName::from_static)))
}
