// A relay in front of the server that can be taken away and brought back, as a server that is
// restarted: connections break, new ones are refused, then it is there again at the same address.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Relay {
  #sockets = new Set();
  #target;
  #server = null;
  #port = 0;

  static async start(url) {
    const relay = new Relay();
    relay.#target = new URL(url);
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
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  #carry(near) {
    const far = connect({ host: this.#target.hostname, port: Number(this.#target.port) });
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#sockets.add(one);
      one.on('error', () => {}).on('close', () => { this.#sockets.delete(one); other.destroy(); });
      one.pipe(other);
    }
  }
}
