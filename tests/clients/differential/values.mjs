// The spellings of a value: literals, variables with and without defaults, escapes, and floats for integers.
import { getNullableType, isInputObjectType, isEnumType, isListType, isNonNullType } from 'graphql';
import { raw, variable } from './document.mjs';
import { typeText } from './model.mjs';

const hex = (unit) => unit.toString(16).padStart(4, '0');

/** A string with some characters escaped. `braces` allows `\\u{…}`, which GraphQL has and JSON does not. */
function escaped(random, text, { braces }) {
  const spelled = [...text].map((character) => {
    if (!random.chance(0.4)) return JSON.stringify(character).slice(1, -1);
    const units = character.split('').map((unit) => `\\u${hex(unit.charCodeAt(0))}`).join('');
    return braces && random.chance(0.5) ? `\\u{${character.codePointAt(0).toString(16)}}` : units;
  });
  return `"${spelled.join('')}"`;
}

function stringLiteral(random, text) {
  const isBlock = /^[\w +.,:-]+$/.test(text) && text.trim() === text;
  return random.weighted([
    [12, () => JSON.stringify(text)],
    [1, () => escaped(random, text, { braces: true })],
    [isBlock ? 1 : 0, () => `"""${text}"""`],
    [isBlock ? 0.5 : 0, () => `"""\n    ${text}\n  """`],
  ])();
}

function jsonText(random, type, value) {
  const bare = getNullableType(type);
  if (value === null) return 'null';
  if (isListType(bare)) {
    if (value.length === 1 && random.chance(0.2)) return jsonText(random, bare.ofType, value[0]);
    return `[${value.map((item) => jsonText(random, bare.ofType, item)).join(',')}]`;
  }
  if (isInputObjectType(bare)) {
    const fields = bare.getFields();
    return `{${Object.entries(value).map(([name, one]) => `"${name}":${jsonText(random, fields[name].type, one)}`).join(',')}}`;
  }
  if (bare.name === 'Int') return random.weighted([[8, `${value}`], [1, `${value}.0`], [0.5, `${value}e0`]]);
  if (bare.name === 'ID' && /^\d{1,9}$/.test(value) && random.chance(0.5)) return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  return random.chance(0.1) ? escaped(random, value, { braces: false }) : JSON.stringify(value);
}

/** Writes the values of one document, and collects the variables that they use. */
export class Values {
  /** `careful` keeps the value of each variable, for mutations that must not change rows. */
  constructor(random, { careful = false } = {}) {
    this.random = random;
    this.careful = careful;
    this.definitions = [];
    this.given = {};
    this.variables = random.chance(0.15) ? 0 : random.pick([0.15, 0.35, 0.7]);
  }

  literal(type, value, useVariables = true) {
    const { random } = this;
    const bare = getNullableType(type);
    const below = (of, one, hasDefault) => (useVariables ? this.write(of, one, hasDefault) : this.literal(of, one, false));
    if (value === null) return raw('null');
    if (isListType(bare)) {
      if (value.length === 1 && random.chance(0.2)) return this.literal(bare.ofType, value[0], false);
      return { kind: 'list', items: value.map((item) => below(bare.ofType, item, false)) };
    }
    if (isInputObjectType(bare)) {
      const fields = bare.getFields();
      const names = random.shuffled(Object.keys(value));
      return {
        kind: 'object',
        fields: names.map((name) => ({ name, value: below(fields[name].type, value[name], fields[name].defaultValue !== undefined) })),
      };
    }
    if (isEnumType(bare) || typeof value !== 'string') return raw(value);
    if (bare.name === 'ID' && /^\d{1,9}$/.test(value) && random.chance(0.5)) return raw(value);
    return raw(stringLiteral(random, value));
  }

  /** A literal or a variable. */
  write(type, value, hasDefault = false) {
    return this.random.chance(this.variables) ? this.variable(type, value, hasDefault) : this.literal(type, value);
  }

  /** A variable that is allowed where a value of this type is expected. */
  variable(type, value, hasDefault = false) {
    const { random } = this;
    const isRequired = isNonNullType(type);
    const nullable = typeText(getNullableType(type));
    const mayBeNull = !isRequired && !this.careful;
    const definition = { name: `v${this.definitions.length + 1}`, type: nullable, default: undefined, directives: [] };
    const fallback = () => this.literal(type, value, false);
    const give = (one) => { this.given[definition.name] = jsonText(random, type, one); };
    random.weighted([
      [6, () => { definition.type = `${nullable}${isRequired || (value !== null && random.chance(0.3)) ? '!' : ''}`; give(value); }],
      [2, () => { definition.default = fallback(); }],
      [1, () => { definition.default = fallback(); give(value); }],
      [value === null ? 0 : 1, () => { definition.type = `${nullable}!`; definition.default = fallback(); }],
      [mayBeNull ? 1 : 0, () => { give(null); }],
      [mayBeNull ? 1 : 0, () => {}],
      [mayBeNull ? 0.5 : 0, () => { definition.default = fallback(); give(null); }],
      [mayBeNull ? 0.5 : 0, () => { definition.default = raw('null'); }],
      [hasDefault && !this.careful ? 0.7 : 0, () => {}],
      [isRequired && hasDefault && !this.careful ? 0.15 : 0, () => { give(null); }],
      [isRequired && !this.careful ? 0.1 : 0, () => { definition.default = fallback(); give(null); }],
    ])();
    this.definitions.push(definition);
    return variable(definition.name);
  }

  /** A condition for `@skip` and `@include`. */
  condition(type, value) {
    const { random } = this;
    const used = this.definitions.filter((definition) => definition.isCondition);
    if (used.length && random.chance(0.4)) return variable(random.pick(used).name);
    if (!random.chance(0.6)) return raw(value);
    // The specification and graphql-js disagree on the meaning of a null condition.
    const { careful } = this;
    this.careful = true;
    const written = this.variable(type, value);
    this.careful = careful;
    this.definitions.at(-1).isCondition = true;
    return written;
  }
}
