// SPDX-License-Identifier: MIT
// node-oidc-provider before the judge: in memory, one process, features of RFC 7009 and 7662 on, PKCE as its own documents
// recommend. Sign-in and consent are answered by the interaction route: whoever comes is the one person and agrees.
import { readFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';
import { freePort } from '../lib/server.mjs';
import { Agent } from './agent.mjs';

const scopes = ['openid', 'offline_access', 'read', 'write'];
const common = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope: scopes.join(' '), id_token_signed_response_alg: 'ES256' };

export async function start() {
  const port = await freePort(), issuer = `http://127.0.0.1:${port}`;
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const web = { id: 'web', secret: randomBytes(24).toString('hex'), redirect: 'https://partner.example/callback' };
  const basic = { id: 'basic', secret: randomBytes(24).toString('hex'), redirect: web.redirect };
  const native = { id: 'native', redirect: 'http://127.0.0.1:8989/callback' };
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] }, cookies: { keys: [randomBytes(24).toString('hex')] }, scopes, responseTypes: ['code'],
    clients: [
      { ...common, client_id: web.id, client_secret: web.secret, redirect_uris: [web.redirect], token_endpoint_auth_method: 'client_secret_post' },
      { ...common, client_id: basic.id, client_secret: basic.secret, redirect_uris: [basic.redirect], token_endpoint_auth_method: 'client_secret_basic' },
      { ...common, client_id: native.id, redirect_uris: [native.redirect], token_endpoint_auth_method: 'none', application_type: 'native' },
    ],
    features: { introspection: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId || client.clientAuthMethod !== 'none' && token.kind !== 'RefreshToken' }, revocation: { enabled: true }, devInteractions: { enabled: false } },
    clientBasedCORS: (_, origin) => origin === 'https://app.example',
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: async () => true, rotateRefreshToken: (context) => context.oidc.client.clientAuthMethod === 'none',
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` }, pkce: { required: (_, client) => client.clientAuthMethod === 'none' },
  });
  provider.on('server_error', () => {});
  const handle = provider.callback();
  const server = http.createServer(async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return handle(request, response);
    try {
      const { params, prompt, grantId } = await provider.interactionDetails(request, response);
      if (prompt.name === 'login') return await provider.interactionFinished(request, response, { login: { accountId: 'ada' } });
      const grant = (grantId && await provider.Grant.find(grantId)) || new provider.Grant({ accountId: 'ada', clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
    } catch (error) { response.statusCode = 500; response.end(String(error)); }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const agent = new Agent(issuer);
  const version = JSON.parse(readFileSync(new URL('package.json', import.meta.url))).dependencies['oidc-provider'];
  const target = {
    name: 'node-oidc-provider', version, issuer, metadata: `${issuer}/.well-known/openid-configuration`, web, basic, native,
    scope: 'openid offline_access read', openid: 'openid', narrower: 'openid offline_access', further: 'write', extra: { prompt: 'consent' },
    visit: (url) => agent.visit(url), stranger: (url) => new Agent(issuer).visit(url.replace('prompt=consent&', '')),
    stop: () => { server.closeAllConnections(); server.close(); },
  };
  await agent.visit(`${issuer}/auth?client_id=web&response_type=code&redirect_uri=${encodeURIComponent(web.redirect)}&scope=openid`);
  return target;
}
