// Breaks one rule of the specification in a valid document.
import { allSelections, printDocument, raw, tokensOf, variable } from './document.mjs';

const fieldsOf = (document) => allSelections(document).filter(({ selection }) => selection.kind === 'field');

const leaf = (name, more) => ({ kind: 'field', name, args: [], directives: [], selections: null, ...more });

const inline = (on, selections) => ({ kind: 'inline', on, directives: [], selections });

/** A selection set below the root, to which a selection can be added. */
const someSet = (document, random) => random.pick(allSelections(document)).set;

const definitionsOf = (document) => document.operations.flatMap((operation) => operation.variables);

/** A field, argument list or literal of the document. Throws if the document has no such part, so that the caller tries another rule. */
function some(random, list) {
  if (!list.length) throw new RangeError('nothing to spoil');
  return random.pick(list);
}

function literals(value, found = []) {
  if (value.kind === 'raw') found.push(value);
  if (value.kind === 'list') value.items.forEach((item) => literals(item, found));
  if (value.kind === 'object') value.fields.forEach((field) => literals(field.value, found));
  return found;
}

const argsOf = (document) => fieldsOf(document).flatMap(({ selection }) => selection.args.map((arg) => ({ selection, arg })));

const SELECTIONS = {
  unknownField: (document, random) => { someSet(document, random).push(leaf('nothing')); },
  selectionOnLeaf: (document, random) => {
    some(random, fieldsOf(document).filter(({ selection }) => !selection.selections)).selection.selections = [leaf('id')];
  },
  noSelection: (document, random) => {
    some(random, fieldsOf(document).filter(({ selection }) => selection.selections)).selection.selections = null;
  },
  emptySet: (document, random) => { some(random, fieldsOf(document).filter(({ selection }) => selection.selections)).selection.selections = []; },
  conflictingAlias: (document, random) => {
    const set = someSet(document, random);
    set.push(leaf('__typename', { alias: 'z' }), inline(undefined, [leaf('id', { alias: 'z' })]));
  },
  conflictAtDepth: (document, random) => {
    const { set, selection } = some(random, fieldsOf(document).filter(({ selection: one }) => one.selections));
    selection.selections.push(leaf('__typename', { alias: 'z' }));
    set.push({ ...structuredClone(selection), selections: [inline(undefined, [leaf('id', { alias: 'z' })])] });
  },
  conflictOfArguments: (document, random) => {
    const { set, selection } = some(random, fieldsOf(document).filter(({ selection: one }) => one.args.length));
    set.push({ ...structuredClone(selection), args: [] });
  },
};

const FRAGMENTS = {
  unknownFragment: (document, random) => { someSet(document, random).push({ kind: 'spread', name: 'Missing', directives: [] }); },
  unusedFragment: (document) => {
    document.fragments.push({ name: 'Unused', on: 'Agent', directives: [], selections: [leaf('id')] });
  },
  fragmentCycle: (document, random) => {
    const fragment = some(random, document.fragments);
    fragment.selections.push({ kind: 'spread', name: fragment.name, directives: [] });
  },
  fragmentTwice: (document, random) => { document.fragments.push(structuredClone(some(random, document.fragments))); },
  fragmentNamedOn: (document, random) => {
    const fragment = some(random, document.fragments);
    allSelections(document).forEach(({ selection }) => { if (selection.kind === 'spread' && selection.name === fragment.name) selection.name = 'on'; });
    fragment.name = 'on';
  },
  impossibleFragment: (document, random) => {
    const on = random.pick(['Workspace', 'PageInfo', 'UserError', 'QueueChange', 'Mutation']);
    someSet(document, random).push(inline(on, [leaf('__typename')]));
  },
  unknownCondition: (document, random) => { someSet(document, random).push(inline('Nothing', [leaf('id')])); },
  scalarCondition: (document, random) => { someSet(document, random).push(inline(random.pick(['String', 'AgentRole', 'ConversationFilter']), [leaf('id')])); },
};

const ARGUMENTS = {
  unknownArgument: (document, random) => { some(random, fieldsOf(document)).selection.args.push({ name: 'nothing', value: raw(1) }); },
  missingArgument: (document, random) => {
    const { selection, arg } = some(random, argsOf(document));
    selection.args = selection.args.filter((one) => one !== arg);
  },
  argumentTwice: (document, random) => {
    const { selection, arg } = some(random, argsOf(document));
    selection.args.push(structuredClone(arg));
  },
  wrongLiteral: (document, random) => {
    const literal = some(random, argsOf(document).flatMap(({ arg }) => literals(arg.value)));
    literal.text = random.pick(['true', '1.5', '"text"', 'NOTHING', '{}', '[[1]]', 'null', '2147483648', '-0', '{nothing: 1}', '[true, null]', '""']);
  },
};

