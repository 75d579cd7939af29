// Makes a document smaller as long as its difference persists.
import { allSelections, eachSet, tidied } from './document.mjs';

/** The maximum number of attempts for one document. Later attempts gain little. */
const TRIES = 250;

const parts = (document) => [...document.operations, ...document.fragments];

/** Replaces a spread by the selections of its fragment. */
function inlined(document, at) {
  const copy = structuredClone(document);
  const { set, selection } = allSelections(copy)[at];
  const fragment = selection.kind === 'spread' && copy.fragments.find((one) => one.name === selection.name);
  if (!fragment) return undefined;
  set.splice(set.indexOf(selection), 1, { kind: 'inline', on: fragment.on, directives: selection.directives, selections: fragment.selections });
  return copy;
}

/** Replaces an inline fragment, or a field with one child, by its selections. */
function unwrapped(document, at) {
  const copy = structuredClone(document);
  const { set, selection } = allSelections(copy)[at];
  if (selection.kind !== 'inline') return undefined;
  set.splice(set.indexOf(selection), 1, ...selection.selections);
  return copy;
}

function without(document, change) {
  const copy = structuredClone(document);
  return change(copy) === false ? undefined : copy;
}

/** Smaller variants of a document, the smallest first. */
function* candidates(document) {
  for (let at = 0; at < document.operations.length && document.operations.length > 1; at += 1) {
    yield without(document, (copy) => { copy.operations = [copy.operations[at]]; copy.operationName = undefined; });
    yield without(document, (copy) => { copy.operations.splice(at, 1); });
  }
  const places = allSelections(document);
  for (let at = 0; at < places.length; at += 1) {
    if (places[at].set.length > 1) yield without(document, (copy) => { const { set, selection } = allSelections(copy)[at]; set.splice(set.indexOf(selection), 1); });
  }
  for (let at = 0; at < places.length; at += 1) yield inlined(document, at);
  for (let at = 0; at < places.length; at += 1) yield unwrapped(document, at);
  for (let at = 0; at < places.length; at += 1) {
    const { selection } = places[at];
    if (selection.selections) yield without(document, (copy) => { allSelections(copy)[at].selection.selections = [leaf()]; });
    for (let index = 0; index < selection.directives.length; index += 1) {
      yield without(document, (copy) => { allSelections(copy)[at].selection.directives.splice(index, 1); });
    }
    for (let index = 0; index < (selection.args?.length ?? 0); index += 1) {
      yield without(document, (copy) => { allSelections(copy)[at].selection.args.splice(index, 1); });
    }
    if (selection.alias) yield without(document, (copy) => { allSelections(copy)[at].selection.alias = undefined; });
  }
  yield* ofVariables(document);
}

const leaf = () => ({ kind: 'field', name: '__typename', args: [], directives: [], selections: null });

function* ofVariables(document) {
  if (document.spacing !== undefined) yield without(document, (copy) => { copy.spacing = undefined; });
  if (document.operations.some((operation) => operation.description)) {
    yield without(document, (copy) => { copy.operations.forEach((operation) => { operation.description = undefined; }); });
  }
  if (document.operations.length === 1 && document.operationName !== undefined) yield without(document, (copy) => { copy.operationName = undefined; });
  for (const name of Object.keys(document.variables)) yield without(document, (copy) => { delete copy.variables[name]; });
  for (const { name, default: literal } of document.operations.flatMap((operation) => operation.variables)) {
    if (literal) yield replaced(document, name, literal);
  }
  for (const [name, json] of Object.entries(document.variables)) {
    if (/^(true|false|null|\d+|"[^"\\]*")$/.test(json)) yield replaced(document, name, { kind: 'raw', text: json });
  }
}

/** The document with a variable replaced by its value. */
function replaced(document, name, literal) {
  const copy = structuredClone(document);
  const inValue = (value) => {
    if (value.kind === 'variable' && value.name === name) return structuredClone(literal);
    if (value.kind === 'list') return { ...value, items: value.items.map(inValue) };
    if (value.kind === 'object') return { ...value, fields: value.fields.map((field) => ({ ...field, value: inValue(field.value) })) };
    return value;
  };
  const inArgs = (args) => args?.forEach((arg) => { arg.value = inValue(arg.value); });
  for (const part of parts(copy)) {
    eachSet(part.selections, (set) => set.forEach((selection) => {
      inArgs(selection.args);
      selection.directives.forEach((directive) => inArgs(directive.args));
    }));
  }
  return copy;
}

/** The smallest document found for which `persists` returns true. */
export async function shrink(document, persists) {
  if (document.text !== undefined) return document;
  let smallest = document;
  let tries = 0;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of candidates(smallest)) {
      if (!candidate) continue;
      for (const one of [tidied(candidate), candidate]) {
        tries += 1;
        if (tries > TRIES) return smallest;
        if (!(await persists(one))) continue;
        smallest = one;
        isSmaller = true;
        break;
      }
      if (isSmaller) break;
    }
  }
  return smallest;
}
