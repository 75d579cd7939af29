//! Loaded entities, by id.

use crate::domain::{Agent, AgentId, AuthoredMessage, Contact, ContactId, MessageId};

/// An entity with an id.
pub(super) trait Identified {
    type Id: Ord + Copy;

    fn id(&self) -> Self::Id;
}

impl Identified for Agent {
    type Id = AgentId;

    fn id(&self) -> AgentId {
        self.id
    }
}

impl Identified for Contact {
    type Id = ContactId;

    fn id(&self) -> ContactId {
        self.id
    }
}

impl Identified for AuthoredMessage {
    type Id = MessageId;

    fn id(&self) -> MessageId {
        self.message.id
    }
}

/// Entities sorted by id. The database often returns them in this order, and a map would copy them.
pub(super) struct Found<T>(Vec<T>);

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Identified> Found<T> {
    pub fn new(mut found: Vec<T>) -> Self {
        found.sort_unstable_by_key(T::id);
        Self(found)
    }

    pub fn get(&self, id: T::Id) -> Option<&T> {
        let index = self.0.binary_search_by_key(&id, T::id).ok()?;
        self.0.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Identified for u32 {
        type Id = u32;

        fn id(&self) -> u32 {
            *self
        }
    }

    #[test]
    fn look_up_does_not_depend_on_the_order_of_rows() {
        let found = Found::new(vec![5_u32, 1, 9, 3]);
        for id in [1, 3, 5, 9] {
            assert_eq!(found.get(id), Some(&id));
        }
        for id in [0, 2, 10] {
            assert_eq!(found.get(id), None);
        }
        assert_eq!(Found::<u32>::default().get(1), None);
    }
}
