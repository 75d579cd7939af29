//! Errors as clients see them. This is the only mapping of errors to API errors in the crate.
//!
//! Expected refusals become `userErrors` of the payload. Everything else becomes a top-level error with a code in
//! its extensions. Clients never see the cause of an internal error: it is attached as the error's source, a [`Cause`],
//! which the transport logs.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensions};
use graphql_transport::errors::Cause;
use graphql_transport::observer;

use super::ids;
use super::loaders::Loaders;
use super::types::conversation::{Conversation, ConversationFields};
use super::types::message::Message;
use super::types::user_error::{
    ConflictError, InputError, PlanError, PlanStaleError, StaleReplyError, UserError, UserErrorCode,
};
use crate::domain::{InputField, Plan, Refusal, Snapshot};
use crate::service::{self, VisibleConversation};

/// The token is missing or invalid, or its agent cannot sign in.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// The kind of token or the agent's role does not permit this field.
pub const FORBIDDEN: &str = "FORBIDDEN";
/// An argument is invalid in a way that no correct client causes.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The database is unreachable or overloaded. A retry may succeed.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// An internal error. Its cause is masked.
pub const INTERNAL: &str = "INTERNAL";

/// Creates a top-level error with a code.
pub fn coded(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// Creates a [`BAD_USER_INPUT`] error.
pub fn bad_input(message: impl Into<String>) -> Error {
    coded(BAD_USER_INPUT, message)
}

/// The error for a request without a token.
pub fn unauthenticated() -> Error {
    coded(UNAUTHENTICATED, "Authentication is required. Send a bearer token.")
}

/// The error for an entity that must exist but does not. `what` describes it for the log.
pub fn missing(what: &str) -> Error {
    let mut error = coded(INTERNAL, "Something went wrong.");
    error.source = Some(Arc::new(Cause(format!("missing: {what}"))));
    error
}

/// Converts the error of a use case into a top-level error.
///
/// A refusal becomes a top-level error only where no payload can carry it. It then concerns an argument.
pub fn of_service(error: impl Into<Arc<service::Error>>) -> Error {
    let error = error.into();
    match &*error {
        service::Error::Refused(refusal) => bad_input(describe(refusal).message),
        service::Error::Unauthenticated => coded(UNAUTHENTICATED, "The agent of this token cannot sign in."),
        service::Error::Forbidden(reason) => coded(FORBIDDEN, *reason),
        service::Error::BadInput(reason) => bad_input(reason.clone()),
        service::Error::Store(fault) => {
            let mut shown = if fault.is_unavailable() {
                coded(UNAVAILABLE, "Switchboard is busy. Try again in a moment.")
            } else {
                coded(INTERNAL, "Something went wrong.")
            };
            shown.source = Some(Arc::new(Cause::of(&*error)));
            shown
        }
    }
}

/// Separates refusals, which a payload carries, from failures.
///
/// # Errors
/// Every failure other than a refusal.
pub fn refused<T>(answer: service::ServiceResult<T>) -> async_graphql::Result<Result<T, Refusal>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(service::Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(of_service(error)),
    }
}

/// Converts a refusal into a user error. Paths start at the mutation's `input`.
pub fn user_error(loaders: &Arc<Loaders>, refusal: Refusal) -> UserError {
    let ErrorText { code, message, field } = describe(&refusal);
    observer::refuse(code.as_str());
    let path = field.map(|field| vec!["input".to_owned(), field_name(field).to_owned()]);
    match refusal {
        Refusal::AlreadyAssigned(now) | Refusal::Stale(now) => {
            UserError::Conflict(ConflictError { code, message, path, current: current(loaders, &now) })
        }
        Refusal::PlanRequired(plan) => {
            UserError::Plan(PlanError { code, message, path, required_plan: plan.into() })
        }
        Refusal::StaleReply(newer) => {
            let newer_messages = newer.into_iter().map(|message| Message::new(message, loaders)).collect();
            UserError::StaleReply(StaleReplyError { code, message, path, newer_messages })
        }
        Refusal::PlanStale(changed) => {
            let conversation_ids = changed.into_iter().map(ids::encode).collect();
            UserError::PlanStale(PlanStaleError { code, message, path, conversation_ids })
        }
        Refusal::NotFound(_)
        | Refusal::Invalid { .. }
        | Refusal::AgentInactive
        | Refusal::AgentLacksAccess
        | Refusal::ConversationOpen
        | Refusal::NotAllowed(_)
        | Refusal::IdempotencyKeyReused => UserError::Input(InputError { code, message, path }),
    }
}

