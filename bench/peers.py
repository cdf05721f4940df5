# SPDX-License-Identifier: MIT
"""The OAuth core beside open servers that do the same: a server of ours with durable storage and every peer that is installed,
rounds interleaved, the same script loading all of them. A peer answers nothing that ours does not."""
import json
import os
import shutil
import urllib.parse

import glewlwyd
from tools import ROOT, VERIFIER, Bi18n, Nginx, Process, fetch, fsync_rate, free_port, lines_of, median_of, wrk, write_lines

FOLDER = os.path.join(ROOT, 'bench', 'peers')
CONNECTIONS, P99_MS_MAX, SEEDING_SECONDS = 16, 5, 300
CHAINS_A_ROUND = 4 * CONNECTIONS        # four to a connection: one is always free when an answer is under way
ALL = ('refresh', 'exchange', 'introspection', 'bearer', 'mint')        # mint last: it fills the stores of the peers
TITLES = {'refresh': 'refresh, token replaced', 'refresh-stable': 'refresh, token kept (default with a secret)',
          'exchange': 'code exchange with PKCE', 'introspection': 'introspection, client secret', 'bearer': 'bearer check',
          'mint': 'mint (peers: client_credentials)'}
# Row -> of which row the best peer is, how many times as many a second, and at how many times less CPU, ours should do.
BARS = {'refresh': ('refresh', 8, None), 'refresh-stable': ('refresh', 8, None), 'exchange': ('exchange', None, None),
        'introspection': ('introspection', 20, 20), 'bearer': ('bearer', 20, 20), 'mint': ('mint', 8, None)}
NGINX_CPU_MAX = 1.0
HOW = 'script/bootstrap --bench (or script/bench --install-peers) installs it'


class Load:
    """What one server is asked in each row: its paths, its client, its tokens. One list a round, for what is used up."""

    def __init__(self, work, name, url, seeds, rounds):
        self.work, self.name, self.url, self.seeds, self.rounds = work, name.replace('/', '-'), url, seeds, rounds
        client = seeds['client']
        self.client = urllib.parse.urlencode({'client_id': client['id'], 'client_secret': client['secret']})

    def form(self, path, use, lines=None, **fields):
        env = {'BENCH_PATH': self.seeds[path], 'BENCH_FORM': urllib.parse.urlencode(fields) + '&' + self.client, 'BENCH_USE': use}
        if lines is not None:
            env['BENCH_LIST'] = os.path.join(self.work, f'{self.name}-{use}.txt')
            write_lines(env['BENCH_LIST'], lines)
        return {'url': self.url, 'script': 'form.lua', 'lists': env}

    def part(self, name, turn):
        share = len(self.seeds[name]) // self.rounds
        return self.seeds[name][turn * share:(turn + 1) * share]

    def refresh(self, turn):
        load = self.form('token', 'chain', self.part('chains', turn), grant_type='refresh_token')
        load['lists']['BENCH_FORM'] += '&refresh_token='
        return load

    def exchange(self, turn):
        lines = (f'{code}&code_verifier={verifier}' for code, verifier in (line.split() for line in self.part('codes', turn)))
        load = self.form('token', 'once', lines, grant_type='authorization_code', redirect_uri=self.seeds['callback'])
        load['lists']['BENCH_FORM'] += '&code='
        return load

    def introspection(self, _turn):
        return self.form('introspect', '', token=self.seeds['access'])

    def bearer(self, _turn):
        return {'url': self.url + self.seeds['bearer'], 'headers': {'Authorization': 'Bearer ' + self.seeds['access']}}

    def mint(self, _turn):
        return self.form('token', '', grant_type='client_credentials', scope=self.seeds['scope'])


class OurLoad(Load):
    """The refresh row of the peers is that of an app whose refresh tokens are replaced at every use, as theirs are."""

    def __init__(self, work, server, rounds):
        def client(name):
            return dict(zip(('id', 'secret'), lines_of(os.path.join(server.plain, name))))

        def plain(name):
            return lines_of(os.path.join(server.plain, name))
        common = {'token': '/api/auth/mcp/token', 'introspect': '/api/auth/mcp/introspect',
                  'bearer': '/api/oauth-client/organizations', 'callback': 'https://bench.example/cb', 'access': plain('bearer.txt')[0]}
        codes = [f'{code} {VERIFIER}' for code in plain('codes.txt')]
        super().__init__(work, 'bi18n', server.url, dict(common, client=client('client.txt'), codes=codes), rounds)
        self.rotating = Load(work, 'bi18n-rotating', server.url, dict(
            common, client=client('rotating_client.txt'), chains=plain('rotating_refresh.txt')), rounds)
        self.mints = os.path.join(server.plain, 'mint.txt')
        self.stable = plain('refresh.txt')[:CHAINS_A_ROUND * 16]

    def refresh(self, turn):
        return self.rotating.refresh(turn)

    def refresh_stable(self, _turn):
        load = self.form('token', 'chain', self.stable, grant_type='refresh_token')
        load['lists']['BENCH_FORM'] += '&refresh_token='
        return load

    def mint(self, _turn):
        return {'url': self.url, 'script': 'mint.lua', 'lists': {'BENCH_LIST': self.mints}}


