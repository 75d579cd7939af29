//! What a request carries: who asks, what they may see, and what to look things up with.
//!
//! A request without a [`Scope`] is anonymous: the schema can be explored, and every root field answers
//! UNAUTHENTICATED. A scope is made for one operation and never reused.

use std::future::Future;
use std::sync::Arc;

use async_graphql::{Context, Request, Result};
use tokio::sync::OnceCell;

use super::error;
use super::loaders::Loaders;
use crate::service::{Access, Services};
use crate::token::Caller;

/// One operation of one caller.
#[derive(Clone)]
pub struct Scope {
    loaders: Arc<Loaders>,
}

/// Hands the scope to the resolvers of `request`.
pub fn attach(request: Request, scope: Scope) -> Request {
    request.data(scope)
}

impl Scope {
    /// An operation of `caller`. What they may see is read when a resolver first needs it.
    pub fn new(services: Services, caller: Caller) -> Self {
        Self { loaders: Arc::new(Loaders::new(services, caller, Arc::new(OnceCell::new()))) }
    }

    /// An operation of a caller whose access was read already, for this operation.
    pub fn with_access(services: Services, access: Access) -> Self {
        let caller = access.caller;
        let access = Arc::new(OnceCell::new_with(Some(access)));
        Self { loaders: Arc::new(Loaders::new(services, caller, access)) }
    }

    /// The scope of the request.
    ///
    /// # Errors
    /// UNAUTHENTICATED when it has none.
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

    /// What the caller may see, whoever they are.
    pub(super) async fn access(&self) -> Result<&Access> {
        self.loaders.access().await
    }

    /// What an agent may see.
    ///
    /// # Errors
    /// FORBIDDEN for a service.
    pub(super) async fn agent_access(&self) -> Result<&Access> {
        let access = self.access().await?;
        access.viewer().map_err(error::of_service)?;
        Ok(access)
    }
}

/// Resolves a nullable root field: when it fails, it is null beside its error, and its neighbours stand.
// An error returned as such would leave the field out of the answer; one inside the option makes it null.
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

/// As [`root`], for a mutation: it has a payload unless it fails.
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
