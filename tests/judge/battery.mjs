// SPDX-License-Identifier: MIT
// A black-box battery for any OAuth 2.0 authorization server. It knows metadata, two apps and an agent that walks a signed-in,
// willing person through whatever pages there are; nothing of how the server is made. Each check is a sentence of an RFC; it
// returns nothing when the sentence holds, throws when not, and throws Absent when the server does not offer the thing.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';

export class Absent extends Error {}
export const checks = [];
const check = (group, title, source, run) => checks.push({ group, title, source, run });

const form = (fields) => new URLSearchParams(Object.entries(fields).flatMap(([name, value]) => (Array.isArray(value) ? value.map((one) => [name, one]) : value === undefined ? [] : [[name, value]]))).toString();
const basic = (app) => ({ authorization: `Basic ${Buffer.from(`${encodeURIComponent(app.id)}:${encodeURIComponent(app.secret)}`).toString('base64')}` });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pkce = (verifier = randomBytes(32).toString('base64url')) => ({ verifier, challenge: createHash('sha256').update(verifier).digest('base64url') });
// Percent-encoded where nobody needs it: what decodes must be decoded, RFC 6749 2.3.1 has both parts of Basic form-encoded.
const encoded = (text) => [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');

// The target's endpoints as its metadata names them, and one step of the protocol a method.
export class Judge {
  constructor(target) { this.target = target; }

  async prepare() {
    const answer = await fetch(this.target.metadata);
    this.meta = await answer.json();
    return this;
  }

  async post(endpoint, fields, headers = {}) {
    const url = this.meta[endpoint];
    if (!url) throw new Absent(endpoint);
    const answer = await fetch(url, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: typeof fields === 'string' ? fields : form(fields) });
    const text = await answer.text();
    let body;
    try { body = JSON.parse(text); } catch { body = undefined; }
    return { status: answer.status, headers: answer.headers, text, body };
  }

  as(app, fields) { return { ...fields, client_id: app.id, ...(app.secret && { client_secret: app.secret }) }; }
  token(app, fields, headers) { return this.post('token_endpoint', this.as(app, fields), headers); }
  refresh(app, token, more) { return this.token(app, { grant_type: 'refresh_token', refresh_token: token, ...more }); }
  introspect(app, token) { return this.post('introspection_endpoint', this.as(app, { token })); }
  revoke(app, token) { return this.post('revocation_endpoint', this.as(app, { token })); }

  url(app, changes = {}, proof) {
    const all = { response_type: 'code', client_id: app.id, redirect_uri: app.redirect, scope: this.target.scope, state: 'st 1&ü', ...(proof && { code_challenge: proof.challenge, code_challenge_method: 'S256' }), ...this.target.extra, ...changes };
    return `${this.meta.authorization_endpoint}?${form(all)}`;
  }

  // Where the person ends: {redirect: URL | null, status, text, headers}. A redirect is one to another origin.
  visit(url) { return this.target.visit(url); }

  async code(app = this.target.web, changes = {}, proof = pkce()) {
    const { redirect, status, text } = await this.visit(this.url(app, changes, proof));
    assert.ok(redirect?.searchParams.get('code'), `no code: ${redirect ?? `${status} ${text?.slice(0, 200)}`}`);
    return { code: redirect.searchParams.get('code'), verifier: proof.verifier, redirect: app.redirect, app, answer: redirect };
  }

  redeem(code, changes = {}, app = code.app) {
    return this.token(app, { grant_type: 'authorization_code', code: code.code, redirect_uri: code.redirect, code_verifier: code.verifier, ...changes });
  }

  async tokens(app = this.target.web) {
    const answer = await this.redeem(await this.code(app));
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  }

  async active(token, app = this.target.web) {
    const { body } = await this.introspect(app, token);
    return body?.active === true;
  }
}

const refused = (answer, error, status = 400) => {
  assert.equal(answer.body?.error, error, `${answer.status} ${answer.text.slice(0, 200)}`);
  assert.equal(answer.status, status);
};
const stays = ({ redirect, status }, what) => {
  assert.equal(redirect, null, `${what}: redirected to ${redirect}`);
  assert.ok(status >= 400 && status < 500, `${what}: ${status}`);
};
const errorAt = ({ redirect, status }, ...errors) => {
  assert.ok(redirect, `no redirect: ${status}`);
  assert.ok(errors.includes(redirect.searchParams.get('error')), `${redirect}`);
  assert.equal(redirect.searchParams.get('code'), null);
  return redirect;
};
const rotates = async (j) => {
  const one = await j.tokens(j.target.native);
  if (!one.refresh_token) throw new Absent('refresh token');
  const two = await j.refresh(j.target.native, one.refresh_token);
  assert.equal(two.status, 200, two.text);
  return { first: one.refresh_token, second: two.body };
};