class NodePeer:
    def __init__(self, work, server, store, chains, codes):
        name = f'{server}-{store}'
        self.port = free_port()
        self.seeds_file = os.path.join(work, name + '.json')
        env = dict(os.environ, NODE_ENV='production', PORT=str(self.port), STORE=store, FILE=os.path.join(work, name + '.db'),
                   CHAINS=str(chains), CODES=str(codes), SEEDS=self.seeds_file)
        self.base = f'http://127.0.0.1:{self.port}'
        self.process = Process(['node', os.path.join(FOLDER, server + '.mjs')], env, log=os.path.join(work, name + '.log'))
        self.pid = self.process.pid

    def seeds(self, _chains, _codes):
        self.process.wait_for(lambda: os.path.exists(self.seeds_file), SEEDING_SECONDS)
        with open(self.seeds_file, encoding='utf-8') as seeds:
            return json.load(seeds)

    def stop(self):
        self.process.stop()


def node(server, store):
    return lambda work, chains, codes: NodePeer(work, server, store, chains, codes)


def glewlwyd_peer(tuned):
    return lambda work, _chains, _codes: glewlwyd.Glewlwyd(os.path.join(work, 'glewlwyd-' + ('tuned' if tuned else 'shipped')), tuned)


# Name -> how it starts, rows it takes part in, codes a second that it may use up.
# better-auth's memory adapter searches arrays: beyond a mint and a refresh that would measure the arrays.
PEERS = {
    'better-auth/sqlite': (node('better-auth', 'sqlite'), ALL, 800),
    'better-auth/memory': (node('better-auth', 'memory'), ('refresh', 'mint'), 0),
    'oidc-provider/memory': (node('oidc-provider', 'memory'), ALL, 2500),
    'oidc-provider/sqlite': (node('oidc-provider', 'sqlite'), ALL, 2500),
    'glewlwyd/shipped': (glewlwyd_peer(False), ALL, 40),
    'glewlwyd/tuned': (glewlwyd_peer(True), ALL, 150),
}


def missing(name):
    """What keeps a peer from running; '' if nothing does."""
    if name.startswith('glewlwyd'):
        absent = not shutil.which('glewlwyd') or not os.path.exists(glewlwyd.SCHEMA)
        return f'glewlwyd is not installed: {HOW}' if absent else ''
    if not shutil.which('node'):
        return f'Node.js is not installed: {HOW}'
    stamp, lock = os.path.join(FOLDER, 'node_modules', '.installed'), os.path.join(FOLDER, 'package-lock.json')
    if not os.path.exists(stamp) or lines_of(stamp) != lines_of(lock):
        return f'the npm packages of bench/peers are not installed as its package-lock.json says: {HOW}'
    return ''


def started(report, work, options, running):
    """Server name -> (pid, its load, its rows); nginx and ours too. What was started is in `running`, also after a failure."""
    chains = CHAINS_A_ROUND * options.rounds
    for name, (start, _, codes) in PEERS.items():
        if missing(name):
            report.add(bench='peers', server=name, skipped=missing(name))
        else:
            running[name] = start(work, chains, codes * options.seconds * options.rounds)
    servers = {}
    for name, peer in running.items():
        _, rows, codes = PEERS[name]
        seeds = peer.seeds(chains, codes * options.seconds * options.rounds)
        servers[name] = (peer.pid, Load(work, name, peer.base, seeds, options.rounds), rows)
    ours = running['bi18n'] = Bi18n(work, 'peers', http_loops=1)
    ours.seed(options.grants, 2, 8000 * options.seconds * options.rounds).start()
    load = OurLoad(work, ours, options.rounds)
    body = fetch(**ask_of(load.bearer(0)))[0].decode()
    front = running['nginx'] = Nginx(work, {}, body)
    servers['bi18n'] = (ours.pid, load, ALL + ('refresh-stable',))
    servers['nginx'] = (front.pid, load, ('bearer',))
    return servers


