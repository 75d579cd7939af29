// Shared by the scripts in this folder: the options, a plain request, and the count of passed and
// failed checks.
//
// Every script takes `--url http://HOST:PORT` and `--tokens JSON`. Both values are
// in the line that `switchboard demo --json` prints.
import { randomInt, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

/** The timeout of every wait, long enough for a busy machine. */
export const PATIENCE_SECONDS = 30;

/** The script's options, with its additional options `more`. Exits if a required option is missing. */
export function readOptions(more = {}) {
  const { values } = parseArgs({
    options: { url: { type: 'string' }, tokens: { type: 'string' }, ...more },
  });
  if (!values.url || !values.tokens) {
    console.error('usage: --url http://HOST:PORT --tokens \'{"manager": "…", "rep": "…", …}\'');
    process.exit(2);
  }
  const url = values.url.replace(/\/$/, '');
  const http = `${url}/graphql`;
  return { ...values, url, http, ws: http.replace(/^http/, 'ws'), tokens: JSON.parse(values.tokens) };
}

/** The `data` of the response. Throws if the response has errors. */
export async function request(http, token, query, variables) {
  const response = await fetch(http, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE_SECONDS * 1000),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${response.status} ${JSON.stringify(errors)}`);
  return data;
}

/**
 * Delivers a text from a new customer to the first phone number. The text creates an unassigned conversation. A
 * script that needs one must not rely on those of the demo, because earlier scripts assign them.
 */
export async function receiveFromNewCustomer(http, tokens) {
  const { phoneNumbers } = await request(http, tokens.manager, '{ phoneNumbers { number } }');
  const input = {
    providerMessageId: randomUUID(),
    from: `+1415${randomInt(2_000_000, 9_999_999)}`,
    to: phoneNumbers[0].number,
    body: 'Is my bike ready?',
  };
  const mutation = `mutation ($input: ReceiveMessageInput!) {
    receiveMessage(input: $input) { conversation { id } userErrors { message } }
  }`;
  const { receiveMessage } = await request(http, tokens.service, mutation, { input });
  if (receiveMessage.userErrors.length > 0) throw new Error(JSON.stringify(receiveMessage.userErrors));
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Polls `holds` until it returns a truthy value, and returns this value. Throws `what` after `seconds`. */
export async function until(what, holds, seconds = PATIENCE_SECONDS) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(20);
  }
}

/** Runs named checks one after the other, counts them, and sets the exit status. */
export class Tally {
  passed = 0;
  failed = 0;

  /** Runs a check, which fails by throwing. Returns the result of the check, or undefined if it failed. */
  async check(name, run) {
    try {
      const value = await run();
      this.passed += 1;
      console.log(`ok      ${name}`);
      return value;
    } catch (problem) {
      this.failed += 1;
      console.log(`FAILED  ${name}\n        ${problem?.stack ?? JSON.stringify(problem)}`);
      return undefined;
    }
  }

  /** Prints the counts and exits. It is also a failure if no check ran. */
  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed > 0 || this.passed === 0 ? 1 : 0);
  }
}
