# SPDX-License-Identifier: MIT
"""Does the time of an answer tell what exists (rules 103 and 259)? Two kinds of requests that get the same refusal, in random order
over one kept connection, each pair from another address, so that no limit on attempts is met. Of both together the slowest half,
quarter and tenth are cut off (they are the machine's) and Welch's t compares what is left: beyond 4.5 in one of the three the times
differ (the way and the threshold of dudect)."""
import json
import math
import os
import random
import re
import socket
import statistics
import time
import urllib.parse
import zlib

from tools import LOAD_CPU, Bi18n, fail, fetch, lines_of

T_MAX, KEPT_SHARES, WARM_UP_PAIRS = 4.5, (0.5, 0.75, 0.9), 50
PAIRS_A_ROUND, PASSWORD_PAIRS_A_ROUND, INTROSPECTED_PAIRS_MAX = 1000, 60, 2900    # an app may guess 6,000 tokens a minute
DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
CHECK_DIGITS = 6
FORM = 'application/x-www-form-urlencoded'


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request):
        """(seconds, status, body)"""
        began = time.perf_counter()
        self.socket.sendall(request)
        got = self.socket.recv(65536)
        while b'\r\n\r\n' not in got:
            got += self.more()
        head, _, body = got.partition(b'\r\n\r\n')
        length = int(re.search(rb'(?i)\r\ncontent-length: *(\d+)', head).group(1))
        while len(body) < length:
            body += self.more()
        return time.perf_counter() - began, int(head.split(b' ', 2)[1]), body

    def more(self):
        part = self.socket.recv(65536)
        return part or fail('timing: the server closed the connection')


def request(method, path, headers, body=''):
    lines = [f'{method} {path} HTTP/1.1', 'Host: 127.0.0.1', 'X-Forwarded-For: ADDRESS', f'Content-Length: {len(body)}']
    lines += [f'{name}: {value}' for name, value in headers.items()]
    return '\r\n'.join(lines) + '\r\n\r\n' + body


def form_request(path, headers=None, **fields):
    return request('POST', path, {'Content-Type': FORM, **(headers or {})}, urllib.parse.urlencode(fields))


def from_address(text, number):
    """A network of its own for each pair."""
    return text.replace('ADDRESS', f'11.{100 + number // 150 % 150}.{100 + number % 150}.7', 1).encode()


def check_digits(body):
    value, digits = zlib.crc32(body.encode()), ''
    for _ in range(CHECK_DIGITS):
        value, digit = divmod(value, 62)
        digits = DIGITS[digit] + digits
    return digits


def unknown(token):
    """As well formed as the token, and known to nobody."""
    body = token[:-CHECK_DIGITS]
    if check_digits(body) != token[-CHECK_DIGITS:]:
        fail('timing: the check digits of a token are not as expected')
    middle = len(body) // 2
    body = body[:middle - 1] + ''.join(random.choice(DIGITS) for _ in range(3)) + body[middle + 2:]
    return body + check_digits(body)


def malformed(token):
    """One check digit is off."""
    return token[:-1] + DIGITS[(DIGITS.index(token[-1]) + 1) % 62]


def measure(connection, kinds, pairs):
    """Two lists of µs, and what both answered."""
    times, answers = ([], []), (set(), set())
    for number in range(-WARM_UP_PAIRS, pairs):
        for which in random.sample((0, 1), 2):
            seconds, status, body = connection.ask(from_address(kinds[which], number))
            if number >= 0:
                times[which].append(seconds * 1e6)
            answers[which].add((status, len(body)))
    return times, answers


def welch(a, b):
    """t, and the difference of the means that would just be told apart."""
    error = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return (statistics.fmean(b) - statistics.fmean(a)) / error, T_MAX * error


def kept(times, share):
    cut = sorted(times[0] + times[1])[int(share * 2 * len(times[0]))]
    return [[t for t in one if t <= cut] for one in times]


def judge(times):
    """The t furthest from 0, and the finest difference that one of the cuts would have told."""
    found = [welch(*kept(times, share)) for share in KEPT_SHARES]
    return max((t for t, _ in found), key=abs), min(resolution for _, resolution in found)


def compare(report, connection, title, kinds, pairs):
    times, answers = measure(connection, kinds, pairs)
    if len(answers[0]) != 1 or answers[0] != answers[1]:
        fail(f'timing: {title}: the answers differ in status or length: {sorted(answers[0])}, {sorted(answers[1])}')
    t, resolution = judge(times)
    report.add(bench='timing', compared=title, pairs=pairs, status=min(answers[0])[0],
               median_us=[round(statistics.median(one), 1) for one in times], t=round(t, 1), told_apart_us=round(resolution, 2),
               verdict='same' if abs(t) < T_MAX else 'DIFFERS')


