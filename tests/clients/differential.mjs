// Compares the responses of a live server with those of graphql-js, for random documents.
//
// Both execute the same documents over the same rows. They must agree on `data` and the order of its
// keys, on the paths of errors, and on which documents are invalid. `differential/model.mjs`
// describes where graphql-js gets the rows. Needs quiet customers (`demo --quiet-customers`).
//
//   --documents N       the number of documents (2,000)
//   --subscriptions N   the number of subscriptions; only their first item is compared (a twentieth of the documents)
//   --seed N            the seed (random)
//   --only I            only document I of the seed; needs the same --documents and the same rows
//   --show N            the number of kinds of difference to show (20)
import { readFileSync } from 'node:fs';
import { refusedMutations } from './differential/arguments.mjs';
import { compare } from './differential/compare.mjs';
import { printBody, printDocument, printVariables } from './differential/document.mjs';
import { gatherFacts } from './differential/facts.mjs';
import { generate } from './differential/generate.mjs';
import { Model, orderAsServer, readSchema } from './differential/model.mjs';
import { Random } from './differential/random.mjs';
import { Server } from './differential/server.mjs';
import { shrink } from './differential/shrink.mjs';
import { readOptions, request } from './support.mjs';

const IN_FLIGHT = 8;
/** The share of documents that break a rule. */
const INVALID = 0.15;
const MUTATIONS = 0.12;
/** The maximum share of documents that may exceed a limit of the server. Above it, the script compares too few. */
const MOST_OVER_LIMITS = 0.05;
/** The number of differences of each kind that the script shrinks. It only counts the others. */
const MOST_SHRUNK_OF_A_KIND = 4;
const PROGRESS_EVERY = 10_000;

const options = readOptions({
  documents: { type: 'string', default: '2000' },
  subscriptions: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string' },
  show: { type: 'string', default: '20' },
});
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 32));
const documents = Number(options.documents);
const total = documents + Number(options.subscriptions ?? Math.floor(documents / 20));
const schema = readSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const server = new Server({ http: options.http, ws: options.ws, inFlight: IN_FLIGHT });

await orderAsServer(schema, (query) => request(options.http, options.tokens.manager, query));

const CALLERS = [[8, 'manager'], [3, 'rep'], [0.3, 'service']];

/** The facts and the model of each caller. A service cannot read lists, so it uses the manager's ids. */
async function readCallers() {
  const callers = {};
  const readAt = await position();
  for (const name of ['manager', 'rep', 'service']) {
    const token = options.tokens[name];
    const facts = name === 'service' ? callers.manager.facts : await gatherFacts(options.http, token);
    callers[name] = { name, token, facts, model: new Model({ schema, server, token }), mutations: [], readAt };
  }
  for (const caller of Object.values(callers)) {
    for (const one of refusedMutations(caller.facts).filter(({ who }) => who.includes(caller.name))) {
      if (await hasNoEffect(caller, one)) caller.mutations.push(one);
    }
    if (!caller.mutations.length) caller.mutations = undefined;
  }
  return callers;
}

/** Whether a mutation is refused or changes nothing. */
async function hasNoEffect({ token }, { field, input }) {
  const isBulk = !schema.getMutationType().getFields()[field].type.getFields().changed;
  const query = `mutation ($input: ${field[0].toUpperCase()}${field.slice(1)}Input!) {
    ${field}(input: $input) { ${isBulk ? 'results { changed } userErrors { code }' : 'changed'} }
  }`;
  const { data } = await server.send(token, JSON.stringify({ query, variables: { input } }));
  const payload = data?.[field];
  const changed = payload === null ? false : (payload?.changed ?? payload?.results?.some((result) => result.changed) ?? true);
  if (changed) console.log(`left out: ${field} ${JSON.stringify(input)} has an effect`);
  return !changed;
}

