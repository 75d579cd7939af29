//! The context of a request: the caller, what they may see, and the loaders.
//!
//! A request without a [`Scope`] is anonymous: introspection works, and every root field fails with UNAUTHENTICATED.
//! A scope is created for one operation and never reused.

use std::future::Future;
use std::sync::Arc;

use async_graphql::{Context, Request, Result};
use tokio::sync::OnceCell;

use super::error;
use super::loaders::Loaders;
use crate::service::{Access, Services};
use crate::token::Caller;

/// The context of one operation of one caller.
#[derive(Clone)]
pub struct Scope {
    loaders: Arc<Loaders>,
}

/// Makes the scope available to the resolvers of `request`.
pub fn attach(request: Request, scope: Scope) -> Request {
    request.data(scope)
}

impl Scope {
    /// The scope of an operation of `caller`. Their access is read when a resolver first needs it.
    pub fn new(services: Services, caller: Caller) -> Self {
        Self { loaders: Arc::new(Loaders::new(services, caller, Arc::new(OnceCell::new()))) }
    }

    /// The scope of an operation whose caller's access was already read for this operation.
    pub fn with_access(services: Services, access: Access) -> Self {
        let caller = access.caller;
        let access = Arc::new(OnceCell::new_with(Some(access)));
        Self { loaders: Arc::new(Loaders::new(services, caller, access)) }
    }

    /// The scope of the request.
    ///
    /// # Errors
    /// UNAUTHENTICATED if the request is anonymous.
    pub(super) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Self> {
        ctx.data_opt::<Self>().ok_or_else(error::unauthenticated)
    }

    pub(super) fn services(&self) -> &Services {
        self.loaders.services()
    }

    pub(super) fn caller(&self) -> Caller {
        self.loaders.caller()
    }

    pub(super) fn loaders(&self) -> &Arc<Loaders> {
        &self.loaders
    }

    /// What the caller, agent or service, may see.
    pub(super) async fn access(&self) -> Result<&Access> {
        self.loaders.access().await
    }

    /// What the caller may see, if the caller is an agent.
    ///
    /// # Errors
    /// FORBIDDEN for a service token.
    pub(super) async fn agent_access(&self) -> Result<&Access> {
        let access = self.access().await?;
        access.viewer().map_err(error::of_service)?;
        Ok(access)
    }
}

/// Resolves a nullable root field. If it fails, the field is null and the other root fields keep their values.
// A plain `Err` would omit the field from the response; an `Err` inside the option makes it null.
pub(super) async fn root<'a, T, F>(
    ctx: &Context<'a>,
    resolve: impl FnOnce(&'a Scope) -> F,
) -> Option<Result<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    match Scope::of(ctx) {
        Ok(scope) => resolve(scope).await.transpose(),
        Err(error) => Some(Err(error)),
    }
}

/// As [`root`], for a mutation, which always has a payload unless it fails.
pub(super) async fn payload<'a, T, F>(
    ctx: &Context<'a>,
    resolve: impl FnOnce(&'a Scope) -> F,
) -> Option<Result<T>>
where
    F: Future<Output = Result<T>>,
{
    match Scope::of(ctx) {
        Ok(scope) => Some(resolve(scope).await),
        Err(error) => Some(Err(error)),
    }
}
