// The documents of conformance.mjs. Each is a function of the facts, which contain the ids.

const MERGE = 'fields of different objects are not merged';
const EMPTY = 'an empty selection is {}';
const DEFAULT = "a variable's default counts in directives";
const ORDER = 'keys stand in the order of the document';
const LANGUAGE = 'the language as it is specified';
const VALIDATION = 'an invalid document is refused, a valid one is not';
const ERROR = 'an error of a field leaves the others';
const PAGE = 'pages say what surrounds them';
const DATE = 'a date has a year of four digits in UTC';

const conversation = ({ conversations }) => JSON.stringify(conversations[0]);
const owned = ({ mine, others }) => JSON.stringify([...mine, ...others][0]);
const cursor = ({ cursors }, index) => JSON.stringify(cursors.conversations[index]);

const MERGED = [
  { name: 'two pages of one connection', query: (f) => `{
      conversation(id: ${conversation(f)}) { messages(first: 1) { nodes { id } } }
      conversation(id: ${conversation(f)}) { messages(last: 1) { nodes { body } } } }` },
  { name: 'a contact and a phone number of one key in two fragments', query: () => `{ ...A ...B }
      fragment A on Query { conversations(first: 1) { nodes { x: contact { id } } } }
      fragment B on Query { conversations(first: 1) { nodes { x: phoneNumber { label } } } }` },
  { name: 'return shapes of an interface', query: (f) =>
    `{ node(id: ${JSON.stringify(f.agents[0])}) { ... on Agent { x: active } ... on Contact { x: number } } }` },
  { name: 'two moments of one owner', query: (f) => `{
      conversation(id: ${conversation(f)}) { assigneeAt(time: "${f.times[0]}") { id } }
      ... on Query { conversation(id: ${conversation(f)}) { assigneeAt(time: "2020-01-01T00:00:00Z") { id } } } }` },
  { name: 'a literal and a variable of one argument', variables: '{"n":2}', query: () => `query ($n: Int) {
      conversations(first: 1) { nodes { messages(last: 1) { nodes { id } } } }
      conversations(first: 1) { nodes { messages(last: $n) { nodes { body } } } } }` },
  { name: 'null and absence in the return type, three levels down', query: (f) => `{ node(id: ${conversation(f)}) {
      ... on Conversation { contact { x: id } } ... on ConversationEvent { contact: message { x: id } x: cursor }
      ... on Workspace { contact: queueThresholds { x: maxUnassigned } } } }` },
];

const EMPTIED = [
  { name: 'a skipped name beside an id, the skipped one first', query: (f) => `{ conversation(id: ${owned(f)}) { id ...A ...B } }
      fragment A on Conversation { assignee { name @include(if: false) } } fragment B on Conversation { assignee { id } }` },
  { name: 'one selection skipped, another not', query: () => '{ viewer { name @skip(if: true) } viewer { id } }' },
  { name: 'the nodes of a list', query: () => '{ conversations(first: 2) { nodes { status @skip(if: true) } nodes { id } } }' },
  { name: 'the page of a list', query: () => '{ conversations(first: 1) { pageInfo { endCursor @skip(if: true) } pageInfo { hasNextPage } } }' },
  { name: 'nothing at the root', variables: '{"b":false}', query: () => 'query ($b: Boolean!) { viewer @include(if: $b) { id } }' },
  { name: 'a condition that the item does not meet', subscription: true, query: () => 'subscription { queueChanges(after: "x") { ... on QueueCheckpoint { cursor } } }' },
  { name: 'a nullable object, alone', query: (f) => `{ conversation(id: ${owned(f)}) { assignee { ... on Agent @include(if: false) { id } } } }` },
  { name: 'a refused mutation', query: (f) => `mutation { claimConversation(input: { conversationId: ${JSON.stringify(f.unknown)} }) {
      userErrors { message @skip(if: true) } userErrors { code } } }` },
  { name: 'an entity and null in one list', query: (f) =>
    `{ nodes(ids: [${conversation(f)}, "7"]) { ... on Agent { name } } }` },
];

