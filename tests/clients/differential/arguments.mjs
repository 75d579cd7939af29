// The arguments of fields as plain JSON values. Each field has few, so that the model sends few plain
// documents to the server, and so that documents repeat the same values.

const HOUR = 3_600_000;

/** Times inside and outside the years that RFC 3339 can write in UTC. */
const EDGES_OF_TIME = [
  '9999-12-31T23:59:59Z', '9999-12-31T23:59:59-14:00', '0000-01-01T00:00:00+14:00', '9999-12-31T23:59:59.999999+01:00',
];

const at = (facts, hours) => new Date(Date.parse(facts.times[0]) + hours * HOUR).toISOString();

/** Page sizes: usually small, sometimes the default, zero, or a size that is refused. */
function size(random, arguments_, cursors) {
  const sizes = () => random.weighted([[5, 1], [6, 2], [4, 3], [0.4, 0], [0.2, -1], [0.1, 101]]);
  const which = random.weighted([[6, 'first'], [4, 'last'], [0.2, 'both'], [0.3, 'none']]);
  if (which === 'first' || which === 'both') arguments_.first = sizes();
  if (which === 'last' || which === 'both') arguments_.last = sizes();
  if (random.chance(0.35)) arguments_.after = random.pick(cursors);
  if (random.chance(0.35)) arguments_.before = random.pick(cursors);
  if (random.chance(0.01)) arguments_.after = 'no cursor';
  return arguments_;
}

function conversations(random, facts) {
  const kind = random.weighted([[6, 'plain'], [2, 'filter'], [1, 'view'], [1, 'waiting']]);
  if (kind === 'plain') return size(random, {}, facts.cursors.conversations);
  if (kind === 'waiting') {
    return size(random, { orderBy: { field: 'WAITING_SINCE', ...(random.chance(0.3) ? { direction: null } : {}) } }, facts.cursors.waiting);
  }
  const filter = random.pick([
    { status: 'OPEN' }, { status: 'CLOSED', unread: false }, { phoneNumberIds: [facts.phoneNumbers[0]] },
    { search: random.pick(facts.searches) }, { unread: true, phoneNumberIds: null },
    { phoneNumberIds: facts.phoneNumbers, status: null }, {},
  ]);
  const first = random.int(1, 3);
  if (kind === 'filter') return { first, filter: random.chance(0.1) ? null : filter };
  return { first, view: random.pick(['INBOX', 'UNASSIGNED', 'ASSIGNED_TO_ME']), orderBy: random.pick([null, { direction: 'ASC' }, { field: 'LAST_ACTIVITY', direction: 'DESC' }]) };
}

function agents(random, facts) {
  const more = random.pick([
    {}, {}, { includeInactive: true }, { search: 'a' }, { assignableTo: facts.conversations[0] },
    { includeInactive: false, search: null }, { assignableTo: null },
  ]);
  return Object.keys(more).length ? { ...more, first: random.int(1, 3) } : size(random, {}, facts.cursors.agents);
}

const anyId = (random, facts) => random.weighted([
  [4, random.pick(facts.conversations)], [3, random.pick(facts.agents)], [2, random.pick(facts.contacts)],
  [3, random.pick(facts.messages)], [3, random.pick(facts.events)], [1, random.pick(facts.phoneNumbers)],
  [0.5, facts.unknown], [0.3, '7'], [0.2, ''],
]);

const someNumbers = (random, facts) => random.pick([
  {}, {}, { phoneNumberIds: [facts.phoneNumbers[0]] }, { phoneNumberIds: facts.phoneNumbers.slice(0, 2) },
  { phoneNumberIds: null }, { phoneNumberIds: [] },
]);

function period(random, facts) {
  const [from, to] = random.chance(0.3)
    ? ['9999-12-15T00:00:00Z', random.pick(EDGES_OF_TIME)]
    : [at(facts, random.pick([-24, -48])), at(facts, random.pick([-1, -2]))];
  return { from, to, ...someNumbers(random, facts) };
}

