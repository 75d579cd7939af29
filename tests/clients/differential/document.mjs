// A document with its variables as a tree that can be printed and shrunk.
//
// The AST of graphql-js is not suitable: its printer normalises what this test varies,
// such as the escapes of strings and the spelling of numbers in variables.
//
//   document  { operations, fragments, operationName, variables, spacing, text }
//   operation { type, name, description, variables: [{ name, type, default }], directives, selections }
//   fragment  { name, on, directives, selections }
//   selection { kind: 'field', alias, name, args, directives, selections }
//             { kind: 'spread', name, directives } | { kind: 'inline', on, directives, selections }
//   value     { kind: 'raw', text } | { kind: 'variable', name }
//             { kind: 'list', items } | { kind: 'object', fields: [{ name, value }] }
//
// `variables` maps names to JSON text. `spacing` is printed between all tokens.
// `text` replaces the printed document.

export const raw = (text) => ({ kind: 'raw', text: String(text) });
export const variable = (name) => ({ kind: 'variable', name });

export function printValue(value) {
  if (value.kind === 'raw') return value.text;
  if (value.kind === 'variable') return `$${value.name}`;
  if (value.kind === 'list') return `[${value.items.map(printValue).join(', ')}]`;
  return `{${value.fields.map((field) => `${field.name}: ${printValue(field.value)}`).join(', ')}}`;
}

const printArgs = (args) =>
  (args?.length ? `(${args.map((arg) => `${arg.name}: ${printValue(arg.value)}`).join(', ')})` : '');

const printDirectives = (directives) =>
  (directives ?? []).map((directive) => ` @${directive.name}${printArgs(directive.args)}`).join('');

export function printSelections(selections) {
  return `{ ${selections.map(printSelection).join(' ')} }`;
}

function printSelection(selection) {
  const directives = printDirectives(selection.directives);
  if (selection.kind === 'spread') return `...${selection.name}${directives}`;
  const below = selection.selections ? ` ${printSelections(selection.selections)}` : '';
  if (selection.kind === 'inline') return `...${selection.on ? ` on ${selection.on}` : ''}${directives}${below}`;
  const alias = selection.alias ? `${selection.alias}: ` : '';
  return `${alias}${selection.name}${printArgs(selection.args)}${directives}${below}`;
}

function printVariable(definition) {
  const fallback = definition.default ? ` = ${printValue(definition.default)}` : '';
  return `$${definition.name}: ${definition.type}${fallback}${printDirectives(definition.directives)}`;
}

function printOperation(operation) {
  const description = operation.description ? `${operation.description}\n` : '';
  const variables = operation.variables.length ? `(${operation.variables.map(printVariable).join(', ')})` : '';
  const directives = printDirectives(operation.directives);
  const plain = operation.type === 'query' && !operation.name && !description && !variables && !directives;
  const head = plain ? '' : `${operation.type}${operation.name ? ` ${operation.name}` : ''}${variables}${directives} `;
  return `${description}${head}${printSelections(operation.selections)}`;
}

const printFragment = (fragment) =>
  `fragment ${fragment.name} on ${fragment.on}${printDirectives(fragment.directives)} ${printSelections(fragment.selections)}`;

/** The tokens of a document. */
export const tokensOf = (text) => text.match(/"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|\.\.\.|-?\d[\w.+-]*|\w+|[^\s\w]/g);

export function printDocument(document) {
  if (document.text !== undefined) return document.text;
  const text = [...document.operations.map(printOperation), ...document.fragments.map(printFragment)].join('\n');
  return document.spacing === undefined ? text : tokensOf(text).join(document.spacing);
}

export const printVariables = (document) =>
  `{${Object.entries(document.variables).map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;

/** The body of a request, with numbers and escapes spelled as in the document. */
export function printBody(document) {
  const name = document.operationName === undefined ? '' : `,"operationName":${JSON.stringify(document.operationName)}`;
  return `{"query":${JSON.stringify(printDocument(document))},"variables":${printVariables(document)}${name}}`;
}

/** Calls `visit` with each list of selections below `selections`, itself included. */
export function eachSet(selections, visit) {
  visit(selections);
  for (const selection of selections) {
    if (selection.selections) eachSet(selection.selections, visit);
  }
}

/** Every selection of a document, with the list that contains it. */
export function allSelections(document) {
  const found = [];
  for (const part of [...document.operations, ...document.fragments]) {
    eachSet(part.selections, (set) => set.forEach((selection) => found.push({ set, selection })));
  }
  return found;
}

function variablesOfValue(value, into) {
  if (value.kind === 'variable') into.add(value.name);
  if (value.kind === 'list') value.items.forEach((item) => variablesOfValue(item, into));
  if (value.kind === 'object') value.fields.forEach((field) => variablesOfValue(field.value, into));
}

/** The variables and fragments that a part of a document uses, also in its fragments. */
export function usesOf(document, part) {
  const uses = { variables: new Set(), fragments: new Set() };
  const ofDirectives = (directives) => (directives ?? []).forEach((directive) =>
    (directive.args ?? []).forEach((arg) => variablesOfValue(arg.value, uses.variables)));
  const ofPart = (one) => {
    ofDirectives(one.directives);
    eachSet(one.selections, (set) => set.forEach((selection) => {
      ofDirectives(selection.directives);
      (selection.args ?? []).forEach((arg) => variablesOfValue(arg.value, uses.variables));
      if (selection.kind !== 'spread' || uses.fragments.has(selection.name)) return;
      uses.fragments.add(selection.name);
      document.fragments.filter((fragment) => fragment.name === selection.name).forEach(ofPart);
    }));
  };
  ofPart(part);
  return uses;
}

/** Removes fragments that no operation spreads, and variables that no operation uses. */
export function tidied(document) {
  const copy = structuredClone(document);
  const fragments = new Set();
  const variables = new Set();
  for (const operation of copy.operations) {
    const uses = usesOf(copy, operation);
    uses.fragments.forEach((name) => fragments.add(name));
    operation.variables = operation.variables.filter((definition) => uses.variables.has(definition.name));
    operation.variables.forEach((definition) => variables.add(definition.name));
  }
  copy.fragments = copy.fragments.filter((fragment) => fragments.has(fragment.name));
  copy.variables = Object.fromEntries(Object.entries(copy.variables).filter(([name]) => variables.has(name)));
  return copy;
}