const DEFAULTED = [
  { name: 'include of a field', query: () => 'query ($b: Boolean = true) { viewer { id name @include(if: $b) } }' },
  { name: 'skip of a field, required', query: () => 'query ($b: Boolean! = true) { viewer { id name @skip(if: $b) } }' },
  { name: 'include of a spread', query: (f) => `query ($detail: Boolean = true) { conversation(id: ${owned(f)}) { status ...D @include(if: $detail) } }
      fragment D on Conversation { assignee { id name } }` },
  { name: 'a mutation is executed', query: (f) => `mutation ($b: Boolean = true) {
      claimConversation(input: { conversationId: ${JSON.stringify(f.unknown)} }) @include(if: $b) { changed userErrors { code } } }` },
  { name: 'skip and include at one place', query: () => `query ($a: Boolean! = false, $b: Boolean! = true) {
      viewer { id name @skip(if: $a) @include(if: $b) } }` },
  { name: 'an inline fragment in a list', query: () => `query ($b: Boolean! = true) {
      conversations(first: 2) { nodes { id ... @include(if: $b) { status contact { number } } } } }` },
  { name: 'a subscription', subscription: true, query: () => 'subscription ($b: Boolean = true) { viewCountsChanged { asOf inbox @include(if: $b) { open } } }' },
];

const ORDERED = [
  { name: 'a key that is skipped at first', query: () => '{ conversations(first: 1) { totalCount @include(if: false) asOf totalCount } }' },
  { name: 'a key in a fragment on another type', query: (f) => `{ conversation(id: ${conversation(f)}) { ... on Node { ... on ConversationEvent { __typename } id } __typename } }` },
  { name: 'errors of a mutation, one type skipped', query: (f) => `mutation { claimConversation(input: { conversationId: ${JSON.stringify(f.unknown)} }) {
      userErrors { ... on PlanStaleError { message } path message } } }` },
  { name: 'a merged field that is skipped at first', variables: '{"b":false}', query: () => `query ($b: Boolean!) {
      conversations(first: 1) @include(if: $b) { totalCount } conversations(first: 1) { asOf totalCount } }` },
];

const IN_THE_LANGUAGE = [
  { name: 'a subscription through a fragment', subscription: true, query: () => 'subscription { ...F } fragment F on Subscription { viewCountsChanged { asOf } }' },
  { name: 'a subscription through an inline fragment', subscription: true, query: () => 'subscription { ... on Subscription { workloadsChanged { open } } }' },
  { name: 'a variable used only at __typename', variables: '{"v":true}', query: () => 'query ($v: Boolean!) { viewer { id __typename @include(if: $v) } }' },
  { name: 'a variable used only at the __typename of the root', variables: '{"v":true}', query: () => 'query ($v: Boolean!) { __typename @skip(if: $v) viewer { id } }' },
  { name: '2.0 for an Int', variables: '{"n":2.0}', query: () => 'query ($n: Int) { conversations(first: $n) { nodes { id } } }' },
  { name: '2e0 for an Int in an input object', variables: '{"from":"2026-11-01T00:00:00Z","w":36e2}', query: () => 'query ($w: Int! = 60) { queueHealth(window: $w) { trend } }' },
  { name: '1.0 for an ID', variables: '{"id":1.0}', query: () => 'query ($id: ID!) { node(id: $id) { id } }' },
  { name: 'surrogates as escapes', query: () => '{ agents(first: 1, search: "\\uD83D\\uDE00") { totalCount } }' },
  { name: 'an escape with braces', query: () => '{ agents(first: 1, search: "\\u{1F600}") { totalCount } }' },
  { name: 'an escape with braces and zeros, as a default', query: () => 'query ($s: String = "\\u{0000041}") { agents(first: 1, search: $s) { totalCount } }' },
  { name: 'a description on an operation', query: () => '"Who I am." query Me { viewer { id } }' },
  { name: 'a block description on a fragment', query: () => 'query Me { viewer { ...F } } """What a badge shows.""" fragment F on Agent { id }' },
  { name: 'a description on a variable', query: () => 'query Me("Whose name." $id: ID! = "7") { node(id: $id) { id } }' },
  { name: 'a variable, a directive and their signs as tokens of their own', variables: '{"v":true}', query: () => 'query ($ v: Boolean!) { viewer { id name @ skip(if: $ v) } }' },
  { name: 'space before the sign of a required type', variables: '{"v":true,"i":["7"]}', query: () => 'query ($v: Boolean !, $i: [ ID ! ] !) { viewer { id name @skip(if: $v) } nodes(ids: $i) { id } }' },
  { name: 'a comment after on in a selection', query: () => '{ viewer { ... on # a type\n Agent { id } } }' },
  { name: 'a comment after on in a fragment', query: () => '{ viewer { ...F } } fragment F on # a type\n Agent { name }' },
  { name: 'a comment between a sign and its name', variables: '{"n":1}', query: () => 'query ($# how many\nn: Int) { conversations(first: $\nn) { asOf } }' },
  { name: 'a byte order mark within the document', query: () => '{ viewer\ufeff{ id } }' },
  { name: 'half a surrogate pair is not a character', query: () => '{ agents(first: 1, search: "\\uD83D") { totalCount } }' },
  { name: 'an escape beyond Unicode', query: () => '{ agents(first: 1, search: "\\u{110000}") { totalCount } }' },
];

