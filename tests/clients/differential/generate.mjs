// Generates random documents from the schema. Most are valid; a share of them breaks one rule.
import {
  getNamedType, isAbstractType, isCompositeType, isLeafType, isObjectType, SchemaMetaFieldDef, TypeMetaFieldDef,
} from 'graphql';
import { argumentsOf } from './arguments.mjs';
import { spoiled } from './spoil.mjs';
import { raw, tidied } from './document.mjs';
import { Values } from './values.mjs';

const DEPTH = 5;
/** The number of selections in the text of a document. Fragments multiply them. */
const SELECTIONS = 40;
const ALIASES = ['a', 'b', 'c', 'x', 'id', 'name', 'nodes', 'assignee'];
const EMOJI = ['"👍"', '"""Reads a list."""', '"A \\u{1F600} description"', '"caf\\u00e9"'];

/** What the language ignores between tokens. */
const SPACINGS = [' ', '\n', '\r\n\t', ',', ' # "a comment"\n', ' \ufeff'];

/** The weight of a field among the fields of its type. */
const WEIGHTS = {
  Query: { conversation: 6, conversations: 6, node: 3, nodes: 3, agents: 2, viewer: 2, ownershipAudit: 0.7, duplicateReplies: 0.7, queueHealth: 0.5, ownershipViolations: 0.7, workloads: 0.7 },
  Conversation: { messages: 2, history: 2, assignee: 3, contact: 2, phoneNumber: 2, assigneeAt: 0.7 },
  ConversationConnection: { pageInfo: 3, nodes: 2, edges: 2 },
  MessageConnection: { pageInfo: 3, nodes: 2, edges: 2 },
  ConversationEventConnection: { pageInfo: 3, nodes: 2, edges: 2 },
  PageInfo: { hasNextPage: 2, hasPreviousPage: 2 },
  AgentConnection: { pageInfo: 3, nodes: 2, edges: 2 },
};

/** Generates one document. */
class Writer {
  constructor({ schema, facts, random, type, mutations }) {
    Object.assign(this, { schema, facts, random, type, mutations });
    this.values = new Values(random, { careful: type === 'mutation' });
    this.left = random.int(4, SELECTIONS);
    this.fragments = [];
    this.arguments = new Map();
    this.aliases = new Map();
    // A wild document may give the same key to fields that cannot be merged, so it is often invalid.
    this.isWild = random.chance(0.12);
    this.directives = random.chance(0.3) ? 0 : random.pick([0.05, 0.15, 0.3]);
    this.fragmentShare = random.pick([0.1, 0.25, 0.45]);
  }

  root() {
    return this.schema.getRootType(this.type);
  }

  /** A set of selections on a type. */
  set(type, depth, isRoot = false) {
    const { random } = this;
    const selections = [];
    const wanted = isRoot && this.type === 'subscription' ? 1 : random.weighted([[4, 1], [5, 2], [4, 3], [2, 4], [1, 6]]);
    for (let count = 0; count < wanted; count += 1) {
      const before = selections.filter((one) => one.kind === 'field' && one.selections);
      if (before.length && random.chance(0.15) && this.left > 0) selections.push(this.again(type, random.pick(before), depth));
      else selections.push(this.selection(type, depth, isRoot));
    }
    if (!isRoot && random.chance(0.04)) selections.forEach((one) => { one.directives = [this.directive('skip', true)]; });
    return selections;
  }

  selection(type, depth, isRoot) {
    const { random } = this;
    this.left -= 1;
    const share = isAbstractType(type) ? 0.7 : this.fragmentShare;
    if (this.left > 0 && depth < DEPTH && random.chance(share)) return this.fragment(type, depth, isRoot);
    return this.field(type, depth, isRoot);
  }

  /** Repeats a field with other selections, which are merged. */
  again(type, field, depth) {
    this.left -= 1;
    const of = getNamedType(this.fieldOf(type, field.name).type);
    return { ...structuredClone(field), directives: this.directivesHere(), selections: this.set(of, depth + 1) };
  }

