// Starts one worker per core and prints the URL. Exits when standard input closes, so that no process remains when the
// benchmark ends.

import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';

export async function onEveryCore(makeServer) {
  if (cluster.isWorker) {
    const server = await makeServer();
    server.listen(0, '127.0.0.1');
    return;
  }
  const workers = availableParallelism();
  let ready = 0;
  cluster.on('listening', (_, { port }) => {
    ready += 1;
    if (ready === workers) console.log(`listening on http://127.0.0.1:${port}`);
  });
  cluster.on('exit', () => process.exit(1));
  process.stdin.on('end', () => process.exit(0)).resume();
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
}
