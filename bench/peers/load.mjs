// SPDX-License-Identifier: MIT
// What both Node servers share: settings from the environment, and the file that tells the bench that all is ready.
import crypto from 'node:crypto';
import fs from 'node:fs';

export const port = Number(process.env.PORT), kind = process.env.STORE, file = process.env.FILE;
export const base = `http://127.0.0.1:${port}`;
export const callback = 'https://client.example/cb';
export const LIFE_S = 12 * 3600;           // of codes and tokens: all of a run
export const scopes = ['openid', 'profile', 'offline_access', 'projects:read'];

const wanted = { chains: Number(process.env.CHAINS), codes: Number(process.env.CODES) };

export function proof() {
	const verifier = crypto.randomBytes(32).toString('base64url');
	return { verifier, challenge: crypto.createHash('sha256').update(verifier).digest('base64url') };
}

// make: { client: {id, secret}, chain() -> refresh token, code(proof) -> code, access() -> access token with openid }
export async function tell(paths, make) {
	const chains = [], codes = [];
	for (let i = 0; i < wanted.chains; i++) chains.push(await make.chain());
	for (let i = 0; i < wanted.codes; i++) {
		const p = proof();
		codes.push(`${await make.code(p)} ${p.verifier}`);
	}
	const done = process.env.SEEDS, writing = `${done}.part`;
	fs.writeFileSync(writing, JSON.stringify({ ...paths, client: make.client, callback, chains, codes, access: await make.access() }));
	fs.renameSync(writing, done);
}

export async function sqlite() {
	const { default: Database } = await import('better-sqlite3');
	const db = new Database(file);
	db.pragma('journal_mode = WAL');
	db.pragma('synchronous = NORMAL');        // what both recommend; it may lose the last commits when power fails, ours does not
	return db;
}