/** The document with this index, and its caller. */
function documentAt(callers, index) {
  const random = new Random(seed, index);
  const isSubscription = index >= documents;
  let caller = callers[isSubscription ? random.pick(['manager', 'rep']) : random.weighted(CALLERS)];
  const isMutation = !isSubscription && random.chance(MUTATIONS);
  if (isMutation && !caller.mutations) caller = callers.manager;
  const type = isSubscription ? 'subscription' : isMutation ? 'mutation' : 'query';
  const document = generate({ schema, facts: caller.facts, random, type, mutations: caller.mutations, invalid: INVALID });
  return { caller, document, isSubscription };
}

async function tried({ caller, document, isSubscription }) {
  const body = printBody(document);
  const actual = isSubscription ? await server.subscribe(caller.token, body) : await server.send(caller.token, body);
  if (actual.result === 'limit') return { actual };
  const { query, variables, operationName } = JSON.parse(body);
  const expected = await caller.model.expected({ query, variables, operationName, subscription: isSubscription });
  return { expected, actual, found: compare(expected, actual) };
}

/** Repeats a comparison of data with fresh values, because rows and clocks may have changed. */
async function confirmed(one) {
  const first = await tried(one);
  if (!/^(data|errors)/.test(first.found?.kind)) return first;
  const { caller } = one;
  const now = await position();
  if (caller.readAt !== now) {
    caller.readAt = now;
    caller.model.clear();
    return tried(one);
  }
  if (!first.found.kind.includes('another value')) return first;
  const fresh = { ...caller, model: new Model({ schema, server, token: caller.token }) };
  const second = await tried({ ...one, caller: fresh });
  if (!second.found) caller.model.clear();
  return second;
}

/** The position in the log, which changes whenever rows change. */
const position = async () => (await request(options.http, options.tokens.manager, '{ viewCounts { asOf } }')).viewCounts.asOf;

class Report {
  counts = { equal: 0, refused: 0, limit: 0, different: 0 };
  kinds = new Map();
  groups = new Map();

  take(one, { expected, actual, found }) {
    if (actual.result === 'limit') this.counts.limit += 1;
    else if (found) this.counts.different += 1;
    else if (expected.result === 'refused') this.counts.refused += 1;
    else this.counts.equal += 1;
    if (found) this.kinds.set(found.kind, (this.kinds.get(found.kind) ?? 0) + 1);
  }

  /** Shrinks a difference and adds it to the group of similar ones. */
  async explain(index, one, { kind }) {
    const persists = async (document) => (await tried({ ...one, document })).found?.kind === kind;
    const document = await shrink(one.document, persists);
    const result = await tried({ ...one, document });
    if (!result.found) return;
    const fingerprint = fingerprintOf(kind, document);
    const group = this.groups.get(fingerprint) ?? { count: 0, size: Infinity };
    group.count += 1;
    const size = printBody(document).length;
    if (size < group.size) Object.assign(group, { size, index, document, kind, caller: one.caller.name, ...result });
    this.groups.set(fingerprint, group);
  }

  /** The groups in the order in which they are shown: one of each kind, then a second one of each, and so on. */
  ranked() {
    const seen = new Map();
    const ranks = [...this.groups].sort(([, a], [, b]) => b.count - a.count).map((entry) => {
      const rank = seen.get(entry[1].kind) ?? 0;
      seen.set(entry[1].kind, rank + 1);
      return { entry, rank };
    });
    return ranks.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry);
  }

  print() {
    const groups = this.ranked();
    for (const [fingerprint, group] of groups.slice(0, Number(options.show))) show(fingerprint, group);
    if (groups.length > options.show) console.log(`\n${groups.length - options.show} more kinds of difference are not shown.`);
    if (this.kinds.size) console.log('\nDifferences by kind:');
    for (const [kind, count] of [...this.kinds].sort(([, a], [, b]) => b - a)) {
      console.log(`${String(count).padStart(7)}  ${kind}`);
    }
    const { equal, refused, limit, different } = this.counts;
    console.log(`\n${equal} executed alike, ${refused} refused alike, ${limit} over a limit, ${different} different`);
    console.log(`seed ${seed}, ${server.requests} requests`);
  }
}

