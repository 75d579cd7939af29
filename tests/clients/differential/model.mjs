// The model: the data over which graphql-js executes a document.
//
// Each value comes from a plain document, which selects one field. A plain document has no alias, variable,
// directive or fragment, except for the type condition of a field of an interface or union. The model sends
// each plain document to the server once. Only graphql-js handles aliases, merged fields, fragments,
// directives, variables, lists and nulls.
//
// The model downloads each list in pages of 100, and computes `first`, `last`, `after`, `before` and
// `pageInfo` from the whole list.
import {
  GraphQLError, Kind, astFromValue, buildSchema, execute, getNamedType, isAbstractType, isCompositeType,
  isListType, isNonNullType, parse, print, recommendedRules, specifiedRules, subscribe, validate, visit,
} from 'graphql';
import { isE164, isRfc3339 } from './scalars.mjs';

const LARGEST_PAGE = 100;
const DEFAULT_PAGE = 25;
const PAGING = ['first', 'last', 'after', 'before'];

/** The schema of the repository. Its scalars accept the values that their descriptions allow. */
export function readSchema(sdl) {
  const schema = buildSchema(sdl);
  const accepts = { DateTime: isRfc3339, E164: isE164, EventCursor: () => true };
  for (const [name, accept] of Object.entries(accepts)) {
    const scalar = schema.getType(name);
    scalar.parseValue = (value) => {
      if (typeof value === 'string' && accept(value)) return value;
      throw new GraphQLError(`${name} cannot represent ${JSON.stringify(value)}.`);
    };
    scalar.parseLiteral = (node) => {
      if (node.kind === Kind.STRING) return scalar.parseValue(node.value);
      throw new GraphQLError(`${name} cannot represent ${print(node)}.`, { nodes: node });
    };
  }
  return schema;
}

/** Puts input fields and enum values in the server's order of introspection, which the specification leaves open. */
export async function orderAsServer(schema, introspect) {
  const { __schema } = await introspect('{ __schema { types { name inputFields { name } enumValues { name } } } }');
  for (const { name, inputFields, enumValues } of __schema.types) {
    const type = schema.getType(name);
    if (inputFields) {
      const fields = type.getFields();
      for (const { name: field } of inputFields) {
        const definition = fields[field];
        delete fields[field];
        fields[field] = definition;
      }
    }
    if (enumValues && !name.startsWith('__')) {
      const place = new Map(enumValues.map((value, index) => [value.name, index]));
      type.getValues().sort((a, b) => place.get(a.name) - place.get(b.name));
    }
  }
}

/** A document whose block strings are plain ones: graphql-js regards the same string in two spellings as two values. */
const withPlainStrings = (document) => visit(document, { StringValue: (node) => ({ ...node, block: false }) });

/** The server did not execute a plain document, so the model lacks a value. */
export class NoData extends Error {}

/** Executes documents by graphql-js as one caller. */
export class Model {
  answers = new Map();
  entities = new Map();
  lists = new Map();

  constructor({ schema, server, token }) {
    Object.assign(this, { schema, server, token });
  }

  /** Forgets all values, because the rows may have changed. */
  clear() {
    this.answers.clear();
    this.entities.clear();
    this.lists.clear();
  }

  /** The outcome that the specification requires. */
  async expected({ query, variables, operationName, subscription = false }) {
    let document;
    try {
      document = withPlainStrings(parse(query));
    } catch (problem) {
      return { result: 'refused', why: 'Syntax', messages: [problem.message] };
    }
    const broken = brokenRules(this.schema, document);
    if (broken) return { result: 'refused', ...broken };
    const args = {
      schema: this.schema, document, variableValues: variables, operationName,
      fieldResolver: (source, values, _, info) => this.resolve(source, values, info),
      typeResolver: (value) => value.type,
    };
    const result = subscription ? await this.firstItem(args) : await execute(args);
    const gap = (result.errors ?? []).find((error) => error.originalError instanceof NoData);
    if (gap) return { result: 'unknown', why: gap.message };
    if (result.data === undefined) {
      return { result: 'refused', why: 'Request', messages: result.errors.map((error) => error.message) };
    }
    const errors = (result.errors ?? []).map(({ message, path }) => ({ message, path }));
    return { result: 'executed', data: JSON.parse(JSON.stringify(result.data)), errors };
  }

  async firstItem(args) {
    const stream = await subscribe({ ...args, subscribeFieldResolver: async function* once() { yield undefined; } });
    return Symbol.asyncIterator in stream ? (await stream.next()).value : stream;
  }

  resolve(source, args, info) {
    const { fieldName, parentType } = info;
    const known = source?.values?.[fieldName];
    if (known !== undefined) return typeof known === 'function' ? known() : known;
    const at = source ?? { operation: info.operation.operation, steps: [], indexes: [] };
    return this.field(at, parentType, parentType.getFields()[fieldName], args);
  }

