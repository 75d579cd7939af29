// The data of the server that random documents use as arguments.
import { request } from '../support.mjs';

const FACTS = `{
  viewer { id }
  phoneNumbers { id }
  agents(first: 6, includeInactive: true) { edges { cursor node { id name } } }
  unassigned: conversations(view: UNASSIGNED, first: 4) { asOf nodes { id contact { id number } } }
  inbox: conversations(first: 100) {
    edges { cursor node { id status version assignee { id } contact { id name number } lastMessage { id body } } }
  }
  byWaiting: conversations(orderBy: { field: WAITING_SINCE }, first: 5) { edges { cursor } }
  closed: conversations(filter: { status: CLOSED }, first: 3) { nodes { id version } }
}`;

const THREAD = `query ($id: ID!) {
  conversation(id: $id) {
    createdAt messages(last: 6) { edges { cursor node { id } } }
    history(first: 6) { edges { cursor node { id at cursor } } }
  }
}`;

/** The number of conversations that random documents query by id. */
const CONVERSATIONS = 6;

const unknownIdLike = (id) => `${id.slice(0, -6)}AAAAAA`;

/** Ids, cursors, times and texts that one caller can use. */
export async function gatherFacts(http, token) {
  const data = await request(http, token, FACTS);
  const nodes = data.inbox.edges.map((edge) => edge.node);
  const mine = nodes.filter((node) => node.assignee?.id === data.viewer.id && node.status === 'OPEN').slice(0, 2);
  const others = nodes.filter((node) => node.assignee && node.assignee.id !== data.viewer.id && node.status === 'OPEN');
  const chosen = [...mine, ...others.slice(0, 2), ...nodes.filter((node) => !node.assignee)].slice(0, CONVERSATIONS);
  const threads = [];
  for (const { id } of chosen) threads.push((await request(http, token, THREAD, { id })).conversation);
  const edgesOf = (name) => threads.flatMap((thread) => thread[name].edges);
  return {
    viewer: data.viewer.id,
    phoneNumbers: data.phoneNumbers.map((row) => row.id),
    agents: data.agents.edges.map((edge) => edge.node.id),
    contacts: chosen.map((row) => row.contact.id),
    conversations: [...chosen.map((row) => row.id), ...data.closed.nodes.slice(0, 1).map((row) => row.id)],
    mine: mine.map((row) => row.id),
    others: others.slice(0, 3).map((row) => row.id),
    closed: data.closed.nodes,
    messages: edgesOf('messages').slice(0, 8).map((edge) => edge.node.id),
    events: edgesOf('history').slice(0, 8).map((edge) => edge.node.id),
    times: [...edgesOf('history').slice(0, 5).map((edge) => edge.node.at), threads[0].createdAt],
    unknown: unknownIdLike(chosen[0].id),
    unknownAgent: unknownIdLike(data.viewer.id),
    numbers: chosen.map((row) => row.contact.number),
    searches: [chosen[0].contact.name?.slice(0, 4) ?? 'a', 'bike', 'zzzz', 'é'],
    position: data.unassigned.asOf,
    cursors: {
      agents: data.agents.edges.slice(0, 4).map((edge) => edge.cursor),
      conversations: data.inbox.edges.slice(0, 8).map((edge) => edge.cursor),
      waiting: data.byWaiting.edges.map((edge) => edge.cursor),
      messages: edgesOf('messages').slice(0, 5).map((edge) => edge.cursor),
      history: edgesOf('history').slice(0, 5).map((edge) => edge.cursor),
    },
  };
}
