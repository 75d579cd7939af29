//! One type per kind of id, so that an agent's id cannot be passed where a conversation's belongs.
//!
//! All are UUIDs. New ones are version 7: they rise with time, which keeps index pages warm. How ids look to
//! API clients is the business of `graphql`.

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
            /// A new id, never seen before.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
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
    /// A customer, as one workspace knows them.
    ContactId,
    /// A conversation.
    ConversationId,
    /// A message.
    MessageId,
    /// A manager's plan to move conversations.
    RebalancePlanId,
}
