// SPDX-License-Identifier: MIT
// better-auth with its OAuth provider, one process. STORE: sqlite or memory (its own adapter: arrays that are searched).
import http from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { oauthProvider } from '@better-auth/oauth-provider';
import { LIFE_S, base, callback, kind, port, proof, scopes, sqlite, tell } from './load.mjs';

const TABLES = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthResource', 'oauthClientResource',
	'oauthRefreshToken', 'oauthAccessToken', 'oauthConsent', 'oauthClientAssertion', 'rateLimit'];
const AUTHORIZE = '/api/auth/oauth2/authorize', TOKEN = '/api/auth/oauth2/token';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const options = {
	baseURL: base,
	secret: 'only for measurements on loopback '.repeat(2),
	database: kind === 'memory' ? memoryAdapter(Object.fromEntries(TABLES.map((name) => [name, []]))) : await sqlite(),
	emailAndPassword: { enabled: true },
	logger: { level: 'error' },
	telemetry: { enabled: false },
	rateLimit: { enabled: false },
	plugins: [
		jwt({ disableSettingJwtHeader: true }),
		oauthProvider({
			loginPage: '/login', consentPage: '/consent', scopes, clientPrivileges: () => true,
			codeExpiresIn: LIFE_S, accessTokenExpiresIn: LIFE_S,
			rateLimit: { token: false, introspect: false, userinfo: false },
			silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
		}),
	],
};
const auth = betterAuth(options);
if (kind !== 'memory') await (await getMigrations(options)).runMigrations();

const ask = (path, init) => auth.handler(new Request(base + path, init));

async function signUp() {
	const answer = await ask('/api/auth/sign-up/email', {
		method: 'POST', headers: { 'content-type': 'application/json', origin: base },
		body: JSON.stringify({ email: 'person@bench.example', password: 'a long password', name: 'Bench' }),
	});
	if (!answer.ok) throw new Error(`sign-up: ${answer.status} ${await answer.text()}`);
	return answer.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
}

const cookie = await signUp();
const client = await auth.api.adminCreateOAuthClient({
	headers: new Headers({ cookie }),
	body: {
		client_name: 'Bench', redirect_uris: [callback], grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
		response_types: ['code'], token_endpoint_auth_method: 'client_secret_post', scope: scopes.join(' '),
		client_credentials_scopes: ['projects:read'], skip_consent: true,
	},
});

async function code(p, scope = 'offline_access projects:read') {
	const query = new URLSearchParams({ response_type: 'code', client_id: client.client_id, redirect_uri: callback, state: 'bench',
		scope, code_challenge: p.challenge, code_challenge_method: 'S256' });
	const answer = await ask(`${AUTHORIZE}?${query}`, { headers: { cookie } });
	const place = answer.headers.get('location') ?? (await answer.json()).url;
	const found = new URL(place, base).searchParams.get('code');
	if (!found) throw new Error(`authorize: ${answer.status} ${place}`);
	return found;
}

async function tokens(scope) {
	const p = proof();
	const answer = await ask(TOKEN, {
		method: 'POST', headers: FORM,
		body: new URLSearchParams({ grant_type: 'authorization_code', code: await code(p, scope), code_verifier: p.verifier,
			redirect_uri: callback, client_id: client.client_id, client_secret: client.client_secret }),
	});
	if (!answer.ok) throw new Error(`token: ${answer.status} ${await answer.text()}`);
	return answer.json();
}

http.createServer(toNodeHandler(auth)).listen(port, '127.0.0.1', () => tell(
	{ token: TOKEN, introspect: '/api/auth/oauth2/introspect', bearer: '/api/auth/oauth2/userinfo', scope: 'projects:read' },
	{
		client: { id: client.client_id, secret: client.client_secret },
		chain: async () => (await tokens()).refresh_token,
		code,
		access: async () => (await tokens('openid offline_access projects:read')).access_token,
	},
));
