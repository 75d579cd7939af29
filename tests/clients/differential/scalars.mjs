// The values that the schema's own scalars accept, according to their descriptions.

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/** A date and time in RFC 3339 format. In UTC, its year must be from 0 to 9999. */
export function isRfc3339(text) {
  const parts = RFC3339.exec(text);
  if (!parts) return false;
  const [year, month, day, hour, minute] = parts.slice(1, 6).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59) return false;
  const offset = parts[7] ? (parts[7] === '-' ? 1 : -1) * (Number(parts[8]) * 60 + Number(parts[9])) : 0;
  date.setUTCHours(hour, minute + offset);
  return date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9999;
}

/** A plus sign, then 2 to 15 digits that do not begin with 0. */
export const isE164 = (text) => /^\+[1-9]\d{1,14}$/.test(text);
