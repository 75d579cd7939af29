// The server under test: documents by HTTP, several in flight on connections that stay
// open, and the first item of a subscription over graphql-transport-ws.
import { Agent, request } from 'node:http';
import WebSocket from 'ws';
import { PATIENCE_SECONDS } from '../support.mjs';

/** A socket accepts a bounded number of frames in a minute, so each carries a bounded number of subscriptions. */
const SUBSCRIPTIONS_PER_SOCKET = 200;

/** What a response says: executed, refused before execution, over a limit, or broken. */
export function outcomeOf({ data, errors, text }) {
  const codes = (errors ?? []).map((error) => error.extensions?.code ?? 'NO_CODE');
  const refused = data === undefined || (data === null && errors?.every((error) => error.path === undefined));
  if (errors?.length && refused) {
    const verdict = codes.includes('LIMIT_EXCEEDED') ? 'limit' : 'refused';
    return { verdict, why: codes[0], messages: errors.map((error) => error.message) };
  }
  if (data === undefined) return { verdict: 'broken', why: 'neither data nor errors' };
  return {
    verdict: 'executed', data, text, errors: (errors ?? []).map(({ message, path }) => ({ message, path })),
  };
}

function parsed(text, status) {
  try {
    return outcomeOf({ ...JSON.parse(text), text });
  } catch (problem) {
    return { verdict: 'broken', why: `HTTP ${status}, ${problem.message}` };
  }
}

export class Server {
  constructor({ http, ws, inFlight }) {
    this.url = new URL(http);
    this.ws = ws;
    this.agent = new Agent({ keepAlive: true, maxSockets: inFlight });
    this.sockets = new Map();
    this.requests = 0;
  }

  /** Sends a body by HTTP. */
  send(token, body) {
    this.requests += 1;
    const { hostname, port, pathname } = this.url;
    const bytes = Buffer.from(body);
    return new Promise((done) => {
      const broken = (why) => done({ verdict: 'broken', why });
      const call = request({
        agent: this.agent, method: 'POST', hostname, port, path: pathname, timeout: PATIENCE_SECONDS * 1000,
        headers: {
          'content-type': 'application/json', accept: 'application/graphql-response+json, application/json',
          'content-length': bytes.length, authorization: `Bearer ${token}`,
        },
      }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => done(parsed(Buffer.concat(parts).toString('utf8'), response.statusCode)));
        response.on('error', (problem) => broken(problem.message));
      });
      call.on('timeout', () => call.destroy(new Error('no response in time')));
      call.on('error', (problem) => broken(problem.message));
      call.end(bytes);
    });
  }

  /** The first item of a subscription, or what the server answers in its place. */
  async subscribe(token, body) {
    this.requests += 1;
    const socket = await this.socket(token);
    return socket.first(body);
  }

  async socket(token) {
    let socket = this.sockets.get(token);
    if (!socket || socket.closed || socket.started >= SUBSCRIPTIONS_PER_SOCKET) {
      socket?.retire();
      socket = new Socket(this.ws, token);
      this.sockets.set(token, socket);
    }
    socket.started += 1;
    await socket.ready;
    return socket;
  }

  close() {
    this.agent.destroy();
    for (const socket of this.sockets.values()) socket.retire();
  }
}

class Socket {
  started = 0;
  closed = false;
  waiting = new Map();

  constructor(url, token) {
    this.socket = new WebSocket(url, 'graphql-transport-ws');
    this.ready = new Promise((done) => {
      this.socket.on('open', () => this.socket.send(
        JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } })));
      this.socket.on('message', (text) => this.take(String(text), done));
      this.socket.on('error', done);
      this.socket.on('close', (code, reason) => {
        this.closed = true;
        done();
        for (const answer of this.waiting.values()) answer({ verdict: 'broken', why: `closed ${code} ${reason}` });
        this.waiting.clear();
      });
    });
  }

  take(text, acknowledged) {
    const { id, type, payload } = JSON.parse(text);
    if (type === 'connection_ack') acknowledged();
    if (type === 'ping') this.socket.send('{"type":"pong"}');
    const answer = this.waiting.get(id);
    if (!answer) return;
    if (type === 'next') {
      this.socket.send(JSON.stringify({ id, type: 'complete' }));
      answer(outcomeOf({ ...payload, text }));
    }
    if (type === 'error') answer(outcomeOf({ errors: payload }));
    if (type === 'complete') answer({ verdict: 'broken', why: 'complete without an item' });
  }

  first(body) {
    if (this.closed) return { verdict: 'broken', why: 'the socket is closed' };
    const id = String(this.started) + Math.random();
    return new Promise((done) => {
      const timer = setTimeout(() => answer({ verdict: 'broken', why: 'no item in time' }), PATIENCE_SECONDS * 1000);
      const answer = (outcome) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        if (this.retired && !this.waiting.size) this.socket.close();
        done(outcome);
      };
      this.waiting.set(id, answer);
      this.socket.send(`{"id":"${id}","type":"subscribe","payload":${body}}`);
    });
  }

  /** Closes the socket once what it carries is answered. */
  retire() {
    this.retired = true;
    if (!this.waiting.size) this.socket.close();
  }
}