// Metadata ---------------------------------------------------------------------------------------
check('Metadata', 'lies where RFC 8414 says, with the issuer it was asked for', 'RFC 8414 3', async (j) => {
  const issuer = new URL(j.target.issuer);
  const at = `${issuer.origin}/.well-known/oauth-authorization-server${issuer.pathname.replace(/\/$/, '')}`;
  const answer = await fetch(at);
  assert.equal(answer.status, 200, at);
  assert.equal((await answer.json()).issuer, j.target.issuer);
});
check('Metadata', 'S256 is advertised, plain is not', 'RFC 8414 2, RFC 9700 2.1.1', (j) => assert.deepEqual(j.meta.code_challenge_methods_supported, ['S256']));
check('Metadata', 'answers are said to carry iss', 'RFC 9207 3', (j) => assert.equal(j.meta.authorization_response_iss_parameter_supported, true));
check('Metadata', 'only the code flow is offered', 'RFC 9700 2.1.2', (j) => assert.deepEqual(j.meta.response_types_supported.filter((type) => type !== 'none'), ['code']));
check('Metadata', 'every advertised endpoint is alive', 'RFC 8414 2', async (j) => {
  for (const [name, url] of Object.entries(j.meta).filter(([name, value]) => /_endpoint$|^jwks_uri$/.test(name) && typeof value === 'string')) {
    const answer = await fetch(url, { method: /jwks|authorization_endpoint|userinfo|end_session/.test(name) ? 'GET' : 'POST', redirect: 'manual' });
    assert.ok(answer.status !== 404 && answer.status < 500, `${name}: ${answer.status}`);
  }
});
check('Metadata', 'pages of other origins may read it', 'RFC 9700 2.6', async (j) => {
  const answer = await fetch(j.target.metadata, { headers: { origin: 'https://app.example' } });
  assert.ok(['*', 'https://app.example'].includes(answer.headers.get('access-control-allow-origin')));
});
check('Metadata', 'no algorithm "none", no empty list, no null', 'RFC 8414 3.2, RFC 8725 3.2', (j) => {
  for (const [name, value] of Object.entries(j.meta)) {
    assert.ok(value !== null && !(Array.isArray(value) && value.length === 0), name);
    if (/alg_values/.test(name)) assert.ok(!value.includes('none'), name);
  }
});

check('Metadata', 'the Host header changes no address in it', 'RFC 9700 4.13', async (j) => {
  const { hostname, port, pathname } = new URL(j.target.metadata);
  const text = await new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path: pathname, headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts).toString()));
    });
    request.on('error', reject);
  });
  assert.doesNotMatch(text, /evil\.example/);
});