const FIELDS = {
  'Query.conversation': (random, facts) => ({
    id: random.weighted([[20, random.pick(facts.conversations)], [1, facts.unknown], [0.5, '7'], [0.5, facts.agents[0]]]),
  }),
  'Query.conversations': conversations,
  'Query.agents': agents,
  'Query.node': (random, facts) => ({ id: anyId(random, facts) }),
  'Query.nodes': (random, facts) => ({ ids: Array.from({ length: random.int(0, 3) }, () => anyId(random, facts)) }),
  'Query.viewCounts': someNumbers,
  'Query.queueHealth': (random, facts) => ({
    ...random.pick([{}, { window: 3600 }, { window: 604800 }, { window: 0 }]), ...someNumbers(random, facts),
  }),
  'Query.ownershipAudit': period,
  'Query.duplicateReplies': period,
  'Query.ownershipViolations': (random, facts) => ({
    first: random.int(1, 3), ...random.pick([{}, { kinds: ['UNANSWERED_TOO_LONG'] }, { kinds: ['UNOWNED_TOO_LONG', 'CLOSED_UNANSWERED'] }, { kinds: null }]),
    ...random.pick([{}, { olderThanMinutes: 60 }, { olderThanMinutes: 600 }]), ...someNumbers(random, facts),
  }),
  'Query.__type': (random) => ({ name: random.pick(['Agent', 'Node', 'QueueChange', 'ConversationView', 'DateTime', 'Nothing', 'ConversationFilter']) }),
  'Conversation.messages': (random, facts) => size(random, {}, facts.cursors.messages),
  'Conversation.history': (random, facts) => size(random, {}, facts.cursors.history),
  'Conversation.assigneeAt': (random, facts) => ({ time: random.weighted([[10, random.pick(facts.times)], [2, at(facts, -9999)], [2, at(facts, 1)], [2, random.pick(EDGES_OF_TIME)]]) }),
  'Subscription.conversationChanged': (random, facts) => ({ id: random.pick(facts.conversations.slice(0, 2)), ...random.pick([{}, { after: null }, { after: 'no position' }]) }),
  'Subscription.conversationPresence': (random, facts) => ({ id: random.pick(facts.conversations.slice(0, 2)) }),
  'Subscription.queueChanges': (random, facts) => ({
    ...random.pick([{}, { view: 'UNASSIGNED' }, { filter: { status: 'OPEN' } }, { filter: null }]),
    after: random.pick([facts.position, facts.position, 'no position']),
  }),
  'Subscription.queueHealthChanged': (random, facts) => ({ ...random.pick([{}, { window: 3600 }]), ...someNumbers(random, facts) }),
  'Subscription.viewCountsChanged': someNumbers,
};

/** The arguments of a field. Omitted ones are absent. */
export const argumentsOf = (random, facts, place) => FIELDS[place]?.(random, facts) ?? {};

/** Mutations that are refused or change nothing, with or without their optional values, and their callers. */
export function refusedMutations(facts) {
  const [other = facts.unknown] = facts.others;
  const [closed] = facts.closed;
  const everyone = ['manager', 'rep', 'rep2'];
  const reps = ['rep', 'rep2'];
  return [
    { field: 'assignConversation', who: everyone, input: { conversationId: other, agentId: facts.unknownAgent, expectedVersion: null } },
    { field: 'claimConversation', who: everyone, input: { conversationId: other } },
    { field: 'claimConversation', who: everyone, input: { conversationId: facts.unknown } },
    { field: 'closeConversation', who: everyone, input: { conversationId: closed.id } },
    { field: 'reopenConversation', who: everyone, input: { conversationId: '7' } },
    { field: 'sendMessage', who: everyone, input: { conversationId: other, body: '', idempotencyKey: 'differential', overrideStale: false } },
    { field: 'startConversation', who: everyone, input: { phoneNumberId: facts.phoneNumbers[0], to: facts.numbers[0], body: ' ', idempotencyKey: 'differential' } },
    { field: 'assignConversations', who: everyone, input: { conversationIds: [facts.unknown, other], agentId: facts.unknownAgent } },
    { field: 'closeConversations', who: everyone, input: { conversationIds: [closed.id, facts.unknown] } },
    { field: 'handOffConversations', who: everyone, input: { fromAgentId: facts.unknownAgent, toAgentId: facts.unknownAgent, note: null, phoneNumberIds: facts.phoneNumbers } },
    { field: 'createAgent', who: reps, input: { name: 'N. N.', email: 'nobody@example.test' } },
    { field: 'createAgent', who: everyone, input: { name: '', email: 'nobody@example.test', role: 'MANAGER', experienced: true } },
    { field: 'updateAgent', who: everyone, input: { agentId: facts.unknownAgent, name: 'N. N.', title: null, role: 'REP' } },
    { field: 'setAssignmentModel', who: reps, input: { assignmentModel: 'OPEN' } },
    { field: 'planRebalance', who: everyone, input: { agentIds: [facts.unknownAgent], status: 'OPEN' } },
    { field: 'applyPlan', who: everyone, input: { planId: facts.unknown } },
    { field: 'receiveMessage', who: everyone, input: { from: facts.numbers[0], to: '+14155550100', body: 'Hello', providerMessageId: 'differential', mediaUrls: null } },
  ];
}
