// SPDX-License-Identifier: MIT
// better-auth with its OAuth provider before the judge: in memory, one process, its own defaults but for rate limits, and
// consent skipped for both apps.
import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { oauthProvider } from '@better-auth/oauth-provider';
import { freePort } from '../lib/server.mjs';
import { Agent } from './agent.mjs';

const tables = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthResource', 'oauthClientResource', 'oauthRefreshToken', 'oauthAccessToken', 'oauthConsent', 'oauthClientAssertion', 'rateLimit'];

export async function start() {
  const port = await freePort(), issuer = `http://127.0.0.1:${port}`;
  const auth = betterAuth({
    baseURL: issuer, database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))), secret: randomBytes(24).toString('hex'),
    logger: { disabled: true }, telemetry: { enabled: false }, emailAndPassword: { enabled: true }, rateLimit: { enabled: false },
    plugins: [jwt({ disableSettingJwtHeader: true }), oauthProvider({ loginPage: '/login', consentPage: '/consent', scopes: ['openid', 'profile', 'email', 'offline_access', 'read', 'write'], clientPrivileges: () => true, rateLimit: { token: false, introspect: false, userinfo: false }, silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true } })],
  });
  const handle = toNodeHandler(auth);
  const server = http.createServer(async (request, response) => {
    // The documents of the well-known addresses are mounted by the application, as its documentation says.
    const path = new URL(request.url, issuer).pathname;
    if (path.startsWith('/.well-known/oauth-authorization-server')) {
      const body = JSON.stringify(await auth.api.getOAuthServerConfig());
      response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
      return response.end(body);
    }
    if (path === '/login' || path === '/consent') { response.writeHead(200, { 'content-type': 'text/html' }); return response.end('<!doctype html><title>page of the application</title>'); }
    return handle(request, response);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const agent = new Agent(issuer);
  const signUp = await agent.request(`${issuer}/api/auth/sign-up/email`, { method: 'POST', headers: { 'content-type': 'application/json', origin: issuer }, body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery', name: 'Ada' }) });
  if (signUp.status !== 200) throw new Error(signUp.text);
  const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const add = async (method, redirect, type) => {
    const made = await auth.api.adminCreateOAuthClient({ headers: new Headers({ cookie }), body: { client_name: type, redirect_uris: [redirect], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: method, application_type: type, scope: 'openid offline_access read write', skip_consent: true } });
    return { id: made.client_id, secret: made.client_secret, redirect };
  };
  const web = await add('client_secret_post', 'https://partner.example/callback', 'web');
  const basic = await add('client_secret_basic', 'https://partner.example/callback', 'web');
  const native = await add('none', 'http://127.0.0.1:8989/callback', 'native');
  const { issuer: named } = await auth.api.getOAuthServerConfig();
  const version = JSON.parse(readFileSync(new URL('package.json', import.meta.url))).dependencies['better-auth'];
  const errorPages = ['/api/auth/error', '/error'];
  return {
    name: 'better-auth', version, issuer: named, metadata: `${issuer}/.well-known/oauth-authorization-server${new URL(named).pathname.replace(/\/$/, '')}`, web, basic, native,
    scope: 'openid offline_access read', openid: 'openid', narrower: 'openid offline_access', further: 'write',
    visit: (url) => agent.visit(url, { errorPages }), stranger: (url) => new Agent(issuer).visit(url, { errorPages }),
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}
