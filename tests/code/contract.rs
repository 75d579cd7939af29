//! The names and the nullability that clients outside this repository are written against.
//!
//! The schema may grow: more fields, arguments with defaults, types and values. What stands here may not change.

use std::collections::BTreeMap;

/// Fields as `name: Type`, or `name(argument, …): Type`, whose arguments must be there among others.
const TYPES: &[(&str, &[&str])] = &[
    (
        "type Query",
        &[
            "viewer: Agent",
            "workspace: Workspace",
            "node(id: ID!): Node",
            "nodes(ids: [ID!]!): [Node]!",
            "conversation(id: ID!): Conversation",
            "conversations(view: ConversationView!, filter: ConversationFilter, orderBy: ConversationOrder, \
             first: Int, after: String, last: Int, before: String): ConversationConnection",
            "agents(search: String, assignableTo: ID, first: Int, after: String, last: Int, before: String): \
             AgentConnection",
            "phoneNumbers: [PhoneNumber!]",
            "viewCounts(phoneNumberIds: [ID!]): ViewCounts",
            "queueHealth(phoneNumberIds: [ID!], window: Int!): QueueHealth",
            "workloads: [Workload!]",
        ],
    ),
    ("interface Node", &["id: ID!"]),
    (
        "type Conversation",
        &[
            "id: ID!",
            "status: ConversationStatus!",
            "version: Int!",
            "contact: Contact!",
            "phoneNumber: PhoneNumber!",
            "assignee: Agent",
            "assignedBy: Agent",
            "assignedAt: DateTime",
            "unassignedSince: DateTime",
            "unread: Boolean!",
            "viewerCanReply: Boolean!",
            "lastActivityAt: DateTime!",
            "lastMessage: Message",
            "waitingSince: DateTime",
            "createdAt: DateTime!",
            "closedAt: DateTime",
            "closedBy: Agent",
            "messages(first: Int, after: String, last: Int, before: String): MessageConnection!",
            "history(first: Int, after: String, last: Int, before: String): ConversationEventConnection!",
            "assigneeAt(time: DateTime!): Agent",
        ],
    ),
    (
        "type ConversationConnection",
        &[
            "edges: [ConversationEdge!]!",
            "nodes: [Conversation!]!",
            "pageInfo: PageInfo!",
            "totalCount: Int",
            "asOf: EventCursor!",
        ],
    ),
    (
        "type Agent",
        &[
            "id: ID!",
            "name: String!",
            "title: String",
            "email: String!",
            "role: AgentRole!",
            "active: Boolean!",
            "experienced: Boolean!",
        ],
    ),
    ("type Contact", &["id: ID!", "number: E164!", "name: String"]),
    ("type PhoneNumber", &["id: ID!", "number: E164!", "label: String!"]),
    (
        "type Message",
        &[
            "id: ID!",
            "direction: MessageDirection!",
            "body: String!",
            "mediaUrls: [String!]!",
            "author: Agent",
            "sentAt: DateTime!",
            "deliveryStatus: DeliveryStatus",
        ],
    ),
    ("type Workspace", &["id: ID!", "name: String!", "plan: Plan!", "assignmentModel: AssignmentModel!"]),
    (
        "type ConversationEvent",
        &[
            "id: ID!",
            "cursor: EventCursor!",
            "kind: ConversationEventKind!",
            "at: DateTime!",
            "actor: Agent",
            "previousAssignee: Agent",
            "assignee: Agent",
            "message: Message",
            "reason: String",
            "note: String",
        ],
    ),
    (
        "type ViewCounts",
        &[
            "inbox: StatusCounts!",
            "assignedToMe: StatusCounts!",
            "unassigned: StatusCounts!",
            "asOf: EventCursor!",
        ],
    ),
    (
        "type QueueHealth",
        &[
            "unassigned: Int!",
            "oldestUnassignedSince: DateTime",
            "oldestWaitingSince: DateTime",
            "arrived: Int!",
            "claimed: Int!",
            "returned: Int!",
            "trend: QueueTrend!",
            "asOf: EventCursor!",
        ],
    ),
    ("enum QueueTrend", &["GROWING", "STEADY", "SHRINKING"]),
    ("type Workload", &["agent: Agent!", "open: Int!", "waiting: Int!"]),
    ("type ConversationPresence", &["viewers: [ConversationViewer!]!"]),
    ("type ConversationViewer", &["agent: Agent!", "state: PresenceState!", "since: DateTime!"]),
    ("enum PresenceState", &["VIEWING", "REPLYING"]),
    ("input SetPresenceInput", &["conversationId: ID!", "state: PresenceState"]),
    ("type StatusCounts", &["total: Int!", "open: Int!", "closed: Int!", "unread: Int!"]),
    ("interface UserError", &["code: UserErrorCode!", "message: String!", "path: [String!]"]),
    ("type InputError", &["code: UserErrorCode!", "message: String!", "path: [String!]"]),
    ("type ConflictError", &["code: UserErrorCode!", "message: String!", "current: Conversation!"]),
    ("type PlanError", &["code: UserErrorCode!", "message: String!", "requiredPlan: Plan!"]),
    ("type StaleReplyError", &["code: UserErrorCode!", "message: String!", "newerMessages: [Message!]!"]),
    (
        "type AssignConversationPayload",
        &[
            "conversation: Conversation",
            "previousAssignee: Agent",
            "changed: Boolean!",
            "asOf: EventCursor",
            "userErrors: [UserError!]!",
        ],
    ),
    (
        "type ClaimConversationPayload",
        &["conversation: Conversation", "previousAssignee: Agent", "changed: Boolean!"],
    ),
    ("type UnassignConversationPayload", &["conversation: Conversation", "previousAssignee: Agent"]),
    ("type CloseConversationPayload", &["conversation: Conversation", "userErrors: [UserError!]!"]),
    ("type SendMessagePayload", &["conversation: Conversation", "message: Message", "changed: Boolean!"]),
    ("type ReceiveMessagePayload", &["conversation: Conversation", "message: Message", "changed: Boolean!"]),
    (
        "type Subscription",
        &[
            "queueChanges(view: ConversationView!, filter: ConversationFilter, after: EventCursor): QueueChange!",
            "viewCountsChanged(phoneNumberIds: [ID!]): ViewCounts!",
            "conversationChanged(id: ID!, after: EventCursor): ConversationChange!",
            "conversationPresence(id: ID!): ConversationPresence!",
        ],
    ),
    ("interface QueueEvent", &["cursor: EventCursor!"]),
    (
        "type ConversationEntered",
        &["cursor: EventCursor!", "conversation: Conversation!", "cause: ConversationEvent"],
    ),
    (
        "type ConversationUpdated",
        &["cursor: EventCursor!", "conversation: Conversation!", "cause: ConversationEvent"],
    ),
    (
        "type ConversationLeft",
        &["cursor: EventCursor!", "conversationId: ID!", "version: Int!", "cause: ConversationEvent"],
    ),
    ("type QueueCheckpoint", &["cursor: EventCursor!"]),
    ("type QueueReset", &["cursor: EventCursor!", "reason: QueueResetReason!"]),
    (
        "type ConversationChange",
        &[
            "cursor: EventCursor!",
            "event: ConversationEvent",
            "conversation: Conversation",
            "reset: QueueResetReason",
        ],
    ),
    (
        "input ConversationFilter",
        &["status: ConversationStatus", "unread: Boolean", "phoneNumberIds: [ID!]", "search: String"],
    ),
    ("input ConversationOrder", &["field: ConversationOrderField!", "direction: OrderDirection"]),
    (
        "input AssignConversationInput",
        &["conversationId: ID!", "agentId: ID!", "expectedVersion: Int", "expectedAssigneeId: ID"],
    ),
    ("input ClaimConversationInput", &["conversationId: ID!"]),
    ("input UnassignConversationInput", &["conversationId: ID!", "expectedVersion: Int"]),
    ("input CloseConversationInput", &["conversationId: ID!", "expectedVersion: Int"]),
    ("input ReopenConversationInput", &["conversationId: ID!"]),
    ("input MarkConversationReadInput", &["conversationId: ID!", "throughMessageId: ID"]),
    ("input MarkConversationUnreadInput", &["conversationId: ID!"]),
    ("input AssignConversationsInput", &["conversationIds: [ID!]!", "agentId: ID!"]),
    ("input CloseConversationsInput", &["conversationIds: [ID!]!"]),
    (
        "input HandOffConversationsInput",
        &[
            "fromAgentId: ID!",
            "toAgentId: ID!",
            "status: ConversationStatus",
            "phoneNumberIds: [ID!]",
            "note: String",
        ],
    ),
    (
        "type HandOffConversationsPayload",
        &["results: [BulkResult!]!", "asOf: EventCursor", "userErrors: [UserError!]!"],
    ),
    (
        "input SendMessageInput",
        &[
            "conversationId: ID!",
            "body: String!",
            "idempotencyKey: String!",
            "lastSeenMessageId: ID",
            "overrideStale: Boolean!",
        ],
    ),
    (
        "input StartConversationInput",
        &["phoneNumberId: ID!", "to: E164!", "body: String!", "idempotencyKey: String!"],
    ),
    (
        "input ReceiveMessageInput",
        &[
            "providerMessageId: String!",
            "from: E164!",
            "to: E164!",
            "body: String!",
            "mediaUrls: [String!]",
            "sentAt: DateTime",
        ],
    ),
    ("enum ConversationView", &["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"]),
    ("enum ConversationStatus", &["OPEN", "CLOSED"]),
    ("enum ConversationOrderField", &["LAST_ACTIVITY", "WAITING_SINCE", "UNASSIGNED_SINCE"]),
    ("enum OrderDirection", &["ASC", "DESC"]),
    ("enum AssignmentModel", &["OPEN", "MANAGER_ASSIGNED", "SELF_SERVICE", "HYBRID"]),
    ("enum Plan", &["STARTER", "TEAM", "PRO", "PRO_PLUS", "BUSINESS"]),
    ("enum AgentRole", &["REP", "MANAGER"]),
    (
        "enum ConversationEventKind",
        &[
            "RECEIVED",
            "REPLIED",
            "ASSIGNED",
            "UNASSIGNED",
            "CLOSED",
            "REOPENED",
            "READ",
            "UNREAD",
            "ACKNOWLEDGED",
        ],
    ),
    ("enum QueueResetReason", &["ACCESS_CHANGED", "CURSOR_INVALID", "LOG_TRUNCATED"]),
    (
        "enum UserErrorCode",
        &[
            "INVALID",
            "NOT_FOUND",
            "AGENT_INACTIVE",
            "AGENT_LACKS_ACCESS",
            "NOT_ALLOWED",
            "IDEMPOTENCY_KEY_REUSED",
            "ALREADY_ASSIGNED",
            "STALE",
            "PLAN_REQUIRED",
            "STALE_REPLY",
        ],
    ),
];

