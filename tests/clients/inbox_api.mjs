// The API as inbox.mjs uses it without the page: it sends customers' texts, makes changes as agents, and
// queries lists.
import { request } from './support.mjs';

const AT_ONCE = 16;
/** The number of rows that are compared in full. The other rows of a long list are compared by id. */
const PAGE = 100;

/** A client of the API, with the people of the demo in the order of the page's switch. */
export async function connect({ http, tokens }) {
  const people = await Promise.all([tokens.manager, tokens.rep, tokens.rep2].map(async (token) =>
    (await request(http, token, '{ viewer { id name } }')).viewer));
  const { phoneNumbers } = await request(http, tokens.manager, '{ phoneNumbers { number } }');
  return new Server(http, tokens, people, phoneNumbers[0].number);
}

class Server {
  #http;
  #tokens;
  #number;
  #serial = 0;
  // A second run against the same database uses other customers.
  #run = Date.now() % 100_000;

  constructor(http, tokens, people, number) {
    Object.assign(this, { people });
    this.#http = http;
    this.#tokens = tokens;
    this.#number = number;
  }

  /** A customer who has never texted before. */
  customer() {
    this.#serial += 1;
    const subscriber = String(2_000_000 + ((this.#run * 70 + this.#serial) % 7_999_999));
    const number = `+1415${subscriber}`;
    const shown = `+1 415 ${subscriber.slice(0, 3)} ${subscriber.slice(3)}`;
    return { number, shown, text: (body) => this.#receive(number, body) };
  }

  async #receive(from, body) {
    this.#serial += 1;
    const input = { providerMessageId: `inbox-${this.#run}-${this.#serial}`, from, to: this.#number, body };
    const query = 'mutation ($input: ReceiveMessageInput!) { receiveMessage(input: $input) { conversation { id } userErrors { message } } }';
    const { receiveMessage } = await request(this.#http, this.#tokens.service, query, { input });
    return receiveMessage.conversation.id;
  }

  async counts(token) {
    const query = '{ viewCounts { inbox { total open unread } assignedToMe { open } unassigned { open } } }';
    return (await request(this.#http, token, query)).viewCounts;
  }

  async conversation(id) {
    const query = 'query ($id: ID!) { conversation(id: $id) { status assignee { id name } } }';
    return (await this.#manager(query, { id })).conversation;
  }

  /** The messages of a conversation in order, each as `in: …` or `out: …`, and its owner. */
  async thread(id) {
    const query = `query ($id: ID!) {
      conversation(id: $id) { status assignee { id name } messages(last: 100) { nodes { direction body } } }
    }`;
    const { conversation } = await this.#manager(query, { id });
    const { status, assignee, messages } = conversation;
    const texts = messages.nodes.map(({ direction, body }) => `${direction === 'INBOUND' ? 'in' : 'out'}: ${body}`);
    return { status, owner: assignee?.name ?? null, texts, replies: texts.filter((text) => text.startsWith('out: ')).map((text) => text.slice(5)) };
  }

  /** Whether the conversation is unread for the token's agent. */
  async isUnread(token, id) {
    return (await request(this.#http, token, 'query ($id: ID!) { conversation(id: $id) { unread } }', { id })).conversation.unread;
  }

  /** Replies as the token's agent. */
  async reply(token, conversationId, body) {
    this.#serial += 1;
    const input = { conversationId, body, idempotencyKey: `inbox-${this.#run}-${this.#serial}`, overrideStale: true };
    await request(this.#http, token, 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { userErrors { message } } }', { input });
  }

  /** Assigns a conversation to the token's agent. */
  async claimOne(token, conversationId) {
    const query = 'mutation ($input: ClaimConversationInput!) { claimConversation(input: $input) { changed } }';
    await request(this.#http, token, query, { input: { conversationId } });
  }

  async phoneNumbers() {
    return (await this.#manager('{ phoneNumbers { id label } }')).phoneNumbers;
  }

  /** Creates an agent, by default with access to every number, and returns the id. */
  async createAgent(name, { numbers = null, experienced = false } = {}) {
    this.#serial += 1;
    const create = 'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } userErrors { message } } }';
    const input = { name, email: `a${this.#run}-${this.#serial}@example.test`, experienced };
    const { id } = (await this.#manager(create, { input })).createAgent.agent;
    for (const number of numbers ?? (await this.phoneNumbers()).map((one) => one.id)) await this.setAccess(id, number, true);
    return id;
  }

  async setAccess(agentId, phoneNumberId, yes) {
    const field = yes ? 'grantNumberAccess' : 'revokeNumberAccess';
    const type = yes ? 'GrantNumberAccessInput' : 'RevokeNumberAccessInput';
    await this.#manager(`mutation ($input: ${type}!) { ${field}(input: $input) { userErrors { message } } }`, { input: { agentId, phoneNumberId } });
  }

  async tokenOf(agentId) {
    const query = 'mutation ($input: IssueAgentTokenInput!) { issueAgentToken(input: $input) { token userErrors { message } } }';
    return (await this.#manager(query, { input: { agentId } })).issueAgentToken.token;
  }

  async setModel(assignmentModel) {
    const query = 'mutation ($input: SetAssignmentModelInput!) { setAssignmentModel(input: $input) { userErrors { message } } }';
    await this.#manager(query, { input: { assignmentModel } });
  }

  /** Sends `perSecond` texts of known customers each second until the returned function is called. */
  traffic(ids, perSecond) {
    let going = true;
    let count = 0;
    const run = (async () => {
      while (going) {
        const one = ids[(count * 7) % ids.length];
        count += 1;
        await Promise.all([one.text(`Text ${count}`), new Promise((done) => { setTimeout(done, 1000 / perSecond); })]);
      }
    })();
    return async () => { going = false; await run; };
  }

  /** The health of the queue. */
  async health() {
    return (await this.#manager('{ queueHealth { trend unassigned } }')).queueHealth;
  }

  /** The number of open conversations of each agent, by name. */
  async workloads() {
    const { workloads } = await this.#manager('{ workloads { agent { name } open } }');
    return Object.fromEntries(workloads.map(({ agent, open }) => [agent.name, open]));
  }

  /** Sets the threshold of unassigned conversations; null turns it off. */
  async setLimit(maxUnassigned) {
    const query = 'mutation ($input: SetQueueThresholdsInput!) { setQueueThresholds(input: $input) { userErrors { message } } }';
    await this.#manager(query, { input: { maxUnassigned } });
  }

  /** Claims this many unassigned conversations. */
  async claim(count, token) {
    const list = 'query ($first: Int!) { conversations(view: UNASSIGNED, filter: { status: OPEN }, first: $first) { nodes { id } } }';
    const claim = 'mutation ($input: ClaimConversationInput!) { claimConversation(input: $input) { changed } }';
    const { conversations } = await request(this.#http, token, list, { first: count });
    for (const { id } of conversations.nodes) await request(this.#http, token, claim, { input: { conversationId: id } });
  }

  #manager(query, variables) {
    return request(this.#http, this.#tokens.manager, query, variables);
  }

  /** Creates this many conversations. */
  async flood(count) {
    await atOnce(Array.from({ length: count }, (_, index) => () => this.customer().text(`Question ${index + 1}`)));
  }

  /** Makes this many changes at once: texts of new and known customers, assignments and closes. */
  async burst(count) {
    const known = Array.from({ length: 40 }, () => this.customer());
    const ids = await Promise.all(known.map((customer) => customer.text('Hello')));
    const assign = 'mutation ($input: AssignConversationInput!) { assignConversation(input: $input) { changed } }';
    const close = 'mutation ($input: CloseConversationInput!) { closeConversation(input: $input) { changed } }';
    const manager = (query, input) => this.#manager(query, { input });
    await atOnce(Array.from({ length: count }, (_, index) => {
      const at = (index * 7) % known.length;
      const conversationId = ids[at];
      const agentId = this.people[index % this.people.length].id;
      const kinds = [
        () => known[at].text(`Change ${index}`),
        () => manager(assign, { conversationId, agentId }),
        () => this.customer().text(`New ${index}`),
        () => manager(close, { conversationId }),
      ];
      return kinds[Math.floor(index / 3) % kinds.length];
    }));
  }

  /** The result of a new query of a list: `id owner status` of each row in order. */
  async rows(token, { view = 'INBOX', filter = {} } = {}) {
    const query = `query ($view: ConversationView!, $filter: ConversationFilter, $after: String) {
      conversations(view: $view, filter: $filter, first: ${PAGE}, after: $after) {
        nodes { id status assignee { id name } } pageInfo { hasNextPage endCursor }
      }
    }`;
    const { viewer } = await request(this.#http, token, '{ viewer { id } }');
    const rows = [];
    for (let after = null; ;) {
      const { conversations } = await request(this.#http, token, query, { view, filter, after });
      for (const { id, status, assignee } of conversations.nodes) {
        const owner = assignee?.id === viewer.id ? 'You' : assignee?.name ?? 'Unassigned';
        rows.push(`${id} ${owner} ${status}`);
      }
      if (!conversations.pageInfo.hasNextPage) return rows;
      after = conversations.pageInfo.endCursor;
    }
  }
}

/** Runs all tasks, a few at a time. */
async function atOnce(tasks) {
  const waiting = tasks.values();
  const worker = async () => {
    for (const task of waiting) await task();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