  /** The value of a field: a leaf, an object with its path, or a list of these. */
  async field(at, parentType, field, args) {
    const step = { name: field.name, args: printedArgs(field, args), on: at.behindAbstract ? parentType.name : undefined };
    const type = getNamedType(field.type);
    const steps = [...at.steps, step];
    if (!isCompositeType(type)) return this.value(at.operation, steps, at.indexes);
    if (type.name.endsWith('Connection')) return this.page({ ...at, field, step, args, type });
    const names = await this.value(at.operation, [...steps, { name: '__typename', args: '' }], at.indexes, steps.length);
    return this.objects(names, { operation: at.operation, steps, indexes: at.indexes, behindAbstract: isAbstractType(type) });
  }

  /** The objects of a field, nested like the names of their types. */
  objects(names, place) {
    if (names === null || names === undefined) return null;
    if (Array.isArray(names)) {
      return names.map((name, index) => this.objects(name, { ...place, indexes: [...place.indexes, index] }));
    }
    return this.object({ ...place, type: names.__typename });
  }

  /** An object. An object with an id is the same object at every path. */
  async object(place) {
    const type = this.schema.getType(place.type);
    const isEntity = type.getInterfaces().some((one) => one.name === 'Node') && place.operation === 'query';
    if (!isEntity) return place;
    const id = await this.value(place.operation, [...place.steps, stepTo('id', place)], place.indexes);
    const key = `${place.type}:${id}`;
    if (!this.entities.has(key)) {
      const own = place.type === 'Conversation'
        ? { steps: [{ name: 'conversation', args: `(id: ${JSON.stringify(id)})` }], indexes: [], behindAbstract: false }
        : {};
      this.entities.set(key, { ...place, ...own });
    }
    return this.entities.get(key);
  }

  /** The value at a path, from the response to its plain document. `until` stops earlier, at the names of types. */
  async value(operation, steps, indexes, until = steps.length) {
    const { data, errors } = await this.answer(operation, steps);
    const path = [];
    const left = [...indexes];
    let value = data;
    const failure = () => errors.find((error) => JSON.stringify(error.path) === JSON.stringify(path));
    for (const { name } of steps.slice(0, until)) {
      if (value === null) break;
      value = value[name];
      path.push(name);
      while (Array.isArray(value) && left.length) {
        path.push(left[0]);
        value = value[left.shift()];
      }
    }
    if (value === null || value === undefined) {
      const error = failure() ?? errors.find((one) => isPrefix(path, one.path) || isPrefix(one.path, path));
      if (error) throw new Error(error.message);
    }
    return value;
  }

  /** The server's response to a plain document, which is sent only once. */
  answer(operation, steps) {
    const query = plainDocument(operation, steps);
    if (!this.answers.has(query)) this.answers.set(query, this.ask(operation, query));
    return this.answers.get(query);
  }

  async ask(operation, query) {
    const body = JSON.stringify({ query });
    const outcome = operation === 'subscription'
      ? await this.server.subscribe(this.token, body)
      : await this.server.send(this.token, body);
    if (outcome.result === 'executed') return { data: outcome.data, errors: outcome.errors };
    throw new NoData(`the plain document is ${outcome.result} (${outcome.why}): ${query}`);
  }

  /** A page, computed from the whole list. A page with invalid arguments is requested from the server. */
  async page({ operation, steps, indexes, behindAbstract, field, step, args, type }) {
    const paging = Object.fromEntries(PAGING.map((name) => [name, args[name] ?? undefined]));
    const others = Object.fromEntries(Object.entries(args).filter(([name]) => !PAGING.includes(name)));
    const base = (more) => [...steps, { ...step, args: printedArgs(field, { ...others, ...more }) }];
    const asked = { operation, steps: [...steps, step], indexes, behindAbstract: false, type: type.name };
    const typename = { name: '__typename', args: '' };
    const head = base({ first: 1 });
    if ((await this.value(operation, [...head, typename], indexes, head.length)) === null) return null;
    const list = isPossible(paging) ? await this.wholeList(operation, base, indexes) : undefined;
    const slice = list && sliceOf(list, paging);
    // The specification of connections does not define `hasNextPage` and `hasPreviousPage` of an empty page.
    if (!slice?.items.length) {
      const shape = await this.value(operation, [...asked.steps, typename], indexes, asked.steps.length);
      return shape === null ? null : asked;
    }
    const once = (name) => () => this.value(operation, [...head, { name, args: '' }], indexes);
    const node = (item) => this.item(operation, item, type);
    return {
      type: type.name,
      values: {
        nodes: () => Promise.all(slice.items.map(node)),
        edges: () => slice.items.map((item) => ({
          type: type.name.replace(/Connection$/, 'Edge'), values: { cursor: item.cursor, node: () => node(item) },
        })),
        pageInfo: () => ({ type: 'PageInfo', values: slice.pageInfo }),
        totalCount: once('totalCount'),
        asOf: once('asOf'),
      },
    };
  }

