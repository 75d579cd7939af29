//! What the payloads of mutations about conversations have in common.

use std::sync::Arc;

use async_graphql::{ID, Object, Result, SimpleObject};

use crate::domain::{AgentId, ConversationId, Refusal};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::Scope;
use crate::graphql::types::agent::Agent;
use crate::graphql::types::conversation::{Conversation, ConversationFields};
use crate::graphql::types::message::Message;
use crate::graphql::types::queue_change::cursor;
use crate::graphql::types::user_error::UserError;
use crate::service::{CommandOutcome, HandedOff, ServiceResult};

/// What became of a command about one conversation.
#[derive(SimpleObject)]
pub struct Outcome {
    /// The conversation as it is now, also when somebody else got there first; null when nothing was done
    /// for another reason.
    conversation: Option<Conversation>,
    /// Whether anything was written. False when it already was as asked, and when it was refused.
    changed: bool,
    /// The position at which the conversation is as shown; null when nothing was done.
    as_of: Option<EventCursor>,
    /// Why it was not done; empty when it was, or already had been.
    user_errors: Vec<UserError>,
}

/// Who owned the conversation before.
pub struct Previous {
    id: Option<AgentId>,
    loaders: Arc<Loaders>,
}

/// Who owned the conversation before.
#[Object(name = "PreviousAssignee")]
impl Previous {
    /// Who owned the conversation before, for an undo; null when nobody did.
    async fn previous_assignee(&self) -> Option<Result<Agent>> {
        self.loaders.agent(self.id?).await.map(|found| found.map(Agent)).transpose()
    }
}

/// The message of a command.
#[derive(SimpleObject)]
pub struct Sent {
    /// The message that was stored, now or the first time; null when it was refused.
    message: Option<Message>,
}

/// The parts that payloads are put together from.
pub struct Settled {
    pub outcome: Outcome,
    pub previous: Previous,
    pub sent: Sent,
}

/// What became of a command.
///
/// # Errors
/// What is no refusal.
pub fn settle(scope: &Scope, mut answer: ServiceResult<CommandOutcome>) -> Result<Settled> {
    let loaders = knowing(scope, answer.as_mut().into_iter());
    settle_by(&loaders, answer)
}

/// Loaders that know the agents whom the commands have read.
fn knowing<'a>(scope: &Scope, done: impl Iterator<Item = &'a mut CommandOutcome>) -> Arc<Loaders> {
    let agents = done.flat_map(|done| std::mem::take(&mut done.agents)).collect();
    let related = scope.services().related_from_agents(scope.caller().workspace_id(), agents);
    scope.loaders().renewed(Some(Arc::new(related)))
}

fn settle_by(loaders: &Arc<Loaders>, answer: ServiceResult<CommandOutcome>) -> Result<Settled> {
    let settled = |outcome, id, message| Settled {
        outcome,
        previous: Previous { id, loaders: loaders.clone() },
        sent: Sent { message },
    };
    Ok(match error::refused(answer)? {
        Ok(done) => {
            let outcome = Outcome {
                conversation: Some(ConversationFields::object(done.seen, loaders)),
                changed: done.changed,
                as_of: Some(cursor(loaders, done.as_of)),
                user_errors: Vec::new(),
            };
            settled(
                outcome,
                done.previous_assignee,
                done.message.map(|message| Message::new(message, loaders)),
            )
        }
        Err(refusal) => {
            let refused = error::user_error(loaders, refusal);
            let conversation = refused.current().cloned();
            let outcome = Outcome { conversation, changed: false, as_of: None, user_errors: vec![refused] };
            settled(outcome, None, None)
        }
    })
}

/// What became of one conversation of many.
#[derive(SimpleObject)]
pub struct BulkResult {
    /// The id as it was given.
    conversation_id: ID,
    /// The conversation as it is now, also when somebody else got there first; null when nothing was done
    /// for another reason.
    conversation: Option<Conversation>,
    /// Whether anything was written. False when it already was as asked, and when it was refused.
    changed: bool,
    /// Why it was not done; empty when it was, or already had been.
    user_errors: Vec<UserError>,
}

