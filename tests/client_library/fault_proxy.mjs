// SPDX-License-Identifier: MIT
// A loopback proxy before a real server, which remembers every request and spoils those that a rule names.
//
//   const proxy = await startProxy(server.url);
//   const rule = proxy.rule({ method: 'POST', path: /token$/, times: 1 }, drop());
//   ... rule.seen tells how often it fired; proxy.log holds {method, path, headers, body, status, answer}
//
// A fault is a function (exchange) → anything; it answers by exchange.forward(), exchange.answer(...) or
// exchange.cut(). Without a rule the exchange is forwarded as it is.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host']);

function readAll(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
  });
}

// One request on its way through.
class Exchange {
  constructor(proxy, request, response, body) {
    Object.assign(this, { proxy, request, response, body, method: request.method, path: request.url, headers: request.headers });
  }

  get form() { return Object.fromEntries(new URLSearchParams(this.body.toString('latin1'))); }
  get bearer() { return /^Bearer (.*)$/.exec(this.headers.authorization ?? '')?.[1] ?? this.headers['x-api-key']; }

  // What the real server says; the server has acted then, whatever the client sees.
  ask(changes = {}) {
    const headers = Object.fromEntries(Object.entries(this.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
    const body = changes.body ?? this.body;
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(this.path, this.proxy.target), { method: this.method, headers: { ...headers, ...changes.headers, 'accept-encoding': 'identity', 'content-length': body.length }, agent: this.proxy.agent }, async (answer) => {
        try {
          resolve({ status: answer.statusCode, headers: answer.headers, body: await readAll(answer) });
        } catch (error) { reject(error); }
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  answer({ status = 200, headers = {}, body = '' }) {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    this.status = status;
    this.answered = bytes.toString('utf8');
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
    this.response.writeHead(status, { 'content-type': 'application/json', ...kept, 'content-length': bytes.length });
    this.response.end(this.method === 'HEAD' ? undefined : bytes);
  }

  async forward(changes) { this.answer(await this.ask(changes)); }
  cut() { this.response.socket?.destroy(); }
}

class Proxy {
  constructor(target) {
    this.target = target;
    this.log = [];
    this.rules = [];
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    this.listener = http.createServer((request, response) => this.pass(request, response));
    this.listener.keepAliveTimeout = 60_000;
  }

  async pass(request, response) {
    let exchange;
    try {
      exchange = new Exchange(this, request, response, await readAll(request));
      exchange.at = Date.now();
      this.log.push(exchange);
      const rule = this.rules.find((r) => r.left > 0 && r.fits(exchange));
      if (!rule) return await exchange.forward();
      rule.left--;
      rule.seen++;
      exchange.rule = rule;
      await rule.fault(exchange);
    } catch (error) {
      // The client or the server went away: what a test of faults is about.
      if (exchange) exchange.failed = error;
      response.socket?.destroy();
    }
    return undefined;
  }

  // match: {method, path (RegExp or text), grant (grant_type), times} — all that are given must fit.
  rule(match, fault) {
    const rule = {
      left: match.times ?? Infinity, seen: 0, fault,
      fits: (x) => (!match.method || match.method === x.method) && (!match.path || (match.path instanceof RegExp ? match.path.test(x.path) : match.path === x.path)) && (!match.grant || x.form.grant_type === match.grant) && (!match.when || match.when(x)),
      stop: () => { rule.left = 0; },
    };
    this.rules.push(rule);
    return rule;
  }

  calm() { this.rules.length = 0; }
  forget() { this.log.length = 0; }
  find(match) { return this.log.filter(this.constructor.matcher(match)); }
  static matcher({ method, path, grant }) {
    return (x) => (!method || x.method === method) && (!path || (path instanceof RegExp ? path.test(x.path) : path === x.path)) && (!grant || x.form.grant_type === grant);
  }

  async start() {
    await new Promise((resolve, reject) => {
      this.listener.once('error', reject);
      this.listener.listen(0, '127.0.0.1', resolve);
    });
    this.url = `http://127.0.0.1:${this.listener.address().port}`;
    return this;
  }

  close() {
    this.agent.destroy();
    this.listener.closeAllConnections();
    return new Promise((resolve) => this.listener.close(resolve));
  }
}

export const startProxy = (target) => new Proxy(target).start();

export const paths = {
  mint: { method: 'POST', path: /^\/api\/oauth-client\/installations\/[^/]+\/tokens$/ },
  refresh: { method: 'POST', path: '/api/auth/mcp/token', grant: 'refresh_token' },
  redeem: { method: 'POST', path: '/api/auth/mcp/token', grant: 'authorization_code' },
  organizations: { method: 'GET', path: '/api/oauth-client/organizations' },
};

// Faults -----------------------------------------------------------------------------------------------------------

// The server has acted; nobody hears of it.
export const drop = () => async (x) => { await x.ask(); x.cut(); };
// The request never reaches the server.
export const refuse = () => (x) => x.cut();
export const delay = (ms) => async (x) => { await pause(ms); await x.forward(); };
// The server has acted; the answer waits until the test lets it go.
export function hold() {
  let letGo, reached;
  const held = new Promise((resolve) => { letGo = resolve; });
  const arrived = new Promise((resolve) => { reached = resolve; });
  const fault = async (x) => {
    const answer = await x.ask();
    reached(x);
    await held;
    x.answer(answer);
  };
  return Object.assign(fault, { arrived, letGo });
}
// The server hears it twice, one after the other; the client gets the second answer.
export const duplicate = () => async (x) => { await x.ask(); await x.forward(); };
export const say = (status, body = {}, headers = {}) => (x) => x.answer({ status, body, headers });
export const missingScope = (scope) => say(403, { error: 'missing_scope', required: scope }, { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` });
export const revoked = () => say(410, { error: 'grant_revoked' });
export const unauthorized = () => say(401, { error: 'invalid_token' });
export const limited = (seconds) => say(429, { error: 'rate_limited' }, seconds === undefined ? {} : { 'retry-after': String(seconds) });
// A good answer, changed by a function of its JSON.
export const change = (edit) => async (x) => {
  const answer = await x.ask();
  const body = answer.status === 200 ? JSON.stringify(edit(JSON.parse(answer.body)) ?? null) : answer.body;
  x.answer({ ...answer, body });
};
export const retype = (type) => async (x) => { const answer = await x.ask(); x.answer({ ...answer, headers: { ...answer.headers, 'content-type': type } }); };
// Half of the bytes that it promised.
export const truncate = () => async (x) => {
  const answer = await x.ask();
  x.status = answer.status;
  x.response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': answer.body.length });
  x.response.write(answer.body.subarray(0, answer.body.length >> 1), () => x.cut());
};
export const huge = (bytes) => (x) => x.answer({ body: Buffer.alloc(bytes, ' ') });
export const redirect = (to, status = 302) => (x) => x.answer({ status, headers: { location: to } });
// One byte at a time.
export const slowly = (ms) => async (x) => {
  const answer = await x.ask();
  x.response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': answer.body.length });
  for (const byte of answer.body) {
    if (x.response.destroyed) return;
    x.response.write(Buffer.from([byte]));
    await pause(ms);
  }
  x.response.end();
};
// Bytes that are no HTTP at all.
export const noise = (bytes) => (x) => { x.response.socket.end(bytes); };
