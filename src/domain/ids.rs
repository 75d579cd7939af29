//! One type per kind of id, so that an agent's id cannot be passed for a conversation's.
//!
//! All ids are UUIDs. [`crate::random::Ids`] makes new ones. `graphql` defines the ids that API clients see.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, for tests of single modules.
            #[cfg(test)]
            pub fn generate() -> Self {
                Self(crate::random::Ids::system().next())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

ids! {
    /// A workspace.
    WorkspaceId,
    /// An agent.
    AgentId,
    /// A shared phone number of a workspace.
    PhoneNumberId,
    /// A customer of one workspace.
    ContactId,
    /// A conversation.
    ConversationId,
    /// A message.
    MessageId,
    /// A manager's plan to move conversations.
    RebalancePlanId,
    /// A token of a service.
    ServiceTokenId,
}
