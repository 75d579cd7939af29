/**
 * What one can do to a conversation, and how its outcome is told.
 *
 * Each action sends what its author saw, so that nobody's work is overwritten
 * unseen: the owner when assigning, the version when closing. A lost race is
 * normal business: the winner is named, and the next step offered.
 */
import { ASSIGN, CLAIM, CLOSE, REOPEN, UNASSIGN } from './documents.js';
import { contactName, span } from './dom.js';
import { toast } from './toast.js';

export class Actions {
  #session;
  #learned;

  /** `learned` is given each conversation that an answer brings. */
  constructor(session, learned) {
    this.#session = session;
    this.#learned = learned;
  }

  /** Gives the conversation to an agent; reassigning is the same. */
  async assign(conversation, agent) {
    const input = {
      conversationId: conversation.id,
      agentId: agent.id,
      expectedAssigneeId: conversation.assignee?.id ?? null,
    };
    const payload = await this.#run(ASSIGN, 'assignConversation', input, {
      conflict: (current) => this.#overtaken(current, agent),
    });
    if (payload) this.#owned(payload, agent.id === this.#me ? 'It is yours' : `Assigned to ${agent.name}`);
  }

  /** Takes a conversation that nobody owns. */
  async claim(conversation) {
    const payload = await this.#run(CLAIM, 'claimConversation', { conversationId: conversation.id }, {
      conflict: (current) => this.#lost(current),
    });
    if (payload) this.#owned(payload, `${contactName(payload.conversation.contact)} is yours`);
  }

  /** Gives the conversation back to Unassigned. */
  async unassign(conversation) {
    const input = { conversationId: conversation.id, expectedVersion: conversation.version };
    const payload = await this.#run(UNASSIGN, 'unassignConversation', input, {
      conflict: (current) => this.#changed(current, 'It was not returned to Unassigned.'),
    });
    if (payload) this.#owned(payload, 'Returned to Unassigned');
  }

  /** Closes, unless something happened that the author has not seen. */
  async close(conversation) {
    const input = { conversationId: conversation.id, expectedVersion: conversation.version };
    const payload = await this.#run(CLOSE, 'closeConversation', input, {
      conflict: (current) => this.#changed(current, 'It was not closed.', {
        label: 'Close anyway',
        run: () => this.close(current),
      }),
    });
    if (!payload?.changed) return;
    toast(`Closed ${contactName(payload.conversation.contact)}`, {
      action: { label: 'Undo', undo: true, run: () => this.reopen(payload.conversation) },
    });
  }

  async reopen(conversation) {
    const payload = await this.#run(REOPEN, 'reopenConversation', { conversationId: conversation.id }, {});
    if (payload?.changed) toast(`Reopened ${contactName(payload.conversation.contact)}`);
  }

  get #me() {
    return this.#session.viewer.id;
  }

  /** The payload, or null when nothing was done and the reason has been told. */
  async #run(document, field, input, { conflict }) {
    let payload;
    try {
      payload = (await this.#session.request(document, { input }))[field];
    } catch (problem) {
      toast(problem.message, { tone: 'sorry' });
      return null;
    }
    const [error] = payload.userErrors;
    if (error?.current && conflict) {
      this.#learned(error.current);
      conflict(error.current);
      return null;
    }
    if (error) {
      toast(error.message, { tone: 'sorry' });
      return null;
    }
    this.#learned(payload.conversation);
    return payload;
  }

  /** Tells of a new owner, and offers the way back: only while nothing else has happened. */
  #owned({ changed, conversation, previousAssignee }, text) {
    if (!changed) return;
    const was = previousAssignee ? ` (was ${this.#name(previousAssignee)})` : '';
    const undo = async () => {
      const back = { conversationId: conversation.id, expectedVersion: conversation.version };
      const conflict = (current) => this.#changed(current, 'That can no longer be undone.');
      const payload = previousAssignee
        ? await this.#run(ASSIGN, 'assignConversation', { ...back, agentId: previousAssignee.id }, { conflict })
        : await this.#run(UNASSIGN, 'unassignConversation', back, { conflict });
      if (payload) toast(previousAssignee ? `Back to ${this.#name(previousAssignee)}` : 'Back to Unassigned');
    };
    toast(text + was, { action: { label: 'Undo', undo: true, run: undo } });
  }

  #lost(current) {
    const { assignee, assignedAt } = current;
    const since = assignedAt ? `, ${span(assignedAt)} ago` : '';
    toast(assignee ? `${this.#name(assignee)} took this one first${since}.` : 'Somebody was faster.', { tone: 'sorry' });
  }

  #overtaken(current, wanted) {
    const owner = current.assignee ? `${this.#name(current.assignee)} owns it now` : 'Nobody owns it any more';
    toast(`${owner}, so it was left alone.`, {
      tone: 'sorry',
      action: { label: `Assign to ${wanted.name} anyway`, run: () => this.assign(current, wanted) },
    });
  }

  #changed(current, consequence, action = null) {
    toast(`${contactName(current.contact)} has changed meanwhile. ${consequence}`, { tone: 'sorry', action });
  }

  #name(agent) {
    return agent.id === this.#me ? 'you' : agent.name;
  }
}
