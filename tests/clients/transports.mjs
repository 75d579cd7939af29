// Ways into the API besides plain HTTP and graphql-ws, each by a client that is used in production:
// graphql-sse, and the links and exchanges of Apollo and urql for persisted documents and for
// subscriptions by multipart.
//
// Customers must be quiet (`demo --quiet-customers`).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient } from 'graphql-sse';
import { Tally, readOptions, receiveFromNewCustomer, until } from './support.mjs';

const { http, tokens } = readOptions();
const tally = new Tally();
const headers = { authorization: `Bearer ${tokens.manager}` };
const sha256 = async (text) => createHash('sha256').update(text).digest('hex');

const CHANGES = `subscription { queueChanges(view: INBOX) {
  __typename ... on ConversationEntered { conversation { id } }
} }`;

/** A `fetch` that notes the method, the URL and the body of each request. */
function noting(requests) {
  return (url, options) => {
    requests.push({ method: options.method ?? 'GET', url: String(url), body: options.body ?? '' });
    return fetch(url, options);
  };
}

/** Collects items, waits for the checkpoint, lets a customer text, and waits for the conversation. */
async function receivesAChange(items) {
  await until('the checkpoint', () => items.length > 0);
  assert.equal(items[0].queueChanges.__typename, 'QueueCheckpoint');
  await receiveFromNewCustomer(http, tokens);
  await until('the new conversation', () => items.some(({ queueChanges }) => queueChanges.__typename === 'ConversationEntered'));
}

await tally.check('graphql-sse: a query', async () => {
  const client = createClient({ url: http, headers });
  const results = [];
  for await (const result of client.iterate({ query: '{ viewer { name } }' })) results.push(result);
  assert.equal(results.length, 1);
  assert.ok(results[0].data.viewer.name);
  client.dispose();
});

await tally.check('graphql-sse: a subscription', async () => {
  const client = createClient({ url: http, headers });
  const items = [];
  const stop = client.subscribe({ query: CHANGES }, {
    next: ({ data, errors }) => { assert.equal(errors, undefined); items.push(data); },
    error: (problem) => { throw problem; },
    complete: () => {},
  });
  await receivesAChange(items);
  stop();
  client.dispose();
});

await tally.check('graphql-sse: an invalid document is a result, an invalid token is not', async () => {
  const invalid = createClient({ url: http, headers });
  const results = [];
  for await (const result of invalid.iterate({ query: 'subscription { nothing }' })) results.push(result);
  assert.match(results[0].errors[0].message, /nothing/);
  const stranger = createClient({ url: http, headers: { authorization: 'Bearer forged' }, retryAttempts: 0 });
  await assert.rejects(async () => { for await (const _ of stranger.iterate({ query: CHANGES })) assert.fail(); });
});

await tally.check('Apollo: a subscription by multipart', async () => {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: http, headers }) });
  const items = [];
  const problems = [];
  const subscription = client.subscribe({ query: gql(CHANGES) }).subscribe({
    next: ({ data, error }) => (error ? problems.push(error) : items.push(data)),
    error: (problem) => problems.push(problem),
  });
  await receivesAChange(items);
  subscription.unsubscribe();
  assert.deepEqual(problems, []);
});

for (const useGETForHashedQueries of [false, true]) {
  await tally.check(`Apollo: persisted queries by ${useGETForHashedQueries ? 'GET' : 'POST'}`, async () => {
    const requests = [];
    const link = ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries }),
      new HttpLink({ uri: http, headers, fetch: noting(requests) }),
    ]);
    const client = new ApolloClient({ cache: new InMemoryCache(), link });
    // Another text for each run, so that the server does not know it.
    const query = gql(`query Run${Date.now()}${useGETForHashedQueries} { viewer { id name } }`);
    const ask = () => client.query({ query, fetchPolicy: 'network-only' });
    assert.ok((await ask()).data.viewer.id);
    const first = requests.length;
    assert.equal(first, 2, 'the hash, then the hash with the text');
    assert.ok((await ask()).data.viewer.id);
    assert.equal(requests.length, 3, 'the hash alone');
    assert.equal(requests[2].method, useGETForHashedQueries ? 'GET' : 'POST');
    assert.ok(!requests[2].body.includes('viewer') && !requests[2].url.includes('viewer'));
  });
}

await tally.check('urql: persisted queries', async () => {
  const requests = [];
  const client = new Client({
    url: http,
    fetchOptions: { headers },
    fetch: noting(requests),
    exchanges: [persistedExchange({ preferGetForPersistedQueries: true, enableForMutation: true }), fetchExchange],
  });
  const query = `query Run${Date.now()} { viewer { id name } }`;
  const ask = async () => {
    const { data, error } = await client.query(query, {}, { requestPolicy: 'network-only' }).toPromise();
    assert.equal(error, undefined, String(error));
    assert.ok(data.viewer.id);
  };
  await ask();
  const first = requests.length;
  await ask();
  assert.equal(requests.length, first + 1, 'the hash alone');
  assert.ok(!requests.at(-1).body.includes('viewer') && !requests.at(-1).url.includes('viewer'));
});

await tally.check('the schema is downloaded', async () => {
  const response = await fetch(http.replace('/graphql', '/schema.graphql'), { headers });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /type Conversation /);
  const again = await fetch(response.url, { headers: { ...headers, 'if-none-match': response.headers.get('etag') } });
  assert.equal(again.status, 304);
});

await tally.check('a page of another port of this machine may call the API', async () => {
  const origin = 'http://localhost:5173';
  const preflight = await fetch(http, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,traceparent' },
  });
  assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
  assert.match(preflight.headers.get('access-control-allow-headers'), /traceparent/);
});

tally.finish();
