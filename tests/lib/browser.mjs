// SPDX-License-Identifier: MIT
// A real Chromium, and a partner's own web server on another origin, for the browser tests.
import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Server, api, authorize, freePort, slow, tokenRequest } from './server.mjs';

const require = createRequire(import.meta.url);
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const languages = ['en', 'ar', 'de', 'ja', 'tr'];
export const strings = Object.fromEntries(languages.map((code) => [code, JSON.parse(readFileSync(new URL(`../../src/web/strings/${code}.json`, import.meta.url), 'utf8'))]));
// A string of the interface with its {placeholders} filled in.
export function say(language, path, values = {}) {
  const text = path.split('.').reduce((at, name) => at[name], strings[language]);
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.BI18N_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    timeout: 60_000 * slow,
  });
}

// A fresh visitor. Whatever the pages report as an error (a refused script or style, a failed load) is in `page.faults`.
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  context.setDefaultTimeout(20_000 * slow);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (e) => page.faults.push(String(e)));
  page.on('console', (message) => { if (message.type() === 'error') page.faults.push(message.text()); });
  return page;
}

// Violations of WCAG 2.x A and AA and of axe's best practices, one line each; an empty list is what is wanted.
export async function violations(page) {
  if (!await page.evaluate(() => typeof globalThis.axe === 'object')) throw new Error('open the page with `withAxe`');
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(found.testEngine.name, 'axe ran');
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`);
}
// Init scripts are not subject to the pages' Content-Security-Policy, which allows nothing from elsewhere.
export const withAxe = (page) => page.addInitScript({ content: axeSource });

// The partner: its page, its popup's opener, its callback that exchanges the code on its own server, and what it kept.
export class Partner {
  constructor(server) {
    this.server = server;
    this.sessions = [];     // token answers
    this.callbacks = [];    // query parameters that the callback received
    this.redirectHeaders = [];
    this.onward = null;       // where the callback sends the browser next
    this.verifier = null;     // of an app without a secret
  }

  async start(host = 'localhost') {
    this.port = await freePort();
    this.url = `http://${host}:${this.port}`;
    this.redirect = `${this.url}/callback`;
    this.popupRedirect = `${this.url}/popup`;
    this.http = http.createServer((q, r) => this.answer(q, r).catch((e) => { r.statusCode = 500; r.end(String(e)); }));
    await new Promise((resolve) => this.http.listen(this.port, host === '[::1]' ? '::1' : '127.0.0.1', resolve));
    return this;
  }

  register(options = ['--type', 'web']) {
    this.app = this.server.cli(['app', 'add', '--name', 'Site Builder', '--redirect-uri', this.redirect, '--redirect-uri', this.popupRedirect, ...options]);
    return this.app;
  }

  authorizeUrl(params = {}) {
    const all = { client_id: this.app.clientId, redirect_uri: this.redirect, response_type: 'code', scope: 'org:read projects:read translations:read translations:publish', state: 'partner-state', ...params };
    return `${this.server.url}/api/auth/mcp/authorize?${new URLSearchParams(all)}`;
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    const page = (title, body) => response.end(`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>${title}</title><h1>${title}</h1>${body}`);
    if (url.pathname === '/') {
      return page('Partner', `<a id="connect" href="${this.authorizeUrl().replaceAll('&', '&amp;')}">Connect translations</a>
<button id="popup">Connect in a window</button><output id="heard"></output>
<script>
document.querySelector('#popup').onclick = () => window.open(${JSON.stringify(this.authorizeUrl({ redirect_uri: this.popupRedirect }))}, 'connect', 'popup,width=480,height=720');
addEventListener('message', (e) => { if (e.origin === location.origin) document.querySelector('#heard').textContent = e.data; });
</script>`);
    }
    if (url.pathname === '/popup') {
      return page('Connected', `<script>
if (window.opener) { window.opener.postMessage('code=' + new URLSearchParams(location.search).has('code') + ' state=' + new URLSearchParams(location.search).get('state'), location.origin); window.close(); }
else document.body.append('no opener');
</script>`);
    }
    if (url.pathname === '/landed') return page('Landed', '');
    if (url.pathname !== '/callback') { response.statusCode = 404; return page('Nothing here', ''); }
    const got = Object.fromEntries(url.searchParams);
    this.callbacks.push(got);
    this.redirectHeaders.push(request.headers);
    if (this.onward) { response.writeHead(303, { location: this.onward }); return response.end(); }
    if (got.error) return page('Not connected', `<p id="error">${got.error}</p>`);
    const answer = await tokenRequest(this.server, { grant_type: 'authorization_code', code: got.code, redirect_uri: this.redirect, client_id: this.app.clientId, ...(this.app.clientSecret && { client_secret: this.app.clientSecret }), ...(this.verifier && { code_verifier: this.verifier }) });
    if (answer.status !== 200) { response.statusCode = 502; return page('Exchange failed', `<p>${answer.status}</p>`); }
    this.sessions.push(answer.body);
    return page('Connected', `<p id="grant">${answer.body.grant_id}</p>`);
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}

export async function signIn(page, person) {
  await page.locator('[name=email]').fill(person.email);
  await page.locator('[name=password]').fill(person.password);
  await page.locator('main button[type=submit]').click();
}

// A server whose `public_url` is known before it starts, so that `bi18n demo` can run on the empty store first.
export async function demoServer() {
  const server = new Server();
  server.port = await freePort();
  server.settings.listen = `127.0.0.1:${server.port}`;
  const demo = server.run(['demo']);
  assert.equal(demo.status, 0, demo.stderr);
  await server.start();
  const text = demo.stdout;
  const word = (pattern) => pattern.exec(text)?.[1] ?? assert.fail(`demo did not print ${pattern}:\n${text}`);
  return {
    server, text,
    connectUrl: word(/^\s*(http\S+\/authorize\?\S+)$/m),
    clientId: word(/CLIENT_ID=(\S+)/), clientSecret: word(/CLIENT_SECRET=(\S+)/),
    owner: { email: 'owner@demo.example', password: word(/owner@demo\.example .*password: (\S+)/) },
    translator: { email: 'translator@demo.example', password: word(/translator@demo\.example .*password: (\S+)/) },
  };
}

export { api, authorize };
