//! Reports each operation to the application when the operation has ended.

use std::time::Duration;

use uuid::Uuid;

use crate::request_id::RequestId;

/// The outcome of an operation without errors.
pub const OK: &str = "OK";

/// Receives a report of each operation, for logs and metrics.
pub trait Observer: Send + Sync + 'static {
    /// Called once per operation, from the task that ends the operation. Must not block.
    fn operation_ended(&self, report: &OperationReport<'_>);
}

/// Ignores every report.
impl Observer for () {
    fn operation_ended(&self, _: &OperationReport<'_>) {}
}

/// The report of an operation. It contains no document, variable, header or response.
#[derive(Debug, Clone, Copy)]
pub struct OperationReport<'a> {
    pub request_id: RequestId,
    /// The name of the operation, at most 64 characters. Empty if the operation is anonymous.
    pub name: &'a str,
    /// `query`, `mutation`, `subscription`, or `unknown` when the document could not be read.
    pub kind: &'static str,
    /// `http` or `websocket`.
    pub transport: &'static str,
    /// [`OK`], or the code of the first error.
    pub outcome: &'static str,
    /// How long the operation ran or, for a subscription, was open.
    pub took: Duration,
    /// The caller's [`user_key`](crate::auth::Session::user_key).
    pub user: Option<Uuid>,
    /// The caller's [`tenant_key`](crate::auth::Session::tenant_key).
    pub tenant: Option<Uuid>,
}
