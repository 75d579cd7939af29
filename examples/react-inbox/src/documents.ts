// All operations of the page. Codegen generates their types.
import { graphql } from './gql';

export const RowFragment = graphql(`
  fragment Row on Conversation {
    id
    version
    status
    unread
    lastActivityAt
    contact { id name number }
    assignee { id name }
    lastMessage { id body }
  }
`);

export const ViewerQuery = graphql(`
  query Viewer {
    viewer { id name }
  }
`);

export const QueueQuery = graphql(`
  query Queue($view: ConversationView!, $filter: ConversationFilter, $after: String) {
    conversations(view: $view, filter: $filter, first: 25, after: $after) {
      nodes { ...Row }
      pageInfo { hasNextPage endCursor }
      asOf
    }
  }
`);

export const QueueChangesSubscription = graphql(`
  subscription QueueChanges($view: ConversationView!, $filter: ConversationFilter, $after: EventCursor) {
    queueChanges(view: $view, filter: $filter, after: $after) {
      __typename
      ... on QueueEvent { cursor }
      ... on ConversationEntered { conversation { ...Row } }
      ... on ConversationUpdated { conversation { ...Row } }
      ... on ConversationLeft { conversationId version }
      ... on QueueReset { reason }
    }
  }
`);

export const AssignableQuery = graphql(`
  query Assignable($conversationId: ID!) {
    agents(assignableTo: $conversationId, first: 100) {
      nodes { id name title }
    }
  }
`);

export const ClaimMutation = graphql(`
  mutation Claim($conversationId: ID!) {
    claimConversation(input: { conversationId: $conversationId }) {
      conversation { ...Row }
      userErrors {
        message
        ... on ConflictError { current { ...Row } }
      }
    }
  }
`);

export const AssignMutation = graphql(`
  mutation Assign($conversationId: ID!, $agentId: ID!, $expectedVersion: Int) {
    assignConversation(
      input: { conversationId: $conversationId, agentId: $agentId, expectedVersion: $expectedVersion }
    ) {
      conversation { ...Row }
      userErrors {
        message
        ... on ConflictError { current { ...Row } }
      }
    }
  }
`);
