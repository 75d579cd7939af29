/**
 * The commands on a conversation, and the notices about their results.
 *
 * A command gets the conversation as its author saw it, and sends what the author saw:
 * the owner when assigning, the version when closing. A command that arrives late
 * therefore still means the same. After a lost race, the notice names the winner and
 * offers the next step. A command continues when its pane is closed.
 *
 * @import { Agent, Payload, Person, Row } from './types.d.ts'
 * @import { Outbox } from './outbox.js'
 * @import { Session } from './session.js'
 * @import { Action } from './toast.js'
 */
import { ASSIGN, CLAIM, CLOSE, REOPEN, UNASSIGN } from './documents.js';
import { toast } from './toast.js';
import { contactName, span } from './words.js';

const RULES = new Set(['NOT_ALLOWED', 'PLAN_REQUIRED', 'NOT_FOUND']);

/**
 * @typedef {object} Around
 * @property {(row: Row) => void} learned is called with each conversation in a response
 * @property {(id: string) => void} given is called when a command starts
 * @property {(id: string) => void} answered is called when a command has a response
 * @property {() => void} refused is called when the rules of the workspace may have changed
 */

export class Actions {
  #session;
  #outbox;
  #around;
  /** @type {Map<string, string>} */
  #pending = new Map();
  #ended = false;

  /** @param {Session} session @param {Outbox} outbox @param {Around} around */
  constructor(session, outbox, around) {
    this.#session = session;
    this.#outbox = outbox;
    this.#around = around;
  }