  item(operation, { steps, indexes, shape }) {
    return this.objects(shape, { operation, steps, indexes, behindAbstract: false });
  }

  /** All items of a list with their cursors. */
  wholeList(operation, base, indexes) {
    const key = plainDocument(operation, base({})) + indexes.join();
    if (!this.lists.has(key)) this.lists.set(key, this.download(operation, base, indexes));
    return this.lists.get(key);
  }

  async download(operation, base, indexes) {
    const items = [];
    for (let after; ;) {
      const page = base({ first: LARGEST_PAGE, after });
      const nodes = [...page, { name: 'nodes', args: '' }];
      const cursors = await this.value(operation, [...page, { name: 'edges', args: '' }, { name: 'cursor', args: '' }], indexes, page.length + 1);
      const shapes = await this.value(operation, [...nodes, { name: '__typename', args: '' }], indexes, nodes.length);
      items.push(...shapes.map((shape, index) =>
        ({ cursor: cursors[index].cursor, steps: nodes, indexes: [...indexes, index], shape })));
      if (shapes.length < LARGEST_PAGE) return items;
      after = items.at(-1).cursor;
    }
  }
}

const stepTo = (name, place) => ({ name, args: '', on: place.behindAbstract ? place.type : undefined });

function plainDocument(operation, steps) {
  return `${operation} ${steps.reduceRight((below, { name, args, on }) => {
    const field = `${name}${args}${below ? ` ${below}` : ''}`;
    return on ? `{ ... on ${on} { ${field} } }` : `{ ${field} }`;
  }, '')}`;
}

function printedArgs(field, args) {
  const given = field.args.filter((arg) => args[arg.name] !== undefined);
  const printed = given.map((arg) => `${arg.name}: ${print(astFromValue(args[arg.name], arg.type))}`);
  return printed.length ? `(${printed.join(', ')})` : '';
}

const isPrefix = (short, long) => Array.isArray(long) && short.every((part, index) => part === long[index]);

const isSize = (size) => size === undefined || (size >= 0 && size <= LARGEST_PAGE);

const isPossible = ({ first, last }) => isSize(first) && isSize(last) && (first === undefined || last === undefined);

/** Messages and history are numbered, so a cursor has a position even if no item has it: `m:7` of five messages. */
function numberOf(cursor) {
  const [, tag, number] = /^([mh]):(\d+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (tag === undefined) return undefined;
  return tag === 'm' ? Number(number) : -Number(number);
}

/** The position of a cursor in a list: the index of its item, or a half between two items. Undefined if unknown. */
function positionOf(list, cursor) {
  const index = list.findIndex((item) => item.cursor === cursor);
  const number = numberOf(cursor);
  if (index >= 0 || number === undefined || !list.length) return index >= 0 ? index : undefined;
  return list.filter((item) => numberOf(item.cursor) < number).length - 0.5;
}

/** The page for `first`, `last`, `after` and `before`. Undefined if a cursor belongs to another list. */
function sliceOf(list, { first, last, after, before }) {
  const afterAt = after === undefined ? -1 : positionOf(list, after);
  const beforeAt = before === undefined ? list.length : positionOf(list, before);
  if (afterAt === undefined || beforeAt === undefined) return undefined;
  let from = Math.floor(afterAt) + 1;
  let to = Math.max(from, Math.ceil(beforeAt));
  if (last === undefined) to = Math.min(to, from + (first ?? DEFAULT_PAGE));
  else from = Math.max(from, to - last);
  const items = list.slice(from, to);
  const pageInfo = {
    startCursor: items[0]?.cursor ?? null,
    endCursor: items.at(-1)?.cursor ?? null,
    hasPreviousPage: from > 0,
    hasNextPage: to < list.length,
  };
  return { items, pageInfo };
}

/** The rules of the specification. */
const RULES = specifiedRules.filter((rule) => !recommendedRules.includes(rule));

/** The first rule that a document breaks, with its messages. Undefined if the document is valid. */
function brokenRules(schema, document) {
  for (const rule of RULES) {
    const errors = errorsOf(schema, document, rule);
    if (errors.length) return { why: rule.name, messages: errors.map((error) => error.message) };
  }
  return undefined;
}

/** The errors of one rule. The rule on subscriptions throws for documents that break certain other rules. */
function errorsOf(schema, document, rule) {
  try {
    return validate(schema, document, [rule]);
  } catch (problem) {
    return [problem];
  }
}

/** The text of a type, for the definition of a variable. */
export function typeText(type) {
  if (isNonNullType(type)) return `${typeText(type.ofType)}!`;
  if (isListType(type)) return `[${typeText(type.ofType)}]`;
  return type.name;
}
