/** The modules that the page needs after the first rows. They are loaded together with the rows, not before them. */
export { Actions } from './actions.js';
export { Drafts, storage } from './drafts.js';
export { followHealth } from './health.js';
export { listenToKeys, showHelp } from './keys.js';
export { Outbox } from './outbox.js';
export { Pane } from './pane.js';
export { askForToken, drawIdentity } from './signin.js';
export { Store } from './store.js';
export { clearToasts, toast, undoNewest } from './toast.js';
export { followWorkloads, showWorkloads } from './workloads.js';