  /** Assigns or reassigns the conversation to an agent. @param {Row} conversation @param {Person} agent */
  async assign(conversation, agent) {
    const input = {
      conversationId: conversation.id,
      agentId: agent.id,
      expectedAssigneeId: conversation.assignee?.id ?? null,
    };
    const payload = await this.#run(ASSIGN, 'assignConversation', input, {
      doing: `Assigning to ${agent.name} …`,
      again: () => this.assign(conversation, agent),
      conflict: (current) => this.#overtaken(current, agent),
    });
    if (!payload) return;
    const name = contactName(payload.conversation.contact);
    this.#owned(payload, agent.id === this.#me ? `${name} is yours` : `${name} assigned to ${agent.name}`);
  }

  /** Claims an unassigned conversation. @param {Row} conversation */
  async claim(conversation) {
    const input = { conversationId: conversation.id };
    const payload = await this.#run(CLAIM, 'claimConversation', input, {
      doing: 'Claiming …',
      again: () => this.claim(conversation),
      conflict: (current) => this.#lost(current),
    });
    if (payload) this.#owned(payload, `${contactName(payload.conversation.contact)} is yours`);
  }

  /** Unassigns the conversation. @param {Row} conversation */
  async unassign(conversation) {
    const input = { conversationId: conversation.id, expectedVersion: conversation.version };
    const payload = await this.#run(UNASSIGN, 'unassignConversation', input, {
      doing: 'Returning to Unassigned …',
      again: () => this.unassign(conversation),
      conflict: (current) => this.#changed(current, 'It was not returned to Unassigned.'),
    });
    if (payload) this.#owned(payload, `${contactName(payload.conversation.contact)} returned to Unassigned`);
  }

  /**
   * Closes the conversation, unless it has a change that the author has not seen. Waits for
   * the author's replies that are being sent.
   * @param {Row} conversation
   */
  async close(conversation) {
    const own = this.#outbox.of(conversation.id).filter(({ landed }) => !landed).length;
    this.#begin(conversation.id, 'Closing …');
    const recorded = await this.#outbox.settled(conversation.id);
    this.#finish(conversation.id);
    if (!recorded) {
      this.#say(`${contactName(conversation.contact)} was not closed: a reply is not recorded.`, { tone: 'sorry' });
      return;
    }
    const input = { conversationId: conversation.id, expectedVersion: conversation.version + own };
    const payload = await this.#run(CLOSE, 'closeConversation', input, {
      doing: 'Closing …',
      again: () => this.close(conversation),
      conflict: (current) => this.#changed(current, 'It was not closed.', { label: 'Close anyway', run: () => this.close(current) }),
    });
    if (!payload?.changed) return;
    this.#say(`Closed ${contactName(payload.conversation.contact)}`, {
      action: { label: 'Undo', undo: true, run: () => this.reopen(payload.conversation) },
    });
  }

  /** @param {Row} conversation */
  async reopen(conversation) {
    const payload = await this.#run(REOPEN, 'reopenConversation', { conversationId: conversation.id }, {
      doing: 'Reopening …',
      again: () => this.reopen(conversation),
    });
    if (payload?.changed) this.#say(`Reopened ${contactName(payload.conversation.contact)}`);
  }

  /** The text of the command that is running on a conversation, or null. @param {string} id */
  pending(id) {
    return this.#pending.get(id) ?? null;
  }

  /** Stops the notices when the agent signs out. The commands continue. */
  end() {
    this.#ended = true;
  }

  get #me() {
    return this.#session.viewer.id;
  }

  /** @param {string} text @param {Parameters<typeof toast>[1]} options */
  #say(text, options = {}) {
    if (!this.#ended) toast(text, options);
  }

  /** @param {string} id @param {string} doing */
  #begin(id, doing) {
    this.#pending.set(id, doing);
    this.#around.given(id);
  }

  /** @param {string} id */
  #finish(id) {
    this.#pending.delete(id);
    this.#around.answered(id);
  }

  /**
   * The payload, or null if the command was refused. The reason has then been shown.
   * @param {string} document @param {string} field @param {{ conversationId: string, [name: string]: unknown }} input
   * @param {{ doing: string, again: () => void, conflict?: (current: Row) => void }} how
   * @returns {Promise<Payload | null>}
   */
  async #run(document, field, input, { doing, again, conflict }) {
    this.#begin(input.conversationId, doing);
    /** @type {Payload} */
    let payload;
    try {
      payload = (await this.#session.request(document, { input }))[field];
    } catch (problem) {
      const text = problem instanceof Error ? problem.message : String(problem);
      this.#say(`${doing} ${text}`, { tone: 'sorry', action: { label: 'Try again', run: again } });
      return null;
    } finally {
      this.#finish(input.conversationId);
    }
    const [error] = payload.userErrors;
    if (error?.current && conflict) {
      this.#around.learned(error.current);
      conflict(error.current);
      return null;
    }
    if (error) {
      this.#say(error.message, { tone: 'sorry' });
      if (RULES.has(error.code)) this.#around.refused();
      return null;
    }
    this.#around.learned(payload.conversation);
    return payload;
  }

  /** Reports a new owner and offers undo, which works only until the next change. @param {Payload} payload @param {string} text */
  #owned({ changed, conversation, previousAssignee = null }, text) {
    if (!changed) return;
    const was = previousAssignee ? ` (was ${this.#name(previousAssignee)})` : '';
    const undo = async () => {
      const back = { conversationId: conversation.id, expectedVersion: conversation.version };
      const how = {
        doing: 'Undoing …',
        again: undo,
        conflict: (/** @type {Row} */ current) => this.#changed(current, 'That can no longer be undone.'),
      };
      const payload = previousAssignee
        ? await this.#run(ASSIGN, 'assignConversation', { ...back, agentId: previousAssignee.id }, how)
        : await this.#run(UNASSIGN, 'unassignConversation', back, how);
      const to = previousAssignee ? this.#name(previousAssignee) : 'Unassigned';
      if (payload) this.#say(`Back to ${to}: ${contactName(conversation.contact)}`);
    };
    this.#say(text + was, { action: { label: 'Undo', undo: true, run: undo } });
  }

  /** @param {Row} current */
  #lost(current) {
    const { assignee, assignedAt } = current;
    const since = assignedAt ? `, ${span(assignedAt)} ago` : '';
    this.#say(assignee ? `${this.#name(assignee)} took this one first${since}.` : 'Somebody was faster.', { tone: 'sorry' });
  }

  /** @param {Row} current @param {Person} wanted */
  #overtaken(current, wanted) {
    const owner = current.assignee ? `${this.#name(current.assignee)} owns` : 'Nobody owns';
    this.#say(`${owner} ${contactName(current.contact)} now, so the owner was left as it is.`, {
      tone: 'sorry',
      action: { label: `Assign to ${wanted.name} anyway`, run: () => this.assign(current, wanted) },
    });
  }

  /** @param {Row} current @param {string} consequence @param {Action | null} action */
  #changed(current, consequence, action = null) {
    this.#say(`${contactName(current.contact)} has changed meanwhile. ${consequence}`, { tone: 'sorry', action });
  }

  /** @param {Person} agent */
  #name(agent) {
    return agent.id === this.#me ? 'you' : agent.name;
  }
}
