// The viewer: the agent, the accessible phone numbers, and the loaders of one operation.

import DataLoader from 'dataloader';
import { createVerifier } from 'fast-jwt';
import { createGraphQLError } from 'graphql-yoga';

const BEARER = 'Bearer ';

export function signIn(secret) {
  // Verified tokens are cached.
  const verify = createVerifier({ key: secret, algorithms: ['HS256'], requiredClaims: ['exp'], cache: true });
  return (header) => {
    try {
      return verify(header?.startsWith(BEARER) ? header.slice(BEARER.length) : '');
    } catch {
      throw createGraphQLError('Sign in.', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
    }
  };
}

export async function viewer(database, { sub: agent, workspace }) {
  const numbers = await database.access(workspace, agent);
  if (numbers.length === 0) {
    throw createGraphQLError('Sign in.', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
  }
  const accessible = numbers.filter((number) => number.id !== null);
  return {
    workspace,
    agent,
    asOf: numbers[0].asOf,
    numberIds: accessible.map((number) => number.id),
    // Every visible conversation is on an accessible number, so no look-up is needed.
    numbers: new Map(accessible.map((number) => [number.id, number])),
    contacts: byId((ids) => database.contacts(workspace, ids)),
    agents: byId((ids) => database.agents(workspace, ids)),
    messages: byId((ids) => database.messages(workspace, ids)),
  };
}

function byId(fetch) {
  return new DataLoader(async (ids) => {
    const found = new Map((await fetch(ids)).map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });
}
