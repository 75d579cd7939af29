// A relay in front of the server. It simulates a server that is far away, hangs or restarts.
//
// The relay delays everything by the latency, in each direction. While the relay hangs, it passes
// nothing and keeps its connections, like a stopped process. While it is gone, it breaks its
// connections and refuses new ones. It returns at the same address.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Relay {
  latency = 0;
  #sockets = new Set();
  #target;
  #server = null;
  #port = 0;
  #open = Promise.resolve();
  #release = () => {};

  /** `latency` is the delay in each direction, in milliseconds. */
  static async start(url, { latency = 0 } = {}) {
    const relay = new Relay();
    relay.#target = new URL(url);
    relay.latency = latency;
    await relay.back();
    return relay;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async back() {
    this.#server = createServer((near) => this.#carry(near));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = this.#server.address().port;
  }

  async gone() {
    this.answer();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  /** Passes nothing until `answer` is called. */
  hang() {
    this.#open = new Promise((done) => { this.#release = done; });
  }

  answer() {
    this.#release();
    this.#open = Promise.resolve();
  }

  #carry(near) {
    const far = connect({ host: this.#target.hostname, port: Number(this.#target.port) });
    for (const [one, other] of [[near, far], [far, near]]) {
      let passed = Promise.resolve();
      this.#sockets.add(one);
      const pass = (write) => {
        const due = new Promise((done) => { setTimeout(done, this.latency); });
        passed = passed.then(() => due).then(() => this.#open).then(write);
      };
      one.on('error', () => {})
        .on('data', (chunk) => pass(() => { if (!other.destroyed) other.write(chunk); }))
        .on('end', () => pass(() => other.end()))
        .on('close', () => { this.#sockets.delete(one); pass(() => other.destroy()); });
    }
  }
}
