//! The fields that the payloads of mutations about conversations share.

use std::sync::Arc;

use async_graphql::{ID, Object, Result, SimpleObject};

use crate::domain::{AgentId, ConversationId, Refusal};
use crate::graphql::error;
use crate::graphql::ids::{self, IdOf};
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::Scope;
use crate::graphql::types::agent::Agent;
use crate::graphql::types::conversation::{Conversation, ConversationFields};
use crate::graphql::types::message::Message;
use crate::graphql::types::queue_change::cursor;
use crate::graphql::types::user_error::UserError;
use crate::service::{CommandOutcome, HandOffOutcome, ServiceResult};

/// The result of a command on one conversation.
#[derive(SimpleObject)]
pub struct Outcome {
    /// The conversation after this call. If the call was refused with a `ConflictError`, this is the current
    /// conversation. Null if the call was refused for any other reason.
    conversation: Option<Conversation>,
    /// Whether this call changed anything.
    changed: bool,
    /// The position in the event log at which `conversation` was read. Null if the call was refused.
    as_of: Option<EventCursor>,
    /// Why the call was refused. Empty if it succeeded, even if there was nothing to change.
    user_errors: Vec<UserError>,
}

/// The conversation's assignee before the command.
pub struct Previous {
    id: Option<AgentId>,
    loaders: Arc<Loaders>,
}

/// The conversation's assignee before the command.
#[Object(name = "PreviousAssignee")]
impl Previous {
    /// The conversation's assignee before this call, so that you can offer undo. Null if the conversation was
    /// unassigned or the call was refused.
    async fn previous_assignee(&self) -> Option<Result<Agent>> {
        self.loaders.agent(self.id?).await.map(|found| found.map(Agent)).transpose()
    }
}

/// The message that a command stored.
#[derive(SimpleObject)]
pub struct Sent {
    /// The stored message. If this call repeats an earlier one, the message that the first call stored. Null if
    /// the call was refused.
    message: Option<Message>,
}

/// The parts that make up a payload.
pub struct PayloadParts {
    pub outcome: Outcome,
    pub previous: Previous,
    pub sent: Sent,
}

/// Converts the result of a command into the parts of a payload.
///
/// # Errors
/// Every failure other than a refusal.
pub fn payload_parts(scope: &Scope, mut answer: ServiceResult<CommandOutcome>) -> Result<PayloadParts> {
    let loaders = loaders_with_agents(scope, answer.as_mut().into_iter());
    payload_parts_with(&loaders, answer)
}

/// Loaders with the agents that the commands have already read.
fn loaders_with_agents<'a>(
    scope: &Scope,
    done: impl Iterator<Item = &'a mut CommandOutcome>,
) -> Arc<Loaders> {
    let agents = done.flat_map(|done| std::mem::take(&mut done.agents)).collect();
    let related = scope.services().related_from_agents(scope.caller().workspace_id(), agents);
    scope.loaders().renewed(Some(Arc::new(related)))
}

fn payload_parts_with(loaders: &Arc<Loaders>, answer: ServiceResult<CommandOutcome>) -> Result<PayloadParts> {
    let parts = |outcome, id, message| PayloadParts {
        outcome,
        previous: Previous { id, loaders: loaders.clone() },
        sent: Sent { message },
    };
    Ok(match error::refused(answer)? {
        Ok(done) => {
            let outcome = Outcome {
                conversation: Some(ConversationFields::object(done.visible, loaders)),
                changed: done.changed,
                as_of: Some(cursor(loaders, done.as_of)),
                user_errors: Vec::new(),
            };
            parts(outcome, done.previous_assignee, done.message.map(|message| Message::new(message, loaders)))
        }
        Err(refusal) => {
            let refused = error::user_error(loaders, refusal);
            let conversation = refused.current().cloned();
            let outcome = Outcome { conversation, changed: false, as_of: None, user_errors: vec![refused] };
            parts(outcome, None, None)
        }
    })
}

/// The result for one conversation of a bulk mutation.
#[derive(SimpleObject)]
pub struct BulkResult {
    /// The conversation's id, as given in the input.
    conversation_id: ID,
    /// The conversation after this call. If the call was refused with a `ConflictError`, this is the current
    /// conversation. Null if the call was refused for any other reason.
    conversation: Option<Conversation>,
    /// Whether this call changed anything.
    changed: bool,
    /// Why the call was refused. Empty if it succeeded, even if there was nothing to change.
    user_errors: Vec<UserError>,
}