fn current(loaders: &Arc<Loaders>, snapshot: &Snapshot) -> Conversation {
    ConversationFields::object(VisibleConversation::new(snapshot, loaders.caller().agent_id()), loaders)
}

/// The code, message and field of a refusal.
struct ErrorText {
    code: UserErrorCode,
    message: String,
    field: Option<InputField>,
}

fn describe(refusal: &Refusal) -> ErrorText {
    use UserErrorCode as Code;
    let (code, message, field) = match refusal {
        Refusal::NotFound(field) => (Code::NotFound, not_found(*field).to_owned(), Some(*field)),
        Refusal::Invalid { field, message } => (Code::Invalid, message.clone(), Some(*field)),
        Refusal::ConversationOpen => (
            Code::ConversationOpen,
            "A conversation on the phone number is open.".to_owned(),
            Some(InputField::PhoneNumberId),
        ),
        Refusal::AgentInactive => {
            (Code::AgentInactive, "The agent is deactivated.".to_owned(), Some(InputField::AgentId))
        }
        Refusal::AgentLacksAccess => (
            Code::AgentLacksAccess,
            "The agent has no access to the phone number.".to_owned(),
            Some(InputField::AgentId),
        ),
        Refusal::NotAllowed(reason) => (Code::NotAllowed, (*reason).to_owned(), None),
        Refusal::IdempotencyKeyReused => {
            let message =
                "This idempotency key was already used with different input. Use a new key for each message.";
            (Code::IdempotencyKeyReused, message.to_owned(), Some(InputField::IdempotencyKey))
        }
        Refusal::AlreadyAssigned(_) => {
            (Code::AlreadyAssigned, "Another agent already owns this conversation.".to_owned(), None)
        }
        Refusal::Stale(_) => {
            (Code::Stale, "The conversation has changed since you last read it.".to_owned(), None)
        }
        Refusal::PlanRequired(plan) => {
            let message = format!("This requires the {} plan or higher.", plan_name(*plan));
            (Code::PlanRequired, message, None)
        }
        Refusal::StaleReply(_) => {
            let message = "Another agent has replied since the last message you saw.";
            (Code::StaleReply, message.to_owned(), Some(InputField::LastSeenMessageId))
        }
        Refusal::PlanStale(_) => {
            let message = "The plan no longer matches the current state. Make a new plan.";
            (Code::Stale, message.to_owned(), Some(InputField::PlanId))
        }
    };
    ErrorText { code, message, field }
}

/// The message for an id of an object that does not exist or that the caller cannot see.
fn not_found(field: InputField) -> &'static str {
    use InputField as Field;
    match field {
        Field::ConversationId | Field::ConversationIds => "Conversation not found.",
        Field::AgentId | Field::AgentIds | Field::FromAgentId | Field::ToAgentId => "Agent not found.",
        Field::PlanId => "Plan not found.",
        Field::ServiceTokenId => "Service token not found.",
        Field::PhoneNumberId | Field::To => "Phone number not found.",
        Field::ThroughMessageId | Field::LastSeenMessageId => "Message not found in this conversation.",
        // No id, or an id that only the command line takes.
        Field::Agent
        | Field::Body
        | Field::Conversations
        | Field::Email
        | Field::ExpiresAt
        | Field::IdempotencyKey
        | Field::Label
        | Field::MaxUnassigned
        | Field::MaxWaitSeconds
        | Field::Minutes
        | Field::Name
        | Field::Note
        | Field::Number
        | Field::PhoneNumberIds
        | Field::ProviderMessageId
        | Field::Scopes
        | Field::Search
        | Field::Title
        | Field::TtlSeconds
        | Field::Workspace => "Not found.",
    }
}

