//! `GET /schema.graphql`: the text of the schema, for code generators.

use async_graphql::Executor;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::{self, SignIn};
use crate::endpoint::GraphqlEndpoint;
use crate::response::Rejection;
use crate::settings::Introspection;

/// Answers callers who may introspect, with the hash of the text as `ETag`.
pub(crate) async fn get<E: Executor, A: SignIn>(
    State(endpoint): State<GraphqlEndpoint<E, A>>,
    headers: HeaderMap,
) -> Response {
    match endpoint.settings().introspection {
        Introspection::Off => {
            return Rejection::forbidden("Introspection is disabled on this server.").into_response();
        }
        Introspection::SignedIn => {
            let bearer = auth::bearer_from_headers(&headers);
            if let Err(error) = endpoint.sign_in().sign_in(bearer).await {
                return Rejection::from(error).into_response();
            }
        }
        Introspection::Public => {}
    }
    let schema = endpoint.schema();
    let tag = format!("\"{}\"", schema.hash());
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        schema.sdl().to_string().into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
