// SPDX-License-Identifier: MIT
// A browser for servers without pages of their own: cookies, and redirects followed as long as they stay on one origin.
export class Agent {
  constructor(origin) { this.origin = origin; this.cookies = new Map(); }

  async request(url, options = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', ...options, headers: { accept: 'text/html', ...(cookie && { cookie }), ...options.headers } });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';'), at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const text = await answer.text();
    let location = answer.headers.get('location');
    try { location ??= JSON.parse(text).url ?? null; } catch { /* a page */ }
    return { status: answer.status, headers: answer.headers, text, location: location && new URL(location, url) };
  }

  // Ends at a page, at an error, or where another origin is next. `errorPages`: redirects to these are pages of the server.
  async visit(url, { errorPages = [] } = {}) {
    let answer = await this.request(url);
    for (let i = 0; i < 10 && answer.location && answer.location.origin === this.origin; i++) {
      if (errorPages.includes(answer.location.pathname)) return { ...answer, redirect: null, status: 400 };
      answer = await this.request(answer.location);
    }
    return { ...answer, redirect: answer.location && answer.location.origin !== this.origin ? answer.location : null };
  }
}