  fieldOf(type, name) {
    if (name === '__type') return TypeMetaFieldDef;
    if (name === '__schema') return SchemaMetaFieldDef;
    return type.getFields()[name];
  }

  fragment(type, depth, isRoot) {
    const { random } = this;
    const on = this.condition(type);
    const target = on ? this.schema.getType(on) : type;
    const directives = this.directivesHere(isRoot);
    if (random.chance(0.5)) return { kind: 'inline', on, directives, selections: this.set(target, depth, isRoot) };
    const known = this.fragments.filter((one) => one.on === target.name && one.depth >= depth);
    if (known.length && random.chance(0.6)) return { kind: 'spread', name: random.pick(known).name, directives };
    const selections = this.set(target, depth, isRoot);
    const name = random.chance(0.1) && !this.fragments.some((one) => one.name === 'query') ? 'query' : `F${this.fragments.length + 1}`;
    this.fragments.push({ name, on: target.name, directives: [], selections, depth });
    return { kind: 'spread', name, directives };
  }

  /** A type for a fragment inside `type`. Undefined if no type fits. */
  condition(type) {
    const { random } = this;
    if (random.chance(0.15)) return undefined;
    if (isObjectType(type)) {
      const abstract = [...type.getInterfaces(), ...this.unionsOf(type)];
      return random.chance(0.25) && abstract.length ? random.pick(abstract).name : type.name;
    }
    const possible = this.schema.getPossibleTypes(type);
    const abstract = new Set(possible.flatMap((one) => [...one.getInterfaces(), ...this.unionsOf(one)]).map((one) => one.name));
    return random.chance(0.75) ? random.pick(possible).name : random.pick([...abstract]);
  }

  unionsOf(type) {
    return Object.values(this.schema.getTypeMap()).filter((one) => one.astNode?.kind === 'UnionTypeDefinition' && one.getTypes().includes(type));
  }

  field(type, depth, isRoot) {
    const { random } = this;
    const isSubscription = isRoot && this.type === 'subscription';
    if (!isSubscription && (random.chance(isRoot ? 0.03 : 0.08) || !type.getFields)) return this.typename(isRoot);
    if (isRoot && this.type === 'mutation') return this.mutation(depth);
    if (isRoot && this.type === 'query' && random.chance(0.02)) return this.introspection();
    const deep = depth >= DEPTH || this.left <= 0;
    const fields = Object.values(type.getFields()).filter((one) => !deep || isRoot || isLeafType(getNamedType(one.type)));
    if (!fields.length) return this.typename();
    const field = random.weighted(fields.map((one) => [WEIGHTS[type.name]?.[one.name] ?? 1, one]));
    const of = getNamedType(field.type);
    const { args, variant } = this.argumentsFor(type, field);
    return {
      kind: 'field', name: field.name, alias: this.aliasFor(type, field, variant), args, directives: this.directivesHere(isRoot),
      selections: isCompositeType(of) ? this.set(of, depth + 1) : null,
    };
  }

  typename(isRoot) {
    const alias = this.random.chance(0.15) ? 't' : undefined;
    return { kind: 'field', name: '__typename', alias, args: [], directives: this.directivesHere(isRoot), selections: null };
  }

  introspection() {
    const { args, variant } = this.argumentsFor(this.root(), TypeMetaFieldDef);
    const selections = this.set(this.schema.getType('__Type'), DEPTH).filter((one) => !one.selections);
    const plain = selections.length ? selections : [this.typename()];
    return { kind: 'field', name: '__type', alias: this.aliasFor(this.root(), TypeMetaFieldDef, variant), args, directives: [], selections: plain };
  }

  mutation(depth) {
    const { random } = this;
    const chosen = random.pick(this.mutations);
    const field = this.root().getFields()[chosen.field];
    const [input] = field.args;
    return {
      kind: 'field', name: field.name, alias: random.chance(this.isWild ? 0.5 : 0.9) ? `m${this.left + 100}` : undefined,
      args: [{ name: 'input', value: this.values.write(input.type, chosen.input) }],
      directives: this.directivesHere(), selections: this.set(getNamedType(field.type), depth + 1),
    };
  }

