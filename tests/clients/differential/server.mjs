// A client of the server under test. It sends several documents at once by HTTP on persistent
// connections, and reads the first item of a subscription over graphql-transport-ws.
import { Agent, request } from 'node:http';
import WebSocket from 'ws';
import { PATIENCE_SECONDS } from '../support.mjs';

/** The maximum number of subscriptions on a socket, because a socket accepts a limited number of frames a minute. */
const SUBSCRIPTIONS_PER_SOCKET = 200;

/** The outcome of a response: executed, refused before execution, over a limit, or broken. */
export function outcomeOf({ data, errors, text }) {
  const codes = (errors ?? []).map((error) => error.extensions?.code ?? 'NO_CODE');
  const refused = data === undefined || (data === null && errors?.every((error) => error.path === undefined));
  if (errors?.length && refused) {
    const result = codes.includes('LIMIT_EXCEEDED') ? 'limit' : 'refused';
    return { result, why: codes[0], messages: errors.map((error) => error.message) };
  }
  if (data === undefined) return { result: 'broken', why: 'neither data nor errors' };
  return {
    result: 'executed', data, text, errors: (errors ?? []).map(({ message, path }) => ({ message, path })),
  };
}

function parsed(text, status) {
  try {
    return outcomeOf({ ...JSON.parse(text), text });
  } catch (problem) {
    return { result: 'broken', why: `HTTP ${status}, ${problem.message}` };
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
      const broken = (why) => done({ result: 'broken', why });
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

  /** The first item of a subscription, or the server's other response to it. */
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
        for (const answer of this.waiting.values()) answer({ result: 'broken', why: `closed ${code} ${reason}` });
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
    if (type === 'complete') answer({ result: 'broken', why: 'complete without an item' });
  }

  first(body) {
    if (this.closed) return { result: 'broken', why: 'the socket is closed' };
    const id = String(this.started) + Math.random();
    return new Promise((done) => {
      const timer = setTimeout(() => answer({ result: 'broken', why: 'no item in time' }), PATIENCE_SECONDS * 1000);
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

  /** Closes the socket when all its operations have a response. */
  retire() {
    this.retired = true;
    if (!this.waiting.size) this.socket.close();
  }
}
