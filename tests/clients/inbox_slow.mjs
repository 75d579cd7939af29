// The inbox where everything is slow: a server 400 ms away that hangs at each step, somebody who
// types fast, an input method, five texts a second. What is asserted is asserted by the API: who
// received the text, who owns the conversation, where the draft is.
//
// Needs a demo with quiet customers. With `--pid` the server's process is stopped by SIGSTOP;
// otherwise a relay lets nothing pass. `--long` hangs for five seconds a time and repeats more,
// `--only WORD` runs the groups whose name has that word, `--pictures FOLDER` keeps what it saw.
import { Tally, readOptions } from './support.mjs';
import { Browser } from './inbox_browser.mjs';
import { Relay } from './inbox_relay.mjs';
import * as api from './inbox_api.mjs';
import { Ground } from './slow_ground.mjs';
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
const ground = new Ground({
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
    await tally.check(`${name} ran to their end`, () => { throw problem; });
  }
}

await browser.close();
await relay.gone();
tally.finish();