  /** One of the two sets of arguments of a field in this document. In a wild document, any arguments. */
  argumentsFor(type, field) {
    const { random } = this;
    const variant = random.chance(0.75) ? 0 : 1;
    const key = `${type.name}.${field.name}.${variant}`;
    if (!this.arguments.has(key) || (this.isWild && random.chance(0.5))) {
      const values = argumentsOf(random, this.facts, `${type.name}.${field.name}`);
      this.arguments.set(key, field.args.filter((arg) => values[arg.name] !== undefined).map((arg) =>
        ({ name: arg.name, value: this.values.write(arg.type, values[arg.name], arg.defaultValue !== undefined) })));
    }
    const args = structuredClone(this.arguments.get(key));
    return { args: random.chance(0.2) ? random.shuffled(args) : args, variant: args.length ? variant : 0 };
  }

  /** The response key of a field. Each of the two sets of arguments has its own key, unless the document is wild. */
  aliasFor(type, field, variant) {
    const { random } = this;
    if (this.isWild && random.chance(0.4)) return random.chance(0.5) ? undefined : random.pick(ALIASES.slice(0, 4));
    if (variant === 0 && !random.chance(0.2)) return undefined;
    const owner = `${type.name}.${field.name}.${variant}`;
    const free = ALIASES.filter((alias) => {
      const taken = this.aliases.get(alias);
      return (taken === undefined || taken === owner) && !type.getFields()[alias];
    });
    if (!free.length) return `${field.name}${variant}`;
    const alias = random.pick(free);
    this.aliases.set(alias, owner);
    return alias;
  }

  directivesHere(isRoot = false) {
    const { random } = this;
    // The specification does not define a subscription whose root field is skipped.
    if ((isRoot && this.type === 'subscription') || !random.chance(this.directives)) return [];
    const name = random.pick(['skip', 'include']);
    const one = this.directive(name, random.chance(0.5));
    return random.chance(0.05) ? [one, this.directive(name === 'skip' ? 'include' : 'skip', random.chance(0.5))] : [one];
  }

  directive(name, value) {
    const { type } = this.schema.getDirective(name).args[0];
    return { name, args: [{ name: 'if', value: this.values.condition(type, value) }] };
  }
}

/** Several operations. A name chooses one of them; sometimes no operation has this name. */
function operations(writer, random) {
  const count = writer.type === 'query' && random.chance(0.12) ? random.int(2, 3) : 1;
  const named = count > 1 || random.chance(0.4);
  return Array.from({ length: count }, (_, index) => ({
    type: writer.type, name: named ? `Operation${index + 1}` : undefined,
    description: random.chance(0.03) ? random.pick(EMOJI) : undefined,
    directives: [], variables: [], selections: writer.set(writer.root(), 1, true),
  }));
}

/** A random document. `type` is the type of its operations. `mutations` are the allowed mutations. */
export function generate({ schema, facts, random, type, mutations, invalid }) {
  const writer = new Writer({ schema, facts, random, type, mutations });
  const document = { operations: operations(writer, random), fragments: [], variables: { ...writer.values.given } };
  document.fragments = writer.fragments.map(({ depth, ...fragment }) => fragment);
  for (const operation of document.operations) {
    operation.variables = writer.values.definitions.map(({ isCondition, ...definition }) => structuredClone(definition));
  }
  const several = document.operations.length > 1;
  if (several || (document.operations[0].name && random.chance(0.5))) {
    document.operationName = random.chance(0.04) ? random.pick(['Nothing', '']) : random.pick(document.operations).name;
  }
  if (random.chance(0.04)) document.spacing = random.pick(SPACINGS);
  const tidy = tidied(document);
  return random.chance(invalid) ? spoiled(tidy, { random, schema, raw }) : tidy;
}