const REFUSED = [
  { name: 'a variable twice', variables: '{"a":1}', query: () => 'query ($a: Int, $a: Int) { conversations(first: $a) { asOf } }' },
  { name: 'a variable twice, without a value', query: () => 'query ($a: [ID!], $a: [ID!]) { viewCounts(phoneNumberIds: $a) { asOf } }' },
  { name: 'a directive on a variable', variables: '{"a":1}', query: () => 'query ($a: Int @include(if: true)) { conversations(first: $a) { asOf } }' },
  { name: 'a fragment named on', query: () => '{ viewer { ...on } } fragment on on Agent { id }' },
  { name: 'a scalar of the schema as a literal of another type', query: () => '{ ownershipAudit(from: 5, to: "2026-12-01T00:00:00Z") { handOvers } }' },
  { name: 'a condition that may be null in an introspection', query: () => 'query ($v: Boolean) { __type(name: "Agent") { kind @skip(if: $v) } }' },
  { name: 'an unknown directive at __typename', query: () => '{ viewer { __typename @nothing id } }' },
  { name: 'skip without its argument at __typename', query: () => '{ viewer { __typename @skip id } }' },
  { name: 'skip with a string at __typename', query: () => '{ viewer { __typename @skip(if: "true") id } }' },
  { name: 'selections below __typename', query: () => '{ viewer { id __typename { id } } }' },
  { name: 'minus zero is an Int', query: () => '{ conversations(first: -0) { asOf } }' },
];

const REFUSED_BY_OWN_RULES = [
  { name: 'lists of which one begins with the other', query: (f) => `{ nodes(ids: [${conversation(f)}]) { id } nodes(ids: [${conversation(f)}, "7"]) { id } }` },
  { name: 'an empty list and another', query: () => '{ nodes(ids: []) { id } nodes(ids: ["7"]) { id } }' },
  { name: 'lists in input objects, one shorter', query: () => '{ conversations(first: 1, filter: { phoneNumberIds: ["7"] }) { asOf } conversations(first: 1, filter: { phoneNumberIds: ["7", "8"] }) { asOf } }' },
  { name: 'equal strings in two spellings merge', query: () => '{ node(id: "7") { id } node(id: "\\u{37}") { __typename } }' },
  { name: 'equal lists merge', query: () => '{ nodes(ids: ["7"]) { id } nodes(ids: ["7"]) { __typename } }' },
  { name: 'a variable that may be null as an item', variables: '{"v":"7"}', query: () => 'query ($v: ID) { nodes(ids: ["8", $v]) { id } }' },
  { name: 'a variable of another type as an item', variables: '{"v":"7"}', query: () => 'query ($v: String!) { nodes(ids: ["8", $v]) { id } }' },
  { name: 'a variable that may be null in an input object', variables: '{"v":"7"}', query: () => 'mutation ($v: ID) { claimConversation(input: { conversationId: $v }) { changed } }' },
  { name: 'a list as an item of a list', variables: '{"v":["7"]}', query: () => 'query ($v: [ID!]!) { nodes(ids: [$v]) { id } }' },
  { name: 'half a surrogate pair in a description', query: () => '"\\ud83d" query { viewer { id } }' },
  { name: 'an unknown escape in a description', query: () => '"\\x" query { viewer { id } }' },
  { name: 'a key of two types that exclude each other', query: (f) => `{ conversation(id: ${conversation(f)}) { ... on Node { ... on Workspace { name ... on Node { ... on PhoneNumber { ... { name: label } } } } } } }` },
];

