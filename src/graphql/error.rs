//! What clients are told when something does not happen. The only mapping of errors in the crate.
//!
//! Expected refusals become `userErrors` of the payload. Everything else is a top-level error with a code in
//! its extensions. What failed inside is never shown: it travels beside the error, and
//! [`cause`] gives it to the layer that logs.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensions};
use graphql_transport::errors::Cause;

use super::ids;
use super::loaders::Loaders;
use super::types::conversation::{Conversation, ConversationFields};
use super::types::message::Message;
use super::types::user_error::{
    ConflictError, InputError, PlanError, PlanStaleError, StaleReplyError, UserError, UserErrorCode,
};
use crate::domain::{InputField, Plan, Refusal, Snapshot};
use crate::service::{self, VisibleConversation};

/// No or no valid token, or its agent cannot sign in.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// Not for this kind of token.
pub const FORBIDDEN: &str = "FORBIDDEN";
/// An argument that a well-behaved client never sends.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The database cannot be reached or is overloaded; worth another try.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// A fault. Says nothing more.
pub const INTERNAL: &str = "INTERNAL";

/// A top-level error with a code.
pub fn coded(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// [`BAD_USER_INPUT`].
pub fn bad_input(message: impl Into<String>) -> Error {
    coded(BAD_USER_INPUT, message)
}

/// The request came without a token.
pub fn unauthenticated() -> Error {
    coded(UNAUTHENTICATED, "Sign in first: send a bearer token.")
}

/// Something that must exist does not. There is no source: the code that finds this has no more to say.
pub fn missing(what: &str) -> Error {
    let mut error = coded(INTERNAL, "Something went wrong.");
    error.source = Some(Arc::new(Cause(format!("missing: {what}"))));
    error
}

/// What a use case failed with, as a top-level error.
///
/// A refusal ends here only where there is no payload to carry it, and is then about an argument.
pub fn of_service(error: impl Into<Arc<service::Error>>) -> Error {
    let error = error.into();
    match &*error {
        service::Error::Refused(refusal) => bad_input(describe(refusal).message),
        service::Error::Unauthenticated => coded(UNAUTHENTICATED, "This agent cannot sign in."),
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

/// Splits an answer into what was done, what was refused, and what failed.
pub fn refused<T>(answer: service::ServiceResult<T>) -> async_graphql::Result<Result<T, Refusal>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(service::Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(of_service(error)),
    }
}

/// A refusal as the payload carries it. Paths begin at the mutation's `input`.
pub fn user_error(loaders: &Arc<Loaders>, refusal: Refusal) -> UserError {
    let ErrorText { code, message, field } = describe(&refusal);
    let path = field.map(|field| vec!["input".to_owned(), spelled(field).to_owned()]);
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
        _ => UserError::Input(InputError { code, message, path }),
    }
}

fn current(loaders: &Arc<Loaders>, now: &Snapshot) -> Conversation {
    ConversationFields::object(VisibleConversation::new(now, loaders.caller().agent_id()), loaders)
}

/// What the client is told of a refusal.
struct ErrorText {
    code: UserErrorCode,
    message: String,
    field: Option<InputField>,
}

fn describe(refusal: &Refusal) -> ErrorText {
    use UserErrorCode as Code;
    let (code, message, field) = match refusal {
        Refusal::NotFound(field) => (Code::NotFound, no_such(*field).to_owned(), Some(*field)),
        Refusal::Invalid { field, message } => (Code::Invalid, message.clone(), Some(*field)),
        Refusal::AgentInactive => {
            (Code::AgentInactive, "This agent is deactivated.".to_owned(), Some(InputField::AgentId))
        }
        Refusal::AgentLacksAccess => (
            Code::AgentLacksAccess,
            "This agent has no access to the phone number.".to_owned(),
            Some(InputField::AgentId),
        ),
        Refusal::NotAllowed(reason) => (Code::NotAllowed, (*reason).to_owned(), None),
        Refusal::IdempotencyKeyReused => {
            let message = "This key was used before, for something else. Use a new key for each message.";
            (Code::IdempotencyKeyReused, message.to_owned(), Some(InputField::IdempotencyKey))
        }
        Refusal::AlreadyAssigned(_) => {
            (Code::AlreadyAssigned, "Somebody else already owns this conversation.".to_owned(), None)
        }
        Refusal::Stale(_) => {
            (Code::Stale, "This conversation has changed since you last saw it.".to_owned(), None)
        }
        Refusal::PlanRequired(plan) => {
            let message = format!("This needs the {} plan or a higher one.", plan_name(*plan));
            (Code::PlanRequired, message, None)
        }
        Refusal::StaleReply(_) => {
            let message = "Somebody else has replied since the last message you saw.";
            (Code::StaleReply, message.to_owned(), Some(InputField::LastSeenMessageId))
        }
        Refusal::PlanStale(_) => {
            let message = "This plan no longer fits how things are. Make a new one.";
            (Code::Stale, message.to_owned(), Some(InputField::PlanId))
        }
    };
    ErrorText { code, message, field }
}

/// The message for an id that names nothing which the caller can see.
fn no_such(field: InputField) -> &'static str {
    use InputField as Field;
    match field {
        Field::ConversationId | Field::ConversationIds => "There is no such conversation.",
        Field::AgentId | Field::AgentIds | Field::FromAgentId | Field::ToAgentId => "There is no such agent.",
        Field::PlanId => "There is no such plan.",
        Field::PhoneNumberId | Field::To => "There is no such phone number.",
        Field::ThroughMessageId | Field::LastSeenMessageId => {
            "There is no such message in this conversation."
        }
        _ => "There is no such thing.",
    }
}

/// The name of an input field in the schema.
fn spelled(field: InputField) -> &'static str {
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
        Field::Search => "search",
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
    fn a_refusal_names_its_field_and_speaks_to_people() {
        let told = describe(&Refusal::NotFound(InputField::AgentId));
        assert_eq!((told.code, told.field), (UserErrorCode::NotFound, Some(InputField::AgentId)));
        assert_eq!(told.message, "There is no such agent.");
        let told = describe(&Refusal::PlanRequired(Plan::Team));
        assert_eq!((told.code, told.field), (UserErrorCode::PlanRequired, None));
        assert_eq!(told.message, "This needs the Team plan or a higher one.");
    }
}