/** The kind of a difference. For data, also the GraphQL features that the smallest document uses. */
function fingerprintOf(kind, document) {
  if (!/^(data|errors)/.test(kind)) return kind;
  const text = printDocument(document).replace(/"(?:\\.|[^"\\])*"/g, (string) => (string.includes('\\') ? '"\\"' : '""'));
  const features = [
    [/@(skip|include)\(if: \$/, 'directive with a variable'],
    [/@(skip|include)\(if: [tf]/, 'directive with a literal'],
    [/\$\w+: [\w![\]]+ =/, 'default of a variable'],
    [/\bfragment /, 'named fragment'],
    [/\.\.\. *on /, 'inline fragment with a type'],
    [/\.\.\. *[@{]/, 'inline fragment without a type'],
    [/[{\s]\w+: \w+[\s({}]/, 'alias'],
    [/before:/, 'before'], [/after:/, 'after'], [/"\\"/, 'escape'], [/^\s*"/, 'description'],
  ].filter(([pattern]) => pattern.test(text)).map(([, name]) => name);
  return `${kind} [${features.join(', ') || 'plain'}]`;
}

const shortened = (value, length = 300) => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > length ? `${text.slice(0, length)}…` : text;
};

const said = (outcome) => (outcome.result === 'executed'
  ? shortened({ data: outcome.data, ...(outcome.errors.length ? { errors: outcome.errors } : {}) })
  : `${outcome.result}: ${outcome.why} ${shortened(outcome.messages)}`);

function show(fingerprint, { count, index, document, caller, expected, actual, found }) {
  console.log(`\n${fingerprint} (${count} of those shrunk)`);
  console.log(printDocument({ ...document, spacing: undefined }).replace(/^/gm, '    '));
  if (document.spacing !== undefined) console.log(`    with ${JSON.stringify(document.spacing)} between tokens`);
  const name = document.operationName === undefined ? '' : `, operation ${JSON.stringify(document.operationName)}`;
  console.log(`    variables ${printVariables(document)}${name}, as ${caller}`);
  console.log(`    graphql-js: ${expected ? said(expected) : 'not asked'}`);
  console.log(`    server:     ${said(actual)}`);
  console.log(`    at ${found?.detail}; again with --seed ${seed} --only ${index} --documents ${documents}`);
}

async function run() {
  const callers = await readCallers();
  const report = new Report();
  const different = [];
  const ofKind = new Map();
  const last = options.only === undefined ? total : Number(options.only) + 1;
  let next = options.only === undefined ? 0 : Number(options.only);
  const started = Date.now();
  const work = async () => {
    while (next < last) {
      const index = next;
      next += 1;
      if (index && index % PROGRESS_EVERY === 0) {
        console.log(`${index} documents, ${report.counts.different} different, ${Math.round((Date.now() - started) / 1000)} s`);
      }
      const one = documentAt(callers, index);
      if (options.only !== undefined) console.log(`${printDocument(one.document)}\nvariables ${printVariables(one.document)}\n${one.document.spoiled ?? ''}`);
      const result = await confirmed(one);
      report.take(one, result);
      if (!result.found) continue;
      const count = ofKind.get(result.found.kind) ?? 0;
      ofKind.set(result.found.kind, count + 1);
      if (count < MOST_SHRUNK_OF_A_KIND) different.push({ index, one, found: result.found });
    }
  };
  await Promise.all(Array.from({ length: options.only === undefined ? IN_FLIGHT : 1 }, work));
  const seconds = Math.round((Date.now() - started) / 1000);
  const plain = Object.values(callers).reduce((sum, { model }) => sum + model.answers.size, 0);
  let nextDifferent = 0;
  const explain = async () => {
    while (nextDifferent < different.length) {
      const { index, one, found } = different[nextDifferent];
      nextDifferent += 1;
      await report.explain(index, one, found);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, explain));
  report.print();
  console.log(`${seconds} s without shrinking; the model sent ${plain} plain documents`);
  server.close();
  return report.counts;
}

const { equal, limit, different } = await run();
const isTooLimited = options.only === undefined && limit > total * MOST_OVER_LIMITS;
if (isTooLimited) console.log(`${limit} of ${total} documents are over a limit: the generator has to write smaller ones`);
process.exit(different || isTooLimited || !(equal || options.only) ? 1 : 0);
