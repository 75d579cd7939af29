// Delivers events to the subscribers of this worker. Each event is read once, with all fields that can be selected.

import { setMaxListeners } from 'node:events';

import { createPubSub } from 'graphql-yoga';

import { CHANNEL } from './assign.mjs';

export async function follow(database) {
  const eventTarget = new EventTarget();
  // Many listeners are expected and are not a leak.
  setMaxListeners(0, eventTarget);
  const events = createPubSub({ eventTarget });
  await database.listen(CHANNEL, async (payload) => {
    const { workspace, conversation, seq } = JSON.parse(payload);
    const row = await database.whole(workspace, conversation);
    events.publish('changed', workspace, { cursor: String(seq), conversation: row });
  });
  return async function* changes({ workspace, numberIds }) {
    const accessible = new Set(numberIds);
    for await (const event of events.subscribe('changed', workspace)) {
      if (accessible.has(event.conversation.phone_number_id)) yield event;
    }
  };
}