const VARIABLES = {
  undefinedVariable: (document, random) => {
    const { arg } = some(random, argsOf(document));
    arg.value = variable('undefined');
  },
  unusedVariable: (document) => { document.operations[0].variables.push({ name: 'unused', type: 'Int' }); },
  variableTwice: (document, random) => {
    const operation = some(random, document.operations.filter((one) => one.variables.length));
    operation.variables.push(structuredClone(random.pick(operation.variables)));
  },
  variableOfOtherType: (document, random) => {
    some(random, definitionsOf(document)).type = random.pick(['Int', 'String', 'ID', '[ID!]', 'Boolean', 'ConversationView', 'Float', '[[Int]]']);
  },
  variableOfUnknownType: (document, random) => { some(random, definitionsOf(document)).type = 'Nothing'; },
  variableOfOutputType: (document, random) => { some(random, definitionsOf(document)).type = random.pick(['Agent', '[Node]', 'QueueChange']); },
  nullableVariable: (document, random) => {
    const definition = some(random, definitionsOf(document).filter((one) => one.type.endsWith('!')));
    definition.type = definition.type.slice(0, -1);
  },
  wrongDefault: (document, random) => { some(random, definitionsOf(document)).default = raw(random.pick(['1.5', '"text"', 'NOTHING', '[[1]]', '{a: 1}', 'null'])); },
  directiveOnVariable: (document, random) => {
    some(random, definitionsOf(document)).directives = [{ name: 'include', args: [{ name: 'if', value: raw(true) }] }];
  },
  wrongValue: (document, random) => {
    const { name } = some(random, definitionsOf(document));
    document.variables[name] = random.pick(['true', '2.5', '"text"', '{}', '[[1]]', '2147483648', 'null', '{"nothing":1}', '[null]', '-0.0']);
  },
  missingValue: (document, random) => { delete document.variables[some(random, definitionsOf(document)).name]; },
  surplusValue: (document) => { document.variables.surplus = '{"a":[1]}'; },
};

const DIRECTIVES = {
  unknownDirective: (document, random) => { random.pick(allSelections(document)).selection.directives.push({ name: 'nothing', args: [] }); },
  directiveTwice: (document, random) => {
    const two = () => ({ name: 'skip', args: [{ name: 'if', value: raw(false) }] });
    random.pick(allSelections(document)).selection.directives = [two(), two()];
  },
  directiveWithoutArgument: (document, random) => { random.pick(allSelections(document)).selection.directives = [{ name: 'skip', args: [] }]; },
  directiveOfOtherType: (document, random) => {
    random.pick(allSelections(document)).selection.directives = [{ name: 'skip', args: [{ name: 'if', value: raw(random.pick(['1', '"true"', 'null', '[true]'])) }] }];
  },
  directiveOnOperation: (document) => { document.operations[0].directives = [{ name: 'skip', args: [{ name: 'if', value: raw(false) }] }]; },
  directiveOnFragment: (document, random) => {
    some(random, document.fragments).directives = [{ name: 'include', args: [{ name: 'if', value: raw(true) }] }];
  },
};

const OPERATIONS = {
  operationTwice: (document) => {
    const [first] = document.operations;
    first.name ??= 'Twice';
    document.operations.push(structuredClone(first));
  },
  anonymousWithOthers: (document) => {
    document.operations.push({ ...structuredClone(document.operations[0]), name: undefined, variables: [], selections: [leaf('__typename')] });
  },
};

/** Changes that break the text. */
const TEXTS = {
  tokenRemoved: (text, random) => {
    const tokens = tokensOf(text);
    tokens.splice(random.int(0, tokens.length - 1), 1);
    return tokens.join(' ');
  },
  characterAdded: (text, random) => {
    const at = random.int(0, text.length);
    return `${text.slice(0, at)}${random.pick(['"', '\\', '&', '%', '\u0000', '\u00a0', '\ufeff', ',', '#', '...', '|', "'"])}${text.slice(at)}`;
  },
  typeAdded: (text) => `${text}\ntype Extra { id: ID }`,
  escapeAdded: (text, random) => text.replace(/"(?=[^"])/, `"${random.pick(['\\u{110000}', '\\ud83d', '\\x', '\\u12', '\\ud83d\\ude00', '\\u{}', '\\u{00000041}', '\\/'])}`),
};

const { unusedVariable } = VARIABLES;
const WITHOUT_VALUES = Object.entries({ ...SELECTIONS, ...FRAGMENTS, ...DIRECTIVES, ...OPERATIONS, unusedVariable });
const RULES = [...WITHOUT_VALUES, ...Object.entries({ ...ARGUMENTS, ...VARIABLES })];

/**
 * A copy that breaks one rule, with the rule's name in `spoiled`. A mutation keeps its text and its values,
 * because other values could change rows.
 */
export function spoiled(document, { random }) {
  const isMutation = document.operations[0].type === 'mutation';
  if (!isMutation && random.chance(0.1)) {
    const [name, change] = random.pick(Object.entries(TEXTS));
    return { ...document, spoiled: name, text: change(printDocument(document), random) };
  }
  for (let tries = 0; tries < 20; tries += 1) {
    const copy = structuredClone(document);
    const [name, change] = random.pick(isMutation ? WITHOUT_VALUES : RULES);
    try {
      change(copy, random);
      return { ...copy, spoiled: name };
    } catch (problem) {
      if (!(problem instanceof RangeError)) throw problem;
    }
  }
  return document;
}
