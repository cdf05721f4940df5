// SPDX-License-Identifier: MIT
// bi18n before the judge. The grace is one second, so that nobody has to wait for its end.
import { Browser, hidden, startServer } from '../lib/server.mjs';

export async function start() {
  const server = await startServer({ settings: { refresh_grace_s: 1 } });
  const seed = server.seed();
  const browser = new Browser(server);
  await browser.signIn(seed.email, seed.password);
  // By default a native app on loopback is `lagging`, for editors whose processes share one token; here it is like the others'.
  const native = server.cli(['app', 'add', '--name', 'Judge', '--type', 'native', '--redirect-uri', 'http://127.0.0.1:8989/callback', '--refresh-policy', 'rotating']);
  const at = (app) => ({ id: app.clientId, secret: app.clientSecret, redirect: app.redirectUris[0] });
  const end = (answer) => {
    const away = answer.location && new URL(answer.location, answer.url);
    return { redirect: away && away.origin !== new URL(server.url).origin ? away : null, status: answer.status, text: answer.text, headers: answer.headers };
  };
  async function visit(url) {
    let answer = await browser.follow(url);
    if (answer.status === 200 && answer.text.includes('action="/consent"')) {
      const fields = [...Object.entries(hidden(answer.text, '/consent')), ['organization', seed.org], ['project_access', 'all'], ['scope', 'org:read'], ['scope', 'keys:read'], ['decision', 'approve']];
      answer = await browser.request('/consent', { method: 'POST', form: fields });
      if (answer.status === 303) answer = await browser.follow(answer.location);
    }
    if (answer.status === 200 && answer.text.includes('action="/complete"')) answer = await browser.request('/complete', { method: 'POST', form: hidden(answer.text, '/complete') });
    return end(answer);
  }
  return {
    name: 'bi18n', version: server.cli(['version']).version, issuer: server.url, metadata: `${server.url}/.well-known/oauth-authorization-server`,
    web: at(seed.web), native: at(native), scope: 'org:read keys:read', narrower: 'org:read', further: 'keys:write', graceMs: 2200,
    visit, page: (url) => browser.follow(url), stranger: async (url) => end(await new Browser(server).follow(url)), stop: () => server.close(),
  };
}
