// The types that the modules pass to each other. Most are selections of the documents in documents.js.

export interface Person { id: string; name: string }
export interface Agent extends Person { title: string | null }
export interface Viewer extends Agent { role: 'MANAGER' | 'REP'; experienced: boolean }
export type AssignmentModel = 'OPEN' | 'SELF_SERVICE' | 'HYBRID' | 'MANAGER_ASSIGNED';
export interface Workspace { id: string; name: string; assignmentModel: AssignmentModel; plan: string }
export interface PhoneNumber { id: string; label: string }
export interface Contact { name: string | null; number: string }
export type Direction = 'INBOUND' | 'OUTBOUND';

export interface Row {
  id: string;
  version: number;
  status: 'OPEN' | 'CLOSED';
  unread: boolean;
  lastActivityAt: string;
  waitingSince: string | null;
  assignedAt: string | null;
  contact: Contact;
  phoneNumber: { label: string };
  assignee: Person | null;
  lastMessage: { id: string; direction: Direction; body: string; author: Person | null } | null;
}

/** A row in a list. */
export interface RankedRow extends Row {
  /** The rank of the row; a greater rank is higher in the list. */
  position: string;
  changedAt?: number;
  /** The row has left the list and is still shown, because the order is fixed. */
  gone?: boolean;
}

export interface Message {
  id: string;
  direction: Direction;
  body: string;
  mediaUrls: string[];
  sentAt: string;
  deliveryStatus: 'QUEUED' | 'SENT' | 'DELIVERED' | 'FAILED' | null;
  author: Person | null;
}

export interface HistoryEvent {
  id: string;
  kind: string;
  at: string;
  reason: string | null;
  note: string | null;
  actor: Person | null;
  assignee: Person | null;
  previousAssignee: Person | null;
}

export interface PageInfo {
  hasNextPage?: boolean;
  endCursor?: string | null;
  hasPreviousPage?: boolean;
  startCursor?: string | null;
}
export interface Connection<T> { nodes: T[]; pageInfo: PageInfo }
export interface RowPage extends Connection<Row> { asOf: string }

export interface QueueChange {
  __typename: 'ConversationEntered' | 'ConversationUpdated' | 'ConversationLeft' | 'QueueReset';
  cursor?: string;
  conversation?: Row;
  conversationId?: string;
  version?: number;
  cause?: { kind: string } | null;
}

export interface UserError {
  code: string;
  message: string;
  current?: Row;
  newerMessages?: Message[];
}

/** The payload of a mutation of a conversation. */
export interface Payload {
  changed: boolean;
  conversation: Row;
  previousAssignee?: Person | null;
  message?: Message;
  userErrors: UserError[];
}

export type View = 'INBOX' | 'ASSIGNED_TO_ME' | 'UNASSIGNED';
export type FilterName = 'open' | 'unread' | 'closed';

/** The place of the page: a list, and the open conversation, if any. */
export interface Place {
  view: View;
  filter: FilterName | null;
  /** The id of the phone number in the filter. */
  number: string | null;
  search: string;
  conversation: string | null;
}

/** A list, as arguments of the API. */
export interface ListQuery {
  view: View;
  filter: { status?: string; unread?: boolean; search?: string; phoneNumberIds?: string[] };
}

export interface Draft {
  text: string;
  /** The last message that the author had seen when the draft was started. */
  seen: string | null;
}

/** A reply that the agent has sent and the server has not recorded yet. */
export interface Outgoing {
  key: string;
  conversationId: string;
  body: string;
  seen: string | null;
  /** When the author sent it, in milliseconds. */
  at: number;
  state: 'waiting' | 'sending' | 'held' | 'refused';
  /** Why the reply was not recorded, or why this takes long. */
  problem?: string;
  /** The replies of colleagues because of which the server refused this reply. */
  newer?: Message[];
  override?: boolean;
  /** Whether the message has already arrived over the socket. */
  landed?: boolean;
}

export interface StatusCounts { total: number; open: number; closed: number; unread: number }
export interface ViewCounts {
  asOf: string;
  inbox: StatusCounts;
  assignedToMe: StatusCounts;
  unassigned: StatusCounts;
}

export type ConnectionState = 'connecting' | 'live' | 'waiting' | 'signed-out';

export interface Identity { label: string; token: string }
export interface Settings { endpoint: string; identities: Identity[]; graphiql: string | null }

/** The data of the first document. */
export interface Start {
  viewer: Viewer | null;
  workspace: Workspace | null;
  phoneNumbers: PhoneNumber[] | null;
  conversations: RowPage;
}

export interface GraphQLResult { data?: any; errors?: { message: string; extensions?: { code?: string } }[] }