const FAILING = [
  { name: 'null for a required argument, by a variable with a default', variables: '{"id":null}', query: () => 'query ($id: ID = "7") { viewer { id } conversation(id: $id) { id } }' },
  { name: 'null for an argument with a default', variables: '{"b":null}', query: () => 'query ($b: Boolean) { viewer { id } agents(first: 1, includeInactive: $b) { totalCount } }' },
  { name: 'null for a required argument of a field that is required', variables: '{"ids":null}', query: () => 'query ($ids: [ID!] = []) { viewer { id } nodes(ids: $ids) { id } }' },
  { name: 'null for a required argument, and no other field', variables: '{"ids":null}', query: () => 'query ($ids: [ID!] = []) { nodes(ids: $ids) { id } }' },
  { name: 'null for an item of a list', variables: '{"id":null}', query: (f) => `query ($id: ID = "7") { nodes(ids: [${conversation(f)}, $id]) { id } }` },
  { name: 'null within an input object', variables: '{"ids":null}', query: () => `mutation ($ids: [ID!] = []) {
      assignConversations(input: { conversationIds: $ids, agentId: "7" }) { userErrors { code } }
      claimConversation(input: { conversationId: "7" }) { changed } }` },
  { name: 'null for a required argument in a fragment on one type', variables: '{"t":null}', query: (f) => `query ($t: DateTime = "2026-01-01T00:00:00Z") {
      node(id: ${conversation(f)}) { id ... on Conversation { assigneeAt(time: $t) { id } status } } }` },
  { name: 'null for the condition of a field', variables: '{"v":null}', query: () => 'query ($v: Boolean = true) { viewer { id name @include(if: $v) } viewCounts { asOf } }' },
  { name: 'null for the condition of a field of each item', variables: '{"v":null}', query: () => 'query ($v: Boolean = true) { conversations(first: 2) { asOf nodes { id contact { id number @skip(if: $v) } } } }' },
  { name: 'null for the condition of a spread', variables: '{"v":null}', query: () => 'query ($v: Boolean = true) { viewer { id ...F @skip(if: $v) } } fragment F on Agent { name }' },
  { name: 'null for the argument of a subscription', subscription: true, variables: '{"v":null}', query: () => 'subscription ($v: ConversationView = INBOX) { queueChanges(view: $v) { __typename } }' },
  { name: 'null for a required argument of each item', variables: '{"t":null}', query: () => 'query ($t: DateTime = "2026-01-01T00:00:00Z") { conversations(first: 2) { nodes { id assigneeAt(time: $t) { id } } } }' },
];