const MUTATIONS: &[&str] = &[
    "assignConversation",
    "claimConversation",
    "unassignConversation",
    "closeConversation",
    "reopenConversation",
    "markConversationRead",
    "markConversationUnread",
    "assignConversations",
    "closeConversations",
    "handOffConversations",
    "acknowledgeHandOff",
    "setOwnershipLease",
    "planRebalance",
    "applyPlan",
    "undoPlan",
    "sendMessage",
    "startConversation",
    "receiveMessage",
    "setAssignmentModel",
    "createAgent",
    "updateAgent",
    "deactivateAgent",
    "reactivateAgent",
    "issueAgentToken",
    "addPhoneNumber",
    "grantNumberAccess",
    "revokeNumberAccess",
    "setQueueThresholds",
    "setPresence",
];

/// The members of each definition of the SDL, by `type Name`; a field's arguments stand without defaults.
fn definitions(sdl: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open: Option<String> = None;
    let mut arguments: Option<String> = None;
    for line in without_descriptions(sdl).lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_suffix('{').filter(|_| open.is_none()) {
            let name = head.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            found.insert(name.clone(), Vec::new());
            open = Some(name);
        } else if line == "}" {
            open = None;
        } else if let Some(name) = &open {
            // A field's arguments may stand on lines of their own.
            let whole = match arguments.take() {
                Some(begun) => format!("{begun} {line}"),
                None => line.to_owned(),
            };
            if whole.matches('(').count() > whole.matches(')').count() {
                arguments = Some(whole);
            } else {
                found.entry(name.clone()).or_default().push(whole);
            }
        }
    }
    found
}