// Authorization endpoint ----------------------------------------------------------------------------
check('Authorize', 'an unknown app is a page, no redirect', 'RFC 6749 4.1.2.1', async (j) => stays(await j.visit(j.url(j.target.web, { client_id: 'nobody' })), 'unknown client'));
check('Authorize', 'an unregistered redirect URI is a page, no redirect', 'RFC 6749 4.1.2.1', async (j) => stays(await j.visit(j.url(j.target.web, { redirect_uri: 'https://evil.example/cb' }, pkce())), 'other host'));
check('Authorize', 'a redirect URI that almost fits does not', 'RFC 9700 4.1.3', async (j) => {
  const good = j.target.web.redirect, { host, pathname } = new URL(good);
  for (const near of [`${good}/`, `${good}?x=1`, `${good}#x`, good.replace(pathname, pathname.toUpperCase()), good.replace(host, `user@${host}`), good.replace(host, `${host}.evil.example`), good.replace(host, `${host}:444`), good.replace(host, `${host}\\@evil.example`), good.replace('https', 'http'), `${good}/../evil`, good.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`), `${good} `]) {
    stays(await j.visit(j.url(j.target.web, { redirect_uri: near }, pkce())), near);
  }
});
check('Authorize', 'on loopback the port of a native app does not count', 'RFC 8252 7.3', async (j) => {
  const moved = new URL(j.target.native.redirect);
  moved.port = String(Number(moved.port) + 7);
  const { redirect } = await j.visit(j.url(j.target.native, { redirect_uri: moved.href }, pkce()));
  assert.equal(redirect?.port, moved.port, `${redirect}`);
});
check('Authorize', 'localhost does not stand for 127.0.0.1', 'RFC 8252 8.3', async (j) => stays(await j.visit(j.url(j.target.native, { redirect_uri: j.target.native.redirect.replace('127.0.0.1', 'localhost') }, pkce())), 'localhost'));
check('Authorize', 'a missing response_type goes back with state', 'RFC 6749 4.1.2.1', async (j) => {
  const back = errorAt(await j.visit(j.url(j.target.web, { response_type: undefined }, pkce())), 'invalid_request', 'unsupported_response_type');
  assert.equal(back.searchParams.get('state'), 'st 1&ü');
});
check('Authorize', 'response_type=token goes back as unsupported_response_type', 'RFC 6749 4.1.2.1', async (j) => {
  const { redirect, status } = await j.visit(j.url(j.target.web, { response_type: 'token' }, pkce()));
  assert.ok(redirect, `${status}`);
  assert.match(redirect.href, /error=(unsupported_response_type|unauthorized_client|invalid_request)/);
  assert.doesNotMatch(redirect.href, /access_token/);
});
check('Authorize', 'a repeated parameter is an error, neither the first nor the last', 'RFC 6749 3.1', async (j) => {
  const { redirect, status } = await j.visit(j.url(j.target.web, { scope: [j.target.scope, j.target.scope] }, pkce()));
  assert.ok(redirect ? redirect.searchParams.get('error') : status >= 400 && status < 500, `${status} ${redirect}`);
});
check('Authorize', 'an unknown parameter is ignored', 'RFC 6749 3.1', async (j) => assert.ok((await j.visit(j.url(j.target.web, { unheard_of: 'x' }, pkce()))).redirect?.searchParams.get('code')));
check('Authorize', 'state comes back byte for byte, 1 KiB of it', 'RFC 6749 4.1.2', async (j) => {
  const state = '%7B"a":[1,2]}+ /?&=ü' + 'x'.repeat(1000);
  assert.equal((await j.visit(j.url(j.target.web, { state }, pkce()))).redirect?.searchParams.get('state'), state);
});
check('Authorize', 'no state, none back', 'RFC 6749 4.1.2', async (j) => {
  const { redirect } = await j.visit(j.url(j.target.web, { state: undefined }, pkce()));
  assert.ok(redirect?.searchParams.get('code'), `${redirect}`);
  assert.equal(redirect.searchParams.has('state'), false);
});
check('Authorize', 'iss is the issuer, in answers and in errors', 'RFC 9207 2', async (j) => {
  assert.equal((await j.code()).answer.searchParams.get('iss'), j.meta.issuer);
  const { redirect } = await j.visit(j.url(j.target.web, { scope: 'no-such-scope' }, pkce()));
  assert.equal(redirect?.searchParams.get('iss'), j.meta.issuer, `${redirect}`);
});
check('Authorize', 'an unknown scope is invalid_scope or left out, never granted', 'RFC 6749 3.3', async (j) => {
  const { redirect } = await j.visit(j.url(j.target.web, { scope: `${j.target.scope} no-such-scope` }, pkce()));
  if (redirect?.searchParams.get('error')) assert.equal(redirect.searchParams.get('error'), 'invalid_scope');
  else assert.ok(redirect?.searchParams.get('code'), `${redirect}`);
});
check('Authorize', 'an app without a secret must send a challenge', 'RFC 9700 2.1.1', async (j) => {
  const { redirect, status } = await j.visit(j.url(j.target.native));
  assert.ok(redirect ? redirect.searchParams.get('error') === 'invalid_request' : status >= 400, `${redirect ?? status}`);
});
check('Authorize', 'plain is refused, also by leaving the method out', 'RFC 7636 4.3, RFC 9700 2.1.1', async (j) => {
  for (const method of ['plain', undefined, 's256']) {
    const { redirect, status } = await j.visit(j.url(j.target.native, { code_challenge: pkce().challenge, code_challenge_method: method }));
    assert.ok(redirect ? redirect.searchParams.get('error') : status >= 400, `${method}: ${redirect ?? status}`);
  }
});
check('Authorize', 'a challenge that is no SHA-256 is refused', 'RFC 7636 4.2', async (j) => {
  const { redirect, status } = await j.visit(j.url(j.target.native, { code_challenge: 'short', code_challenge_method: 'S256' }));
  assert.ok(redirect ? redirect.searchParams.get('error') : status >= 400, `${redirect ?? status}`);
});
check('Authorize', 'prompt=none without a session is login_required', 'OIDC Core 3.1.2.6', async (j) => {
  const { redirect, status } = await j.target.stranger(j.url(j.target.web, { prompt: 'none', scope: j.target.openid ?? j.target.scope }, pkce()));
  assert.equal(redirect?.searchParams.get('error'), 'login_required', `${redirect ?? status}`);
});
check('Authorize', 'prompt=none beside another value is an error', 'OIDC Core 3.1.2.1', async (j) => {
  const { redirect, status } = await j.visit(j.url(j.target.web, { prompt: 'none consent', scope: j.target.openid ?? j.target.scope }, pkce()));
  assert.ok(redirect ? redirect.searchParams.get('error') : status >= 400 && status < 500, `${redirect ?? status}`);
});
check('Authorize', 'parameters without a value count as omitted', 'RFC 6749 3.1', async (j) => {
  const empty = Object.fromEntries(['response_mode', 'nonce', 'login_hint', 'ui_locales', 'resource'].map((name) => [name, '']));
  const { redirect, status } = await j.visit(j.url(j.target.web, empty, pkce()));
  assert.ok(redirect?.searchParams.get('code'), `${redirect ?? status}`);
});
check('Authorize', 'broken escapes and NUL are refused without a 5xx', 'RFC 3986 2.1', async (j) => {
  for (const more of ['&nonce=%', '&nonce=%zz', '&nonce=%ff%fe', '&nonce=%00', '&scope=%00']) {
    const { redirect, status } = await j.visit(j.url(j.target.web, {}, pkce()) + more);
    assert.ok(redirect || status < 500, `${more}: ${status}`);
  }
});
check('Authorize', 'no CORS', 'RFC 9700 2.6', async (j) => {
  const answer = await fetch(j.url(j.target.web, {}, pkce()), { redirect: 'manual', headers: { origin: 'https://app.example' } });
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
});
check('Authorize', 'descriptions of errors are printable ASCII', 'RFC 6749 4.1.2.1', async (j) => {
  const back = errorAt(await j.visit(j.url(j.target.web, { response_type: 'bü\n"' }, pkce())), 'unsupported_response_type', 'invalid_request', 'unauthorized_client');
  assert.match(back.searchParams.get('error_description') ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/);
});
check('Authorize', 'pages cannot be framed and send no code onwards', 'RFC 9700 4.16, 4.2', async (j) => {
  if (!j.target.page) throw new Absent('pages are the application\'s own');
  const { headers } = await j.target.page(j.url(j.target.web, { state: 'x' }, pkce()));
  const policy = headers.get('content-security-policy') ?? '';
  assert.ok(/frame-ancestors 'none'/.test(policy) || /^deny$/i.test(headers.get('x-frame-options') ?? ''), 'can be framed');
  assert.match(headers.get('referrer-policy') ?? '', /no-referrer|origin/);
});

// Code and token endpoint -----------------------------------------------------------------------------
check('Token', 'a good answer: 200, JSON, no-store, token_type', 'RFC 6749 5.1', async (j) => {
  const answer = await j.redeem(await j.code());
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.match(answer.headers.get('cache-control') ?? '', /no-store/);
  assert.match(answer.body.token_type, /^bearer$/i);
  assert.equal(typeof answer.body.access_token, 'string');
  assert.ok(Number.isInteger(answer.body.expires_in));
  assert.ok(!Object.values(answer.body).includes(null), 'null members');
});
check('Token', 'nor do the caches of HTTP/1.0 store it', 'RFC 6749 5.1', async (j) => assert.match((await j.redeem(await j.code())).headers.get('pragma') ?? '', /no-cache/));
check('Token', 'a code works once', 'RFC 6749 4.1.2', async (j) => {
  const code = await j.code();
  assert.equal((await j.redeem(code)).status, 200);
  refused(await j.redeem(code), 'invalid_grant');
});
check('Token', 'a replayed code ends what the first one gave', 'RFC 6749 4.1.2', async (j) => {
  const code = await j.code();
  const { body } = await j.redeem(code);
  await j.redeem(code);
  if (body.refresh_token) assert.notEqual((await j.refresh(j.target.web, body.refresh_token)).status, 200, 'the refresh token lives');
  if (j.meta.introspection_endpoint) assert.equal(await j.active(body.access_token), false, 'the access token lives');
});
check('Token', 'a used code that another app presents ends nothing', 'RFC 6749 4.1.3', async (j) => {
  const code = await j.code(j.target.native);
  const { body } = await j.redeem(code);
  if (!body.refresh_token) throw new Absent('refresh token');
  refused(await j.redeem(code, {}, j.target.web), 'invalid_grant');
  assert.equal((await j.refresh(j.target.native, body.refresh_token)).status, 200, 'anybody who sees an old code can disconnect the person');
});
check('Token', 'eight redemptions at once: exactly one succeeds', 'RFC 9700 4.2.4', async (j) => {
  const code = await j.code();
  const all = await Promise.all(Array.from({ length: 8 }, () => j.redeem(code)));
  assert.equal(all.filter(({ status }) => status === 200).length, 1);
  assert.ok(all.every(({ status }) => status === 200 || status === 400), `${all.map(({ status }) => status)}`);
});
check('Token', 'a wrong or missing verifier is refused', 'RFC 7636 4.6', async (j) => {
  refused(await j.redeem(await j.code(j.target.native), { code_verifier: pkce().verifier }), 'invalid_grant');
  const missing = await j.redeem(await j.code(j.target.native), { code_verifier: undefined });
  assert.ok(['invalid_grant', 'invalid_request'].includes(missing.body?.error), missing.text);
});
check('Token', 'a verifier of 128 characters fits, ~ as %7E too; one below 43 does not, although it is the one', 'RFC 7636 4.1', async (j) => {
  const long = pkce(`${'~._-Zz90'.repeat(16)}`), short = pkce('only-thirty-characters-are-here');
  const one = await j.code(j.target.native, {}, long);
  const good = await j.post('token_endpoint', form(j.as(j.target.native, { grant_type: 'authorization_code', code: one.code, redirect_uri: one.redirect, code_verifier: long.verifier })).replaceAll('~', '%7E'));
  assert.equal(good.status, 200, good.text);
  const bad = await j.redeem(await j.code(j.target.native, {}, short));
  assert.ok(['invalid_grant', 'invalid_request'].includes(bad.body?.error), bad.text);
});
check('Token', 'a verifier without a challenge is refused (downgrade)', 'RFC 9700 4.8.2', async (j) => {
  const { redirect } = await j.visit(j.url(j.target.web));
  const code = redirect?.searchParams.get('code');
  if (!code) return; // the challenge is needed: nothing to downgrade
  const answer = await j.token(j.target.web, { grant_type: 'authorization_code', code, redirect_uri: j.target.web.redirect, code_verifier: pkce().verifier });
  assert.notEqual(answer.status, 200, 'accepted');
});
check('Token', 'a code of another app is refused and stays good', 'RFC 6749 4.1.3', async (j) => {
  const code = await j.code(j.target.native);
  refused(await j.redeem(code, {}, j.target.web), 'invalid_grant');
  assert.equal((await j.redeem(code)).status, 200, 'the owner cannot redeem it any more');
});
check('Token', 'another redirect URI is invalid_grant', 'RFC 6749 5.2', async (j) => refused(await j.redeem(await j.code(), { redirect_uri: `${j.target.web.redirect}x` }), 'invalid_grant'));
check('Token', 'an unknown code is invalid_grant', 'RFC 6749 5.2', async (j) => refused(await j.token(j.target.web, { grant_type: 'authorization_code', code: 'nope', redirect_uri: j.target.web.redirect, code_verifier: pkce().verifier }), 'invalid_grant'));
check('Token', 'an unknown grant type is unsupported_grant_type', 'RFC 6749 5.2', async (j) => refused(await j.token(j.target.web, { grant_type: 'password', username: 'a', password: 'b' }), 'unsupported_grant_type'));
check('Token', 'a missing grant_type is invalid_request', 'RFC 6749 5.2', async (j) => refused(await j.token(j.target.web, {}), 'invalid_request'));
check('Token', 'a repeated parameter is invalid_request', 'RFC 6749 3.2', async (j) => {
  const fields = form(j.as(j.target.web, { grant_type: 'refresh_token', refresh_token: (await j.tokens()).refresh_token }));
  refused(await j.post('token_endpoint', `${fields}&grant_type=refresh_token`), 'invalid_request');
});
check('Token', 'parameters without a value count as omitted', 'RFC 6749 3.2', async (j) => {
  const answer = await j.redeem(await j.code(), { scope: '', resource: '' });
  assert.equal(answer.status, 200, answer.text);
});
check('Token', 'the media type in any case, and with a charset', 'RFC 9110 8.3.1', async (j) => {
  const code = await j.code();
  const answer = await j.token(code.app, { grant_type: 'authorization_code', code: code.code, redirect_uri: code.redirect, code_verifier: code.verifier }, { 'content-type': 'Application/X-WWW-Form-URLencoded; charset=UTF-8' });
  assert.equal(answer.status, 200, answer.text);
});
check('Token', 'Basic in any case, with both parts form-encoded', 'RFC 6749 2.3.1, RFC 9110 11.1', async (j) => {
  const app = j.target.basic ?? j.target.web;
  for (const [scheme, form] of [['basic', (text) => text], ['Basic', encoded]]) {
    const code = await j.code(app);
    const credential = Buffer.from(`${form(app.id)}:${form(app.secret)}`).toString('base64');
    const answer = await j.post('token_endpoint', { grant_type: 'authorization_code', code: code.code, redirect_uri: code.redirect, code_verifier: code.verifier }, { authorization: `${scheme} ${credential}` });
    assert.equal(answer.status, 200, `${scheme}: ${answer.text}`);
  }
});
check('Token', 'a wrong secret in the header is 401 with a Basic challenge', 'RFC 6749 5.2', async (j) => {
  const code = await j.code(j.target.basic ?? j.target.web);
  const answer = await j.post('token_endpoint', { grant_type: 'authorization_code', code: code.code, redirect_uri: code.redirect, code_verifier: code.verifier }, basic({ ...code.app, secret: 'wrong' }));
  refused(answer, 'invalid_client', 401);
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic/i);
});
check('Token', 'a wrong secret in the body is invalid_client, and never a secret works from the address', 'RFC 6749 2.3.1, 5.2', async (j) => {
  const token = (await j.tokens()).refresh_token;
  if (!token) throw new Absent('refresh token');
  const answer = await j.refresh({ ...j.target.web, secret: 'wrong' }, token);
  assert.equal(answer.body?.error, 'invalid_client', answer.text);
  const at = await fetch(`${j.meta.token_endpoint}?${form(j.as(j.target.web, {}))}`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form({ grant_type: 'refresh_token', refresh_token: token }) });
  assert.notEqual(at.status, 200);
});
check('Token', 'two ways to authenticate at once are refused', 'RFC 6749 2.3', async (j) => {
  const answer = await j.post('token_endpoint', j.as(j.target.web, { grant_type: 'refresh_token', refresh_token: 'x' }), basic(j.target.web));
  assert.ok(['invalid_request', 'invalid_client'].includes(answer.body?.error), answer.text);
});
check('Token', 'GET is 405 or 404, and other types of body are no 5xx', 'RFC 6749 3.2', async (j) => {
  assert.ok([404, 405].includes((await fetch(j.meta.token_endpoint, { redirect: 'manual' })).status));
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/json; charset=utf-7', '']) {
    const answer = await j.post('token_endpoint', 'grant_type=refresh_token', { 'content-type': type });
    assert.ok(answer.status >= 400 && answer.status < 500, `${type}: ${answer.status}`);
  }
});
check('Token', 'errors are JSON and not stored', 'RFC 6749 5.2', async (j) => {
  const answer = await j.refresh(j.target.web, 'nope');
  refused(answer, 'invalid_grant');
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.match(answer.headers.get('cache-control') ?? '', /no-store/);
});
check('Token', 'pages may use it, and read its errors', 'RFC 10017', async (j) => {
  const origin = { origin: j.target.pageOrigin ?? 'https://app.example' };
  const preflight = await fetch(j.meta.token_endpoint, { method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
  assert.ok(preflight.ok && preflight.headers.get('access-control-allow-origin'), `preflight: ${preflight.status}`);
  const answer = await j.post('token_endpoint', { grant_type: 'refresh_token', refresh_token: 'x', client_id: j.target.native.id }, origin);
  assert.ok(answer.headers.get('access-control-allow-origin'), 'an error cannot be read');
});
check('Token', 'broken escapes, NUL and 100 KiB are refused without a 5xx', 'RFC 3986 2.1', async (j) => {
  for (const body of ['grant_type=%', 'grant_type=%zz&client_id=%ff', `grant_type=refresh_token&refresh_token=${'x'.repeat(100_000)}`, `${form(j.as(j.target.web, { grant_type: 'refresh_token' }))}&refresh_token=a%00b`, `grant_type=refresh_token&${'a=b&'.repeat(2000)}`]) {
    const answer = await j.post('token_endpoint', body);
    assert.ok(answer.status >= 400 && answer.status < 500, `${body.slice(0, 30)}: ${answer.status}`);
  }
});

// Refresh -----------------------------------------------------------------------------------------------
check('Refresh', 'every answer has token_type and a refresh token to go on with', 'RFC 6749 5.1, 6', async (j) => {
  const one = await j.tokens();
  if (!one.refresh_token) throw new Absent('refresh token');
  const { status, body, text } = await j.refresh(j.target.web, one.refresh_token);
  assert.equal(status, 200, text);
  assert.match(body.token_type, /^bearer$/i);
  assert.equal((await j.refresh(j.target.web, body.refresh_token ?? one.refresh_token)).status, 200);
});
check('Refresh', 'an app without a secret gets a new one each time', 'RFC 9700 2.2.2', async (j) => {
  const { first, second } = await rotates(j);
  assert.notEqual(second.refresh_token, first);
});
check('Refresh', 'a lost answer can be asked for again at once', 'RFC 9700 4.14.2 (implementations)', async (j) => {
  const { first } = await rotates(j);
  const again = await j.refresh(j.target.native, first);
  assert.equal(again.status, 200, again.text);
  assert.equal((await j.refresh(j.target.native, again.body.refresh_token)).status, 200);
});
check('Refresh', 'eight honest refreshes at once leave the person signed in', 'RFC 9700 4.14.2 (implementations)', async (j) => {
  const one = await j.tokens(j.target.native);
  const all = await Promise.all(Array.from({ length: 8 }, () => j.refresh(j.target.native, one.refresh_token)));
  const good = all.filter(({ status }) => status === 200);
  assert.ok(good.length > 0);
  assert.equal((await j.refresh(j.target.native, good.at(-1).body.refresh_token)).status, 200, 'the family is dead');
});
check('Refresh', 'no race leaves two live lineages', 'RFC 9700 4.14.2', async (j) => {
  const one = await j.tokens(j.target.native);
  const all = await Promise.all(Array.from({ length: 8 }, () => j.refresh(j.target.native, one.refresh_token)));
  const lines = new Set(all.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token));
  assert.ok(lines.size <= 1, `${lines.size} different successors`);
});
check('Refresh', 'reuse after the grace is refused and ends the family', 'RFC 9700 4.14.2', async (j) => {
  const { first, second } = await rotates(j);
  await pause(j.target.graceMs ?? 0);
  refused(await j.refresh(j.target.native, first), 'invalid_grant');
  assert.notEqual((await j.refresh(j.target.native, second.refresh_token)).status, 200, 'the thief goes on');
});
check('Refresh', 'scope does not grow', 'RFC 6749 6', async (j) => {
  const one = await j.tokens();
  const answer = await j.refresh(j.target.web, one.refresh_token, { scope: `${j.target.scope} ${j.target.further}` });
  refused(answer, 'invalid_scope');
});
check('Refresh', 'a narrower scope narrows the access token, not what comes later', 'RFC 6749 6', async (j) => {
  const one = await j.tokens();
  const less = await j.refresh(j.target.web, one.refresh_token, { scope: j.target.narrower });
  assert.equal(less.status, 200, less.text);
  assert.equal(less.body.scope, j.target.narrower);
  const again = await j.refresh(j.target.web, less.body.refresh_token ?? one.refresh_token);
  assert.equal(again.status, 200, again.text);
  assert.deepEqual(again.body.scope.split(' ').sort(), j.target.scope.split(' ').sort());
});
check('Refresh', 'another app cannot use it', 'RFC 6749 6', async (j) => refused(await j.refresh(j.target.web, (await j.tokens(j.target.native)).refresh_token), 'invalid_grant'));
check('Refresh', 'an access token is no refresh token', 'RFC 6749 1.5', async (j) => refused(await j.refresh(j.target.web, (await j.tokens()).access_token), 'invalid_grant'));
check('Refresh', 'an app with a secret must prove it', 'RFC 6749 6', async (j) => {
  const answer = await j.refresh({ id: j.target.web.id }, (await j.tokens()).refresh_token);
  assert.equal(answer.body?.error, 'invalid_client', answer.text);
});

// Revocation ----------------------------------------------------------------------------------------------
check('Revocation', 'an unknown token is 200', 'RFC 7009 2.2', async (j) => assert.equal((await j.revoke(j.target.web, 'nope')).status, 200));
check('Revocation', 'a revoked refresh token takes its access token along', 'RFC 7009 2.1', async (j) => {
  const one = await j.tokens();
  assert.equal((await j.revoke(j.target.web, one.refresh_token)).status, 200);
  refused(await j.refresh(j.target.web, one.refresh_token), 'invalid_grant');
  if (j.meta.introspection_endpoint) assert.equal(await j.active(one.access_token), false, 'the access token lives');
});
check('Revocation', 'a wrong hint finds the token all the same', 'RFC 7009 2.1', async (j) => {
  const one = await j.tokens();
  const answer = await j.post('revocation_endpoint', j.as(j.target.web, { token: one.refresh_token, token_type_hint: 'access_token' }));
  assert.equal(answer.status, 200, answer.text);
  refused(await j.refresh(j.target.web, one.refresh_token), 'invalid_grant');
});
check('Revocation', 'another app cannot revoke', 'RFC 7009 2.1', async (j) => {
  const one = await j.tokens(j.target.native);
  await j.revoke(j.target.web, one.refresh_token);
  assert.equal((await j.refresh(j.target.native, one.refresh_token)).status, 200);
});
check('Revocation', 'an app with a secret must prove it', 'RFC 7009 2.1', async (j) => {
  const answer = await j.post('revocation_endpoint', { token: 'x', client_id: j.target.web.id });
  assert.equal(answer.body?.error, 'invalid_client', `${answer.status} ${answer.text}`);
});

// Introspection -------------------------------------------------------------------------------------------
check('Introspection', 'an active token tells scope, app, person, expiry, issuer', 'RFC 7662 2.2', async (j) => {
  const { status, body, text } = await j.introspect(j.target.web, (await j.tokens()).access_token);
  assert.equal(status, 200, text);
  assert.equal(body.active, true);
  assert.equal(body.client_id, j.target.web.id);
  for (const name of ['scope', 'sub', 'exp', 'iss']) assert.ok(body[name], `no ${name}: ${text}`);
});
check('Introspection', 'an unknown token is exactly {"active":false}', 'RFC 7662 2.2', async (j) => {
  const { status, body } = await j.introspect(j.target.web, 'nope');
  assert.equal(status, 200);
  assert.deepEqual(body, { active: false });
});
check('Introspection', 'who asks is authenticated', 'RFC 7662 2.1', async (j) => {
  const { access_token: token } = await j.tokens();
  const answer = await j.post('introspection_endpoint', { token });
  assert.ok([400, 401].includes(answer.status), `${answer.status} ${answer.text}`);
  const wrong = await j.introspect({ ...j.target.web, secret: 'wrong' }, token);
  assert.equal(wrong.body?.error, 'invalid_client', wrong.text);
});
check('Introspection', 'a refresh token of another app tells nothing', 'RFC 7662 4', async (j) => {
  const { body, status } = await j.introspect(j.target.web, (await j.tokens(j.target.native)).refresh_token);
  assert.ok(status >= 400 || body.active === false, JSON.stringify(body));
});
check('Introspection', 'a revoked token is not active', 'RFC 7662 2.2', async (j) => {
  const one = await j.tokens();
  assert.equal(await j.active(one.access_token), true);
  await j.revoke(j.target.web, one.access_token);
  assert.equal(await j.active(one.access_token), false);
});

export async function judge(target, one) {
  const j = await new Judge(target).prepare();
  try {
    await one.run(j);
    return { verdict: 'pass' };
  } catch (error) {
    return error instanceof Absent ? { verdict: 'absent', why: error.message } : { verdict: 'fail', why: String(error.message ?? error).split('\n').filter(Boolean).slice(0, 4).join(' ').slice(0, 300) };
  }
}
