// A hand-written schema for the benchmark, with the types of ../../../schema.graphql.

import { createSchema } from 'graphql-yoga';
import { GraphQLScalarType } from 'graphql';

import { EVERYBODY, NOBODY } from './database.mjs';

const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar E164
  scalar EventCursor

  type Query {
    conversations(view: ConversationView! = INBOX, first: Int! = 25): ConversationConnection
  }

  type Mutation {
    assignConversation(input: AssignConversationInput!): AssignConversationPayload
  }
  input AssignConversationInput { conversationId: ID!, agentId: ID! }
  type AssignConversationPayload {
    changed: Boolean!
    conversation: Conversation
    previousAssignee: Agent
    userErrors: [InputError!]!
  }
  type InputError { code: String!, message: String! }

  type Subscription {
    queueChanges: QueueChange!
  }
  union QueueChange = ConversationUpdated
  type ConversationUpdated { cursor: EventCursor!, conversation: Conversation! }

  enum ConversationView { INBOX ASSIGNED_TO_ME UNASSIGNED }
  enum ConversationStatus { OPEN CLOSED }
  enum MessageDirection { INBOUND OUTBOUND }

  type ConversationConnection {
    nodes: [Conversation!]!
    pageInfo: PageInfo!
    totalCount: Int
    asOf: EventCursor!
  }
  type PageInfo { endCursor: String, hasNextPage: Boolean! }

  type Conversation {
    id: ID!
    version: Int!
    status: ConversationStatus!
    lastActivityAt: DateTime!
    waitingSince: DateTime
    contact: Contact!
    phoneNumber: PhoneNumber!
    assignee: Agent
    lastMessage: Message
  }
  type Contact { id: ID!, number: E164!, name: String }
  type PhoneNumber { id: ID!, number: E164!, label: String! }
  type Agent { id: ID!, name: String! }
  type Message { id: ID!, direction: MessageDirection!, body: String!, sentAt: DateTime! }
`;

// The database returns values in the format of the API.
const asIs = (name) => new GraphQLScalarType({ name, serialize: (value) => value });

// An id is a letter for the type and the bytes of the UUID.
function opaque(tag, uuid) {
  return Buffer.from(tag + Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('latin1'), 'latin1')
    .toString('base64url');
}
function uuidOf(id) {
  return Buffer.from(id, 'base64url').subarray(1).toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
const idOf = (tag) => ({ id: ({ id }) => opaque(tag, id) });

const HOLDERS = {
  INBOX: () => EVERYBODY,
  ASSIGNED_TO_ME: (viewer) => viewer.agent,
  UNASSIGNED: () => NOBODY,
};

const NOT_FOUND = { code: 'NOT_FOUND', message: 'The conversation does not exist, or an agent has no access to it.' };

export function schema(database, changes) {
  const resolvers = {
    DateTime: asIs('DateTime'),
    E164: asIs('E164'),
    EventCursor: asIs('EventCursor'),
    Query: {
      async conversations(_, { view, first }, context) {
        context.viewer = await context.signIn();
        const { workspace, numberIds, agent } = context.viewer;
        // One additional row shows whether there is a next page.
        const nodes = await database.page(view, workspace, numberIds, first + 1, agent);
        const hasNextPage = nodes.length > first;
        return { view, nodes: hasNextPage ? nodes.slice(0, first) : nodes, hasNextPage };
      },
    },
    Mutation: {
      async assignConversation(_, { input }, context) {
        context.viewer = await context.signIn();
        const id = uuidOf(input.conversationId);
        const result = await database.assign(context.viewer, id, uuidOf(input.agentId));
        const [conversation, previousAssignee] = await Promise.all([
          result && database.whole(context.viewer.workspace, id),
          result?.previous && context.viewer.agents.load(result.previous),
        ]);
        return {
          changed: result?.changed ?? false,
          conversation,
          previousAssignee,
          userErrors: result ? [] : [NOT_FOUND],
        };
      },
    },
    Subscription: {
      queueChanges: {
        async *subscribe(_, __, context) {
          for await (const event of changes(await context.signIn())) yield { queueChanges: event };
        },
      },
    },
    QueueChange: { __resolveType: () => 'ConversationUpdated' },
    ConversationConnection: {
      pageInfo: ({ nodes, hasNextPage }) => {
        const last = nodes.at(-1);
        const endCursor = last ? Buffer.from(`${last.lastActivityAt}.${last.id}`).toString('base64url') : null;
        return { endCursor, hasNextPage };
      },
      totalCount: ({ view }, _, { viewer }) =>
        database.total(viewer.workspace, HOLDERS[view](viewer), viewer.numberIds),
      asOf: (_, __, { viewer }) => String(viewer.asOf),
    },
    Conversation: {
      ...idOf('C'),
      // A conversation from an event contains its contact and assignee.
      contact: ({ contact, contact_id }, _, { viewer }) => contact ?? viewer.contacts.load(contact_id),
      phoneNumber: ({ phone_number_id }, _, { viewer }) => viewer.numbers.get(phone_number_id),
      assignee: ({ assignee, assignee_id }, _, { viewer }) =>
        assignee ?? (assignee_id ? viewer.agents.load(assignee_id) : null),
      lastMessage: ({ last_message_id }, _, { viewer }) => viewer.messages.load(last_message_id),
    },
    Contact: idOf('K'),
    PhoneNumber: idOf('P'),
    Agent: idOf('A'),
    Message: idOf('M'),
  };
  return createSchema({ typeDefs, resolvers });
}
