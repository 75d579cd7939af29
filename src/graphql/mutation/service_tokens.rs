//! Tokens of services: issuing and revoking them.

use async_graphql::{Context, InputObject, MergedObject, Object, Result, SimpleObject};

use super::administration::{ManagerFields, manager_payload};
use crate::clock::Timestamp;
use crate::domain::ServiceTokenId;
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::graphql::types::service_token::{ServiceScope, ServiceToken};
use crate::service::NewServiceToken;

/// Mutations about tokens of services.
#[derive(Default)]
pub struct ServiceTokens;

/// The `serviceToken` field of a payload.
#[derive(SimpleObject)]
pub struct ServiceTokenField {
    /// The service token after this call. Null if the call was refused.
    service_token: Option<ServiceToken>,
}

/// The `token` field of a payload.
#[derive(SimpleObject)]
pub struct SecretField {
    /// The bearer token. It is shown only once. Null if the call was refused.
    token: Option<String>,
}

/// The input of `issueServiceToken`.
#[derive(InputObject)]
pub struct IssueServiceTokenInput {
    /// The name of the service, at most 200 characters.
    name: String,
    /// What the token allows. At least one scope.
    scopes: Vec<ServiceScope>,
    /// When the token expires. Without it, the token does not expire.
    expires_at: Option<Timestamp>,
}

/// The result of `issueServiceToken`.
#[derive(MergedObject)]
pub struct IssueServiceTokenPayload(ServiceTokenField, SecretField, ManagerFields);

/// The input of `revokeServiceToken`.
#[derive(InputObject)]
pub struct RevokeServiceTokenInput {
    /// The id of the service token.
    service_token_id: IdOf<ServiceTokenId>,
}

/// The result of `revokeServiceToken`.
#[derive(MergedObject)]
pub struct RevokeServiceTokenPayload(ServiceTokenField, ManagerFields);

/// Mutations about tokens of services.
#[Object]
impl ServiceTokens {
    /// Issues a token for a service, such as a gateway that delivers messages. For managers only.
    async fn issue_service_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service and what it may do.")] input: IssueServiceTokenInput,
    ) -> Option<Result<IssueServiceTokenPayload>> {
        payload(ctx, |scope| async move {
            let new = NewServiceToken {
                name: input.name,
                scopes: input.scopes.into_iter().map(Into::into).collect(),
                expires_at: input.expires_at,
            };
            let done =
                manager_payload(scope, scope.services().issue_service_token(scope.caller(), new).await)?;
            let service_token = done.part(|issued| ServiceToken(issued.token.clone()));
            let token = done.part(|issued| issued.text.clone());
            Ok(IssueServiceTokenPayload(
                ServiceTokenField { service_token },
                SecretField { token },
                done.fields,
            ))
        })
        .await
    }

    /// Revokes a service token immediately and closes the sockets of the service with 4403. For managers only.
    async fn revoke_service_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service token.")] input: RevokeServiceTokenInput,
    ) -> Option<Result<RevokeServiceTokenPayload>> {
        payload(ctx, |scope| async move {
            let id = input.service_token_id.id();
            let done =
                manager_payload(scope, scope.services().revoke_service_token(scope.caller(), id).await)?;
            let service_token = done.value.map(ServiceToken);
            Ok(RevokeServiceTokenPayload(ServiceTokenField { service_token }, done.fields))
        })
        .await
    }
}
