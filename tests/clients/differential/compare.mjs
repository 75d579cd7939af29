// Compares the outcome of the server with that of graphql-js.

const kindOf = (value) => {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value !== 'object') return 'a value';
  return Object.keys(value).length ? 'an object' : '{}';
};

/** The first difference of two values of `data`, with its path. The order of keys matters. */
function difference(expected, actual, path = []) {
  const [wanted, got] = [kindOf(expected), kindOf(actual)];
  if (wanted !== got && !(wanted.match(/\{\}|object/) && got.match(/\{\}|object/))) return { path, what: `${wanted} expected, ${got} answered` };
  if (wanted === 'a value') return Object.is(expected, actual) ? undefined : { path, what: 'another value answered' };
  if (wanted === 'null') return undefined;
  const keys = Object.keys(expected);
  const others = Object.keys(actual);
  for (const key of keys) {
    if (!(key in actual)) return { path: [...path, key], what: 'a key is missing' };
    const found = difference(expected[key], actual[key], [...path, key]);
    if (found) return found;
  }
  const more = others.find((key) => !(key in expected));
  if (more !== undefined) return { path: [...path, more], what: 'a key too many' };
  return keys.some((key, index) => key !== others[index]) ? { path, what: 'keys in another order' } : undefined;
}

/** The paths in `data` that are null because of an error. */
function nulled({ data, errors }) {
  const places = errors.map(({ path = [] }) => {
    const place = [];
    let value = data;
    for (const part of path) {
      if (value === null || value === undefined) break;
      value = value[part];
      place.push(part);
    }
    return value === null ? place.join('.') : `${place.join('.')} (not null)`;
  });
  return [...new Set(places)].sort();
}

const countKeys = (value) =>
  (value === null || typeof value !== 'object' ? 0
    : Object.values(value).reduce((sum, one) => sum + countKeys(one), Array.isArray(value) ? 0 : Object.keys(value).length));

/** Whether an object in the text has a key twice. `JSON.parse` would hide this. */
function hasKeyTwice(text) {
  const written = text.match(/"(?:\\.|[^"\\])*"(\s*:)?/g).filter((token) => token.endsWith(':')).length;
  return written !== countKeys(JSON.parse(text));
}

/** The message without the parts that depend on the document. */
const general = (message = '') => message.split('\n')[0].replace(/"[^"]*"|`[^`]*`|\$\w+|\d+/g, '…').slice(0, 90);

/** The difference: similar differences have the same `kind`. Undefined without a difference. */
export function compare(expected, actual) {
  if (expected.result === 'unknown') return { kind: 'a plain document is refused', detail: expected.why };
  if (actual.result === 'broken') return { kind: `no response: ${general(actual.why)}`, detail: actual.why };
  if (expected.result === 'executed' && actual.result === 'refused') {
    return { kind: `valid, but refused with ${actual.why}: ${general(actual.messages[0])}`, detail: actual.messages[0] };
  }
  if (expected.result === 'refused' && actual.result === 'executed') {
    const why = expected.why === 'Request' || expected.why === 'Syntax' ? `${expected.why}: ${general(expected.messages[0])}` : expected.why;
    return { kind: `invalid (${why}), but executed`, detail: expected.messages[0] };
  }
  if (expected.result === 'refused') return undefined;
  const found = difference(expected.data, actual.data);
  if (found) return { kind: `data: ${found.what}`, detail: `data.${found.path.join('.')}` };
  const [wanted, got] = [nulled(expected), nulled(actual)];
  if (wanted.join() !== got.join()) return { kind: 'errors: other places are null', detail: `expected [${wanted}], answered [${got}]` };
  return actual.text && hasKeyTwice(actual.text) ? { kind: 'data: a key twice in one object', detail: actual.text.slice(0, 200) } : undefined;
}