const PAGED = [
  { name: 'before the eighth', query: (f) => `{ conversations(before: ${cursor(f, 7)}) { pageInfo { hasNextPage hasPreviousPage } } }` },
  { name: 'between two cursors', query: (f) => `{ conversations(first: 10, after: ${cursor(f, 1)}, before: ${cursor(f, 5)}) { nodes { id } pageInfo { hasNextPage } } }` },
  { name: 'the last ones before a cursor', query: (f) => `{ conversations(last: 2, before: ${cursor(f, 5)}) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }` },
  { name: 'after a cursor, to the end', query: (f) => `{ conversations(last: 2, after: ${cursor(f, 1)}) { pageInfo { hasNextPage hasPreviousPage } } }` },
  { name: 'agents before a cursor', query: (f) => `{ agents(before: ${JSON.stringify(f.cursors.agents[2])}) { nodes { id } pageInfo { hasNextPage hasPreviousPage } } }` },
  { name: 'the first before a cursor, in another order', query: (f) => `{
      conversations(orderBy: { field: WAITING_SINCE }, before: ${JSON.stringify(f.cursors.waiting[3])}) { pageInfo { hasNextPage } } }` },
  { name: 'messages before a cursor', query: (f) => `{ conversation(id: ${conversation(f)}) { messages(before: ${JSON.stringify(f.cursors.messages.at(-1))}) { pageInfo { hasNextPage hasPreviousPage } } } }` },
  { name: 'history after a cursor', query: (f) => `{ conversation(id: ${conversation(f)}) { history(first: 1, after: ${JSON.stringify(f.cursors.history[0])}) { pageInfo { hasNextPage hasPreviousPage } } } }` },
];

const DATED = [
  { name: 'year 9999 with an offset into year 10000', query: () => '{ duplicateReplies(from: "9999-12-15T00:00:00Z", to: "9999-12-31T23:59:59-14:00") { from to } }' },
  { name: 'year 0 with an offset into the year before', query: () => '{ duplicateReplies(from: "0000-01-01T00:00:00+14:00", to: "0000-01-02T00:00:00Z") { from to } }' },
  { name: 'the same in a variable', variables: '{"to":"9999-12-31T23:59:59.5-00:01"}', query: () => 'query ($to: DateTime!) { duplicateReplies(from: "9999-12-15T00:00:00Z", to: $to) { to } }' },
  { name: 'the last second of year 9999 in UTC', query: () => '{ duplicateReplies(from: "9999-12-15T00:00:00Z", to: "9999-12-31T23:59:59Z") { to } }' },
];

const all = (kind, cases) => cases.map((one) => ({ kind, ...one }));

export const CASES = [
  ...all(MERGE, MERGED), ...all(EMPTY, EMPTIED), ...all(DEFAULT, DEFAULTED), ...all(ORDER, ORDERED),
  ...all(LANGUAGE, IN_THE_LANGUAGE), ...all(VALIDATION, REFUSED), ...all(VALIDATION, REFUSED_BY_OWN_RULES), ...all(ERROR, FAILING), ...all(PAGE, PAGED), ...all(DATE, DATED),
];

const SEARCH = JSON.stringify('query ($s: String) { agents(first: 1, search: $s) { totalCount } }');

const nested = (levels) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;

/** Well-formed messages. Their content may affect only their own operation. */
export const SOCKET_CASES = [
  { name: 'half an emoji in a variable', payload: () => `{"query":${SEARCH},"variables":{"s":"\\ud83d"}}` },
  { name: 'the other half in the input of a mutation', payload: (f) => `{"query":"mutation ($i: ClaimConversationInput!) { claimConversation(input: $i) { changed } }","variables":{"i":{"conversationId":"${f.unknown}\\ude00"}}}` },
  { name: 'half an emoji in the document', payload: () => '{"query":"{ agents(first: 1, search: \\"\\ud83d\\") { totalCount } }"}' },
  { name: 'half an emoji in the name of a variable', payload: () => `{"query":${SEARCH},"variables":{"\\ud83d":1}}` },
  { name: 'half an emoji in the extensions', payload: () => '{"query":"{ __typename }","extensions":{"trace":"\\udc00"}}' },
  { name: 'a number beyond every float', payload: () => `{"query":${SEARCH},"variables":{"s":1e999}}` },
  { name: 'variables nested 500 deep', payload: () => `{"query":${SEARCH},"variables":{"s":${nested(500)}}}` },
];