/// The name of an input field in the schema.
fn field_name(field: InputField) -> &'static str {
    use InputField as Field;
    match field {
        Field::Agent => "agent",
        Field::AgentId => "agentId",
        Field::AgentIds => "agentIds",
        Field::Body => "body",
        Field::ConversationId => "conversationId",
        Field::ConversationIds => "conversationIds",
        Field::Conversations => "conversations",
        Field::Email => "email",
        Field::ExpiresAt => "expiresAt",
        Field::FromAgentId => "fromAgentId",
        Field::IdempotencyKey => "idempotencyKey",
        Field::Label => "label",
        Field::LastSeenMessageId => "lastSeenMessageId",
        Field::MaxUnassigned => "maxUnassigned",
        Field::MaxWaitSeconds => "maxWaitSeconds",
        Field::Minutes => "minutes",
        Field::Name => "name",
        Field::Note => "note",
        Field::Number => "number",
        Field::PhoneNumberId => "phoneNumberId",
        Field::PhoneNumberIds => "phoneNumberIds",
        Field::PlanId => "planId",
        Field::ProviderMessageId => "providerMessageId",
        Field::Scopes => "scopes",
        Field::Search => "search",
        Field::ServiceTokenId => "serviceTokenId",
        Field::ThroughMessageId => "throughMessageId",
        Field::Title => "title",
        Field::To => "to",
        Field::ToAgentId => "toAgentId",
        Field::TtlSeconds => "ttlSeconds",
        Field::Workspace => "workspace",
    }
}

fn plan_name(plan: Plan) -> &'static str {
    match plan {
        Plan::Starter => "Starter",
        Plan::Team => "Team",
        Plan::Pro => "Pro",
        Plan::ProPlus => "Pro Plus",
        Plan::Business => "Business",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{Pos, Value};

    fn code(error: &Error) -> Option<Value> {
        error.extensions.as_ref()?.get("code").cloned()
    }

    #[test]
    fn each_failure_has_its_code() {
        let refused = service::Error::from(Refusal::invalid(InputField::Search, "Too long."));
        for (failure, wanted) in [
            (refused, BAD_USER_INPUT),
            (service::Error::BadInput("No.".into()), BAD_USER_INPUT),
            (service::Error::Unauthenticated, UNAUTHENTICATED),
            (service::Error::Forbidden("For services only."), FORBIDDEN),
        ] {
            let shown = of_service(failure);
            assert_eq!(code(&shown), Some(wanted.into()), "{shown:?}");
            assert_eq!(shown.into_server_error(Pos::default()).source::<Cause>(), None);
        }
    }

    #[test]
    fn a_fault_is_masked_and_kept_for_the_log() {
        let shown = missing("the contact of a conversation");
        assert_eq!(code(&shown), Some(INTERNAL.into()));
        assert!(!shown.message.contains("contact"));
        let logged = shown.into_server_error(Pos::default());
        assert_eq!(logged.source(), Some(&Cause("missing: the contact of a conversation".to_owned())));
    }

    #[test]
    fn a_refusal_has_a_field_and_a_readable_message() {
        let text = describe(&Refusal::NotFound(InputField::AgentId));
        assert_eq!((text.code, text.field), (UserErrorCode::NotFound, Some(InputField::AgentId)));
        assert_eq!(text.message, "Agent not found.");
        let text = describe(&Refusal::PlanRequired(Plan::Team));
        assert_eq!((text.code, text.field), (UserErrorCode::PlanRequired, None));
        assert_eq!(text.message, "This requires the Team plan or higher.");
    }
}