/// What became of a command about many conversations.
#[derive(SimpleObject)]
pub struct BulkOutcome {
    /// One result for each id, in the order given; empty when the whole command was refused.
    results: Vec<BulkResult>,
    /// The position at which the last of them is as shown; null when nothing was done.
    as_of: Option<EventCursor>,
    /// Why the whole command was refused. What concerns one conversation stands in its result.
    user_errors: Vec<UserError>,
}

/// The ids of a command about many conversations.
pub fn conversation_ids(given: &[ID]) -> Vec<ConversationId> {
    given.iter().map(|id| ids::decode_or_nil(id)).collect()
}

/// What became of a command about many conversations, `given` by these ids.
///
/// # Errors
/// What is no refusal. The command can then be repeated: what had been done stays as it is.
pub fn settle_all(
    scope: &Scope,
    given: Vec<ID>,
    answers: ServiceResult<Vec<ServiceResult<CommandOutcome>>>,
) -> Result<BulkOutcome> {
    let mut answers = match error::refused(answers)? {
        Ok(answers) => answers,
        Err(refusal) => {
            let user_errors = vec![error::user_error(scope.loaders(), refusal)];
            return Ok(BulkOutcome { results: Vec::new(), as_of: None, user_errors });
        }
    };
    let loaders = &knowing(scope, answers.iter_mut().flatten());
    let as_of = answers.iter().flatten().map(|done| done.as_of).max();
    let results = given.into_iter().zip(answers).enumerate();
    let results = results.map(|(index, (conversation_id, answer))| {
        let Outcome { conversation, changed, mut user_errors, .. } = settle_by(loaders, answer)?.outcome;
        // What is wrong with another argument is wrong for all.
        for error in user_errors.iter_mut().filter(|error| error.is_at("conversationId")) {
            error.set_path(["input", "conversationIds", &index.to_string()].map(str::to_owned).to_vec());
        }
        Ok(BulkResult { conversation_id, conversation, changed, user_errors })
    });
    let results = results.collect::<Result<Vec<_>>>()?;
    Ok(BulkOutcome { results, as_of: as_of.map(|seq| cursor(loaders, seq)), user_errors: Vec::new() })
}

/// What became of a handoff: what concerns the agent who was to receive is about `toAgentId`.
///
/// # Errors
/// What is no refusal.
pub fn settle_handed_off(scope: &Scope, answer: ServiceResult<HandedOff>) -> Result<BulkOutcome> {
    let loaders = scope.loaders();
    let told = |refusal: Refusal| {
        let about_receiver = matches!(refusal, Refusal::AgentInactive | Refusal::AgentLacksAccess);
        let mut refused = error::user_error(loaders, refusal);
        if about_receiver {
            refused.set_path(["input", "toAgentId"].map(str::to_owned).to_vec());
        }
        refused
    };
    let HandedOff { items, as_of } = match error::refused(answer)? {
        Ok(handed_off) => handed_off,
        Err(refusal) => {
            return Ok(BulkOutcome { results: Vec::new(), as_of: None, user_errors: vec![told(refusal)] });
        }
    };
    let results = items.into_iter().map(|(id, answer)| {
        let conversation_id = ids::encode(id);
        Ok(match error::refused(answer)? {
            Ok(done) => {
                let Outcome { conversation, changed, user_errors, .. } =
                    settle_by(loaders, Ok(done))?.outcome;
                BulkResult { conversation_id, conversation, changed, user_errors }
            }
            Err(refusal) => {
                let user_errors = vec![told(refusal)];
                BulkResult { conversation_id, conversation: None, changed: false, user_errors }
            }
        })
    });
    let results = results.collect::<Result<Vec<_>>>()?;
    Ok(BulkOutcome { results, as_of: Some(cursor(loaders, as_of)), user_errors: Vec::new() })
}