/// The result of a command on many conversations.
#[derive(SimpleObject)]
pub struct BulkOutcome {
    /// One result per conversation, in the order of the input. Empty if the whole call was refused.
    results: Vec<BulkResult>,
    /// The position in the event log that the results reflect. Can be null if no result succeeded.
    as_of: Option<EventCursor>,
    /// Why the whole call was refused. An error about a single conversation is in the result for that conversation.
    user_errors: Vec<UserError>,
}

/// The ids of a command on many conversations.
pub fn conversation_ids(given: &[IdOf<ConversationId>]) -> Vec<ConversationId> {
    given.iter().map(IdOf::id).collect()
}

/// Converts the results of a command on the conversations with the ids `given`.
///
/// # Errors
/// Every failure other than a refusal. The command can then be repeated: what was already done stays done.
pub fn bulk_outcome(
    scope: &Scope,
    given: Vec<IdOf<ConversationId>>,
    answers: ServiceResult<Vec<ServiceResult<CommandOutcome>>>,
) -> Result<BulkOutcome> {
    let mut answers = match error::refused(answers)? {
        Ok(answers) => answers,
        Err(refusal) => {
            let user_errors = vec![error::user_error(scope.loaders(), refusal)];
            return Ok(BulkOutcome { results: Vec::new(), as_of: None, user_errors });
        }
    };
    let loaders = &loaders_with_agents(scope, answers.iter_mut().flatten());
    let as_of = answers.iter().flatten().map(|done| done.as_of).max();
    let results = given.into_iter().zip(answers).enumerate();
    let results = results.map(|(index, (id, answer))| {
        let conversation_id = id.given();
        let Outcome { conversation, changed, mut user_errors, .. } =
            payload_parts_with(loaders, answer)?.outcome;
        // An error in any other argument applies to every conversation and keeps its path.
        for error in user_errors.iter_mut().filter(|error| error.is_at("conversationId")) {
            error.set_path(["input", "conversationIds", &index.to_string()].map(str::to_owned).to_vec());
        }
        Ok(BulkResult { conversation_id, conversation, changed, user_errors })
    });
    let results = results.collect::<Result<Vec<_>>>()?;
    Ok(BulkOutcome { results, as_of: as_of.map(|seq| cursor(loaders, seq)), user_errors: Vec::new() })
}

/// Converts the result of a handoff. Errors about the receiving agent get the path of `toAgentId`.
///
/// # Errors
/// Every failure other than a refusal.
pub fn hand_off_outcome(scope: &Scope, answer: ServiceResult<HandOffOutcome>) -> Result<BulkOutcome> {
    let loaders = scope.loaders();
    let to_user_error = |refusal: Refusal| {
        let about_receiver = matches!(refusal, Refusal::AgentInactive | Refusal::AgentLacksAccess);
        let mut refused = error::user_error(loaders, refusal);
        if about_receiver {
            refused.set_path(["input", "toAgentId"].map(str::to_owned).to_vec());
        }
        refused
    };
    let HandOffOutcome { items, as_of } = match error::refused(answer)? {
        Ok(handed_off) => handed_off,
        Err(refusal) => {
            return Ok(BulkOutcome {
                results: Vec::new(),
                as_of: None,
                user_errors: vec![to_user_error(refusal)],
            });
        }
    };
    let results = items.into_iter().map(|(id, answer)| {
        let conversation_id = ids::encode(id);
        Ok(match error::refused(answer)? {
            Ok(done) => {
                let Outcome { conversation, changed, user_errors, .. } =
                    payload_parts_with(loaders, Ok(done))?.outcome;
                BulkResult { conversation_id, conversation, changed, user_errors }
            }
            Err(refusal) => {
                let user_errors = vec![to_user_error(refusal)];
                BulkResult { conversation_id, conversation: None, changed: false, user_errors }
            }
        })
    });
    let results = results.collect::<Result<Vec<_>>>()?;
    Ok(BulkOutcome { results, as_of: Some(cursor(loaders, as_of)), user_errors: Vec::new() })
}