fn without_descriptions(sdl: &str) -> String {
    let outside = |(n, text): (usize, &str)| (n % 2 == 0).then(|| text.to_owned());
    sdl.split("\"\"\"").enumerate().filter_map(outside).collect()
}

/// A field's name, its arguments as `name: Type`, and its type.
fn parts(field: &str) -> (String, Vec<String>, String) {
    let bare = |text: &str| text.split(['=', '@']).next().unwrap_or_default().trim().to_owned();
    let Some((name, rest)) = field.split_once('(') else {
        let (name, kind) = field.split_once(':').unwrap_or((field, ""));
        return (name.trim().to_owned(), Vec::new(), bare(kind));
    };
    let (arguments, kind) = rest.rsplit_once(')').expect("arguments are closed");
    // Commas stand between arguments, and inside defaults that the contract does not have.
    let arguments = arguments.split(',').flat_map(|part| part.split("  ")).map(bare);
    let kind = bare(kind.trim().trim_start_matches(':'));
    (name.trim().to_owned(), arguments.filter(|argument| !argument.is_empty()).collect(), kind)
}

#[test]
fn names_and_nullability_of_the_contract_stand() {
    let definitions = definitions(&switchboard::graphql::sdl());
    let mut missing = Vec::new();
    for (definition, members) in TYPES {
        let Some(found) = definitions.get(*definition) else {
            missing.push(format!("{definition} is missing"));
            continue;
        };
        let found: Vec<_> = found.iter().map(|field| parts(field)).collect();
        for member in *members {
            let (name, arguments, kind) = parts(member);
            let holds = found.iter().any(|(n, a, k)| {
                *n == name && *k == kind && arguments.iter().all(|argument| a.contains(argument))
            });
            if !holds {
                let there = found.iter().find(|(n, ..)| *n == name);
                missing.push(format!("{definition}: {member}; there is {there:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "the contract is broken:\n{}", missing.join("\n"));
}

#[test]
fn each_mutation_takes_its_input_and_gives_its_payload() {
    let definitions = definitions(&switchboard::graphql::sdl());
    let found = definitions.get("type Mutation").expect("mutations");
    let found: BTreeMap<String, _> = found.iter().map(|field| (parts(field).0, parts(field))).collect();
    for name in MUTATIONS {
        let (_, arguments, kind) = found.get(*name).unwrap_or_else(|| panic!("{name} is missing"));
        let capital = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        assert_eq!(*arguments, [format!("input: {capital}Input!")], "{name}");
        assert_eq!(
            *kind,
            format!("{capital}Payload"),
            "{name}: nullable, so that one failure does not wipe others"
        );
        let payload = definitions.get(&format!("type {kind}")).unwrap_or_else(|| panic!("{kind} is missing"));
        assert!(payload.iter().any(|field| parts(field).2 == "[UserError!]!"), "{kind}: {payload:?}");
    }
}

#[test]
fn root_fields_are_nullable() {
    for root in ["type Query", "type Mutation"] {
        let definitions = definitions(&switchboard::graphql::sdl());
        for field in definitions.get(root).expect("a root") {
            let (name, _, kind) = parts(field);
            assert!(!kind.ends_with('!') || name == "nodes", "{root}.{name}: {kind}");
        }
    }
}

#[test]
fn the_reader_of_the_schema_reads_it() {
    let sdl = "\"\"\"\nA { thing\n\"\"\"\ntype A implements Node & B {\n\t\"\"\"\n\tText: {\n\t\"\"\"\n\ta(x: Int! = 3, y: [ID!]): [B!]! @deprecated\n\tb: C\n}\nenum E {\n\tONE\n}\n";
    let found = definitions(sdl);
    let fields = &found["type A"];
    assert_eq!(parts(&fields[0]), ("a".into(), vec!["x: Int!".into(), "y: [ID!]".into()], "[B!]!".into()));
    assert_eq!(parts(&fields[1]), ("b".into(), vec![], "C".into()));
    assert_eq!(found["enum E"], ["ONE"]);
    assert_eq!(parts("ONE").0, "ONE");
}
