// Runs every server audit of graphql-http against a GraphQL endpoint.
//
//   node audits.mjs URL [TOKEN]
//
// Prints each failed audit, then `N passed, N failed`. The exit status is 1 unless all
// audits passed, including those for recommendations and options of the specification.
// If a token is given, every request carries it.

import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);
if (!url) {
  console.error('usage: node audits.mjs URL [TOKEN]');
  process.exit(2);
}

function fetchFn(input, init = {}) {
  const headers = new Headers(init.headers);
  if (token) headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
}

let passed = 0;
let failed = 0;
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status === 'ok') {
    passed += 1;
    continue;
  }
  failed += 1;
  console.log(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