def sign_in(server, email):
    page, headers = fetch(server.url + '/login')
    mark = re.search(r'name="csrf" value="([^"]*)"', page.decode()).group(1).replace('&amp;', '&')
    cookie = headers['Set-Cookie'].split(';')[0]
    return [form_request('/login', {'Cookie': cookie, 'Origin': server.url}, csrf=mark, email=e, password='a wrong password')
            for e in ('nobody@bench.example', email)]


def plain(server, name, at=0):
    return lines_of(os.path.join(server.plain, name))[at]


def credentials(server):
    """Of a new app for each comparison: each may ask for so many unknown tokens a minute."""
    app = json.loads(server.command('app', 'add', '--name', 'Bench', '--type', 'web', '--redirect-uri',
                                    'https://bench.example/cb', '--json'))
    return {'client_id': app['clientId'], 'client_secret': app['clientSecret']}


def token_pairs(server, app):
    """What is asked at the token, introspection and revocation endpoints; the first of each does not exist."""
    refresh, oat, code = (plain(server, name) for name in ('refresh.txt', 'bearer.txt', 'codes.txt'))
    wrong = dict(app(), client_secret=unknown(app()['client_secret']))
    nobody = dict(wrong, client_id=wrong['client_id'][:-4] + 'zzzz')

    def both(path, client, fields, *others):
        return [form_request(f'/api/auth/mcp/{path}', **client, **dict(fields, **other)) for other in others]
    exchange = {'grant_type': 'authorization_code', 'redirect_uri': 'https://bench.example/cb', 'code_verifier': 'v' * 43}
    own = dict(zip(('client_id', 'client_secret'), lines_of(os.path.join(server.plain, 'client.txt'))))
    for path, fields in (('token', {'grant_type': 'refresh_token', 'refresh_token': refresh}), ('introspect', {'token': oat}),
                         ('revoke', {'token': oat})):
        yield f'unknown client, wrong secret ({path})', both(path, {}, fields, nobody, wrong)
    yield 'unknown code, other app\'s code', both('token', app(), exchange, {'code': unknown(code)}, {'code': code})
    yield 'unknown code, expired code', both('token', own, exchange, {'code': unknown(code)}, {'code': plain(server, 'expired.txt')})
    yield 'unknown refresh token, other app\'s', both('token', app(), {'grant_type': 'refresh_token'},
                                                      {'refresh_token': unknown(refresh)}, {'refresh_token': refresh})
    for path in ('introspect', 'revoke'):
        yield f'malformed token, unknown token ({path})', both(path, app(), {}, {'token': malformed(oat)}, {'token': unknown(oat)})
        yield f'unknown refresh token, other app\'s ({path})', both(path, app(), {}, {'token': unknown(refresh)}, {'token': refresh})
    yield 'unknown token, other app\'s token (revoke)', both('revoke', app(), {}, {'token': unknown(oat)}, {'token': oat})


def mint_pair(server):
    theirs = json.loads(server.command('grant', 'list', '--app', plain(server, 'rotating_client.txt'), '--json'))[0]['grantId']
    token = plain(server, 'mint.txt').split()[1]
    return [request('POST', f'/api/oauth-client/installations/{grant}/tokens', {'Authorization': 'Bearer ' + token})
            for grant in (theirs[:-4] + 'zzzz', theirs)]


def bench_timing(report, work, options):
    server = Bi18n(work, 'timing', trusted_proxies='127.0.0.1', login_attempts_max=100000).seed(1000, 1, 1000)
    server.command('user', 'add', '--email', 'person@bench.example', '--name', 'A', text='a long password\n')
    server.start()
    try:
        os.sched_setaffinity(0, {int(LOAD_CPU)})
        connection = Connection(server.port)
        for title, kinds in token_pairs(server, lambda: credentials(server)):
            most = INTROSPECTED_PAIRS_MAX if '(introspect)' in title else PAIRS_A_ROUND * options.rounds
            compare(report, connection, title, kinds, min(most, PAIRS_A_ROUND * options.rounds))
        compare(report, connection, 'unknown grant, other app\'s grant (mint)', mint_pair(server), PAIRS_A_ROUND * options.rounds)
        compare(report, connection, 'unknown e-mail, wrong password (sign-in)', sign_in(server, 'person@bench.example'),
                PASSWORD_PAIRS_A_ROUND * options.rounds)
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))
        server.stop()
