// SPDX-License-Identifier: MIT
// node-oidc-provider, one process. STORE: memory (a Map: the adapter it ships forgets all but 1,000 entries) or sqlite.
import crypto from 'node:crypto';
import Provider from 'oidc-provider';
import { LIFE_S, base, callback, kind, port, scopes, sqlite, tell } from './load.mjs';

const ACCOUNT = 'usr_1';
const seconds = () => Math.floor(Date.now() / 1000);

function inMemory() {
	const entries = new Map(), byUid = new Map(), byGrant = new Map();
	return class {
		constructor(model) { this.prefix = `${model}:`; }
		async upsert(id, data, life) {
			const key = this.prefix + id;
			entries.set(key, { data, until: life ? seconds() + life : Infinity });
			if (data.uid) byUid.set(data.uid, key);
			if (data.grantId) byGrant.set(data.grantId, (byGrant.get(data.grantId) ?? []).concat(key));
		}
		async find(id) {
			const entry = entries.get(this.prefix + id);
			return entry && entry.until > seconds() ? entry.data : undefined;
		}
		async findByUid(uid) { return entries.get(byUid.get(uid))?.data; }
		async findByUserCode() { return undefined; }
		async consume(id) {
			const entry = entries.get(this.prefix + id);
			if (entry) entry.data.consumed = seconds();
		}
		async destroy(id) { entries.delete(this.prefix + id); }
		async revokeByGrantId(grant) {
			for (const key of byGrant.get(grant) ?? []) entries.delete(key);
			byGrant.delete(grant);
		}
	};
}

async function inSqlite() {
	const db = await sqlite();
	db.exec(`CREATE TABLE entry (key TEXT PRIMARY KEY, data TEXT NOT NULL, until INTEGER, uid TEXT, grant_id TEXT) WITHOUT ROWID;
		CREATE INDEX entry_uid ON entry (uid) WHERE uid IS NOT NULL;
		CREATE INDEX entry_grant ON entry (grant_id) WHERE grant_id IS NOT NULL;`);
	const put = db.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data, until = excluded.until');
	const mark = db.prepare("UPDATE entry SET data = json_set(data, '$.consumed', ?) WHERE key = ?");
	const get = db.prepare('SELECT data FROM entry WHERE key = ? AND (until IS NULL OR until > ?)').pluck();
	const getByUid = db.prepare('SELECT data FROM entry WHERE uid = ?').pluck();
	const drop = db.prepare('DELETE FROM entry WHERE key = ?');
	const dropGrant = db.prepare('DELETE FROM entry WHERE grant_id = ?');
	const parsed = (text) => (text === undefined ? undefined : JSON.parse(text));
	return class {
		constructor(model) { this.prefix = `${model}:`; }
		async upsert(id, data, life) {
			put.run(this.prefix + id, JSON.stringify(data), life ? seconds() + life : null, data.uid ?? null, data.grantId ?? null);
		}
		async find(id) { return parsed(get.get(this.prefix + id, seconds())); }
		async findByUid(uid) { return parsed(getByUid.get(uid)); }
		async findByUserCode() { return undefined; }
		async consume(id) { mark.run(seconds(), this.prefix + id); }
		async destroy(id) { drop.run(this.prefix + id); }
		async revokeByGrantId(grant) { dropGrant.run(grant); }
	};
}

const jwk = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const client = { id: 'bench', secret: crypto.randomBytes(32).toString('hex') };
const provider = new Provider(base, {
	adapter: kind === 'memory' ? inMemory() : await inSqlite(),
	jwks: { keys: [{ ...jwk, kid: 'bench', alg: 'ES256', use: 'sig' }] },
	cookies: { keys: ['only for measurements on loopback'] },
	scopes,
	clients: [{
		client_id: client.id, client_secret: client.secret, redirect_uris: [callback], response_types: ['code'],
		grant_types: ['authorization_code', 'refresh_token', 'client_credentials'], token_endpoint_auth_method: 'client_secret_post',
		id_token_signed_response_alg: 'ES256', scope: scopes.join(' '),
	}],
	features: { clientCredentials: { enabled: true }, introspection: { enabled: true }, devInteractions: { enabled: false } },
	findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
	ttl: { AccessToken: LIFE_S, AuthorizationCode: LIFE_S, ClientCredentials: LIFE_S, Grant: LIFE_S, RefreshToken: LIFE_S },
	rotateRefreshToken: true,
	issueRefreshToken: async () => true,
});
const registered = await provider.Client.find(client.id);

async function granted(scope) {
	const grant = new provider.Grant({ accountId: ACCOUNT, clientId: client.id });
	grant.addOIDCScope(`openid ${scope}`);
	return { accountId: ACCOUNT, client: registered, grantId: await grant.save(), gty: 'authorization_code', scope, claims: {},
		authTime: seconds(), sessionUid: 'bench' };
}

const WITHOUT_OPENID = 'offline_access projects:read';
provider.listen(port, '127.0.0.1', () => tell(
	{ token: '/token', introspect: '/token/introspection', bearer: '/me', scope: 'projects:read' },
	{
		client,
		chain: async () => new provider.RefreshToken(await granted(WITHOUT_OPENID)).save(),
		code: async (p) => new provider.AuthorizationCode({ ...await granted(WITHOUT_OPENID), redirectUri: callback,
			codeChallenge: p.challenge, codeChallengeMethod: 'S256' }).save(),
		access: async () => new provider.AccessToken(await granted(`openid ${WITHOUT_OPENID}`)).save(),
	},
));
