// Tests the inbox under bad conditions: a server 400 ms away that hangs at each step, a fast
// typist, an input method, and five texts a second. The checks read the result from the API: who
// received the text, who owns the conversation, where the draft is.
//
// Needs a demo with quiet customers. With `--pid`, SIGSTOP stops the process of the server;
// otherwise a relay passes nothing. `--long` hangs for five seconds each time and repeats more.
// `--only WORD` runs the groups with this word in their name. `--pictures FOLDER` saves pictures.
import { Tally, readOptions } from './support.mjs';
import { Browser } from './inbox_browser.mjs';
import { Relay } from './inbox_relay.mjs';
import * as api from './inbox_api.mjs';
import { Setup } from './slow_setup.mjs';
import { checkAssignees, checkRecipients } from './slow_commands.mjs';
import { checkHands } from './slow_list.mjs';
import { checkPlaces } from './slow_places.mjs';
import { checkReach, measureFirstRows } from './slow_reach.mjs';
import { checkDrafts, checkReplies } from './slow_texts.mjs';

const LATENCY_MS = 200;
const HANG_MS = 2_000;
const LONG_HANG_MS = 5_000;

const options = readOptions({
  pid: { type: 'string' }, long: { type: 'boolean', default: false }, only: { type: 'string', default: '' },
  pictures: { type: 'string' },
});
const { url, tokens, long, only, pictures } = options;

const tally = new Tally();
const browser = await Browser.launch(url);
const server = await api.connect(options);
const relay = await Relay.start(url, { latency: LATENCY_MS });
browser.expectOutagesOf(relay.url);
browser.expectOutagesOf(relay.url.replace('127.0.0.1', 'inbox.localhost'));
const ground = new Setup({
  browser, server, relay, tokens, long,
  pid: options.pid ? Number(options.pid) : null,
  hangMilliseconds: long ? LONG_HANG_MS : HANG_MS,
});

const groups = {
  recipients: () => checkRecipients(tally, ground),
  assignees: () => checkAssignees(tally, ground),
  replies: () => checkReplies(tally, ground),
  drafts: () => checkDrafts(tally, ground),
  hands: () => checkHands(tally, ground),
  places: () => checkPlaces(tally, ground),
  reach: () => checkReach(tally, ground, pictures),
  speed: () => measureFirstRows(ground, url),
};
for (const [name, run] of Object.entries(groups)) {
  if (!name.includes(only)) continue;
  try {
    await run();
  } catch (problem) {
    await tally.check(`${name}: all checks ran`, () => { throw problem; });
  }
}

await browser.close();
await relay.gone();
tally.finish();
