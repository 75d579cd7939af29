//! The input fields that a refusal can name.
//!
//! Each interface names a field in its own way: the API uses the names of its schema, and the command line uses the
//! words of [`InputField`]'s `Display`.

/// A field of a command's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputField {
    Agent,
    AgentId,
    AgentIds,
    Body,
    ConversationId,
    ConversationIds,
    Conversations,
    Email,
    ExpiresAt,
    FromAgentId,
    IdempotencyKey,
    Label,
    LastSeenMessageId,
    MaxUnassigned,
    MaxWaitSeconds,
    Minutes,
    Name,
    Note,
    Number,
    PhoneNumberId,
    PhoneNumberIds,
    PlanId,
    ProviderMessageId,
    Scopes,
    Search,
    ServiceTokenId,
    ThroughMessageId,
    Title,
    To,
    ToAgentId,
    TtlSeconds,
    Workspace,
}

impl std::fmt::Display for InputField {
    /// Writes the English name of the field's content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Agent | Self::AgentId | Self::FromAgentId | Self::ToAgentId => "agent",
            Self::AgentIds => "agents",
            Self::Body => "body",
            Self::ConversationId => "conversation",
            Self::ConversationIds | Self::Conversations => "conversations",
            Self::Email => "e-mail address",
            Self::ExpiresAt => "expiry",
            Self::IdempotencyKey => "idempotency key",
            Self::Label => "label",
            Self::LastSeenMessageId => "last message seen",
            Self::MaxUnassigned => "largest number of unassigned conversations",
            Self::MaxWaitSeconds => "longest wait",
            Self::Minutes => "minutes",
            Self::Name => "name",
            Self::Note => "note",
            Self::Number | Self::PhoneNumberId => "phone number",
            Self::PhoneNumberIds => "phone numbers",
            Self::PlanId => "rebalance plan",
            Self::ProviderMessageId => "provider's message id",
            Self::Scopes => "scopes",
            Self::Search => "search",
            Self::ServiceTokenId => "service token",
            Self::ThroughMessageId => "message",
            Self::Title => "title",
            Self::To => "recipient",
            Self::TtlSeconds => "lifetime",
            Self::Workspace => "workspace",
        })
    }
}