def ask_of(load):
    return {'url': load['url'], 'headers': load['headers']}


def one_round(servers, got, row, turn, seconds):
    taking = [name for name, (_, _, rows) in servers.items() if row in rows]
    for name in taking if turn % 2 == 0 else taking[::-1]:          # a slow minute of the machine hits all
        pid, load, _ = servers[name]
        what = getattr(load, row.replace('-', '_'))(turn)
        if name == 'nginx':
            what['url'] = servers['nginx'][1].nginx_url
        got.setdefault((row, name), []).append(wrk(pid, what.pop('url'), seconds, CONNECTIONS, may_be_slow=True, **what))


def figures_of(rounds):
    rates = [r['rps'] for r in rounds]
    return {'rps': round(median_of(rounds, 'rps')), 'rps_min': round(min(rates)), 'rps_max': round(max(rates)),
            'p50_ms': round(median_of(rounds, 'p50'), 2), 'p99_ms': round(median_of(rounds, 'p99'), 2),
            'us_per_request': round(median_of(rounds, 'us'), 1), 'bad': sum(r['bad'] for r in rounds)}


def verdict(row, figures):
    """Ours against the best peer of the row, in-memory ones included: figure, bar and whether it is met."""
    of, rate_bar, cpu_bar = BARS[row]
    ours = figures[row, 'bi18n']
    peers = {name: f for (r, name), f in figures.items() if r == of and name in PEERS and f['bad'] == 0 and f['rps'] > 0}
    said = []
    if peers:
        fastest, leanest = max(peers, key=lambda n: peers[n]['rps']), min(peers, key=lambda n: peers[n]['us_per_request'])
        rate, cpu = ours['rps'] / peers[fastest]['rps'], peers[leanest]['us_per_request'] / max(ours['us_per_request'], 0.01)
        said.append((f'times {fastest} a second', round(rate, 1), rate_bar, rate_bar is None or rate >= rate_bar))
        said.append((f'times less CPU than {leanest}', round(cpu, 1), cpu_bar, cpu_bar is None or cpu >= cpu_bar))
    if (row, 'nginx') in figures:
        ratio = ours['us_per_request'] / figures[row, 'nginx']['us_per_request']
        said.append(('of the CPU of nginx return 200', round(ratio, 2), NGINX_CPU_MAX, ratio <= NGINX_CPU_MAX))
    said.append(('ms p99', ours['p99_ms'], P99_MS_MAX, ours['p99_ms'] < P99_MS_MAX))
    said.append(('answers not 2xx', ours['bad'], 0, ours['bad'] == 0))
    return said


def say_verdict(report, row, figures):
    for what, figure, bar, met in verdict(row, figures):
        report.rows.append({'bench': 'peers', 'row': row, 'ours': what, 'figure': figure, 'bar': bar, 'met': met})
        report.say(f'{TITLES[row]}: {figure} {what}' + ('' if bar is None else f' (bar {bar}: {"met" if met else "MISSED"})'))


def table(report, figures):
    report.say('| Row | Server | per second (lowest – highest) | p50 ms | p99 ms | µs CPU | not 2xx |\n|---|---|---|---|---|---|---|')
    for row in TITLES:
        for (r, name), f in figures.items():
            if r == row:
                report.say(f'| {TITLES[row]} | {name} | {f["rps"]} ({f["rps_min"]} – {f["rps_max"]}) | {f["p50_ms"]} | {f["p99_ms"]} '
                           f'| {f["us_per_request"]} | {f["bad"]} |')


def bench_peers(report, work, options):
    running, got = {}, {}
    try:
        servers = started(report, work, options, running)
        servers['nginx'][1].nginx_url = running['nginx'].url + '/returned'
        for turn in range(options.rounds):
            for row in ('refresh-stable',) + ALL:
                one_round(servers, got, row, turn, options.seconds)
    finally:
        for server in running.values():
            server.stop()
    report.add(bench='fsync of 4 KiB on this file system', per_second=round(fsync_rate(work)))
    figures = {key: figures_of(rounds) for key, rounds in got.items()}
    for (row, name), facts in figures.items():
        report.rows.append(dict(bench='peers', row=row, server=name, **facts))
    table(report, figures)
    for row in TITLES:
        say_verdict(report, row, figures)
    spoiled = [f'{name} in {row}' for (row, name), f in figures.items() if f['bad'] and name != 'bi18n']
    if spoiled:
        report.add(bench='peers', not_to_be_quoted='answers that are not 2xx: ' + ', '.join(spoiled))
