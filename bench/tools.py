# SPDX-License-Identifier: MIT
"""What the benchmarks share: processes pinned to a core that end with this one, a server of ours, nginx, wrk, the report."""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICK_US = 1_000_000 / os.sysconf('SC_CLK_TCK')
SERVER_CPU, LOAD_CPU = '0', '1'
READY_SECONDS, WRK_SLACK_SECONDS = 60, 60
BINARY = os.path.join(ROOT, 'build', 'src', 'bi18n')
SEED = os.path.join(ROOT, 'build', 'bench', 'bench_seed')
CLIENT = os.path.join(ROOT, 'build', 'bench', 'bench_client')
VERIFIER = 'the-same-for-all-codes-which-the-server-does-not-know'      # of bench/seed.c
MILLISECONDS = {'us': 0.001, 'ms': 1, 's': 1000, 'm': 60000}


def fail(text):
    raise SystemExit(f'bench: {text}')


def run(*command, **options):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, **options)
    except subprocess.CalledProcessError as error:
        fail(f'{os.path.basename(command[0])} {" ".join(command[1:3])}: {error.stderr.strip()[-500:]}')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def cpu_ticks(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return int(fields[11]) + int(fields[12])


def rss_kib(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        for line in status:
            if line.startswith('VmRSS'):
                return int(line.split()[1])
    return 0


def lines_of(path):
    with open(path, encoding='ascii') as lines:
        return lines.read().split('\n')[:-1]


def write_lines(path, lines):
    with open(path, 'w', encoding='ascii') as out:
        out.writelines(line + '\n' for line in lines)


def fetch(url, headers=None, form=None):
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode() if form else None, headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), dict(answer.headers)


STARTED = []


def stop_all():
    """What is still running, also after a failure half-way."""
    for process in STARTED:
        process.stop()


class Process:
    """Ends with this one, however that ends. `log` takes what it says, for the message when it does not come up."""

    def __init__(self, command, env=None, pin=True, log=None):
        prefix = ['setpriv', '--pdeathsig', 'TERM'] + (['taskset', '-c', SERVER_CPU] if pin else [])
        self.name, self.log = os.path.basename(command[0]), log
        with open(log or os.devnull, 'ab') as out:
            self.process = subprocess.Popen(prefix + command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.pid = self.process.pid
        STARTED.append(self)

    def fail(self, what):
        said = ''
        if self.log:
            with open(self.log, encoding='utf-8', errors='replace') as log:
                said = '\n' + log.read()[-1500:].strip()
        self.stop()
        fail(f'{self.name} {what}{said}')

    def wait_for(self, is_ready, seconds=READY_SECONDS):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                self.fail(f'ended with status {self.process.returncode}')
            if is_ready():
                return self
            time.sleep(0.02)
        self.fail(f'was not ready after {seconds} s')

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answers(url):
    try:
        fetch(url)
        return True
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False


class Bi18n:
    """A server of its own on a temporary store. Limits that would throttle a load test are raised; durability is not touched."""

    def __init__(self, work, name, **settings):
        self.data = os.path.join(work, name)
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('BI18N_')}
        self.env.update(BI18N_DATA=self.data, BI18N_REQUESTS_PER_MINUTE_MAX='1000000000', BI18N_MINT_PER_MINUTE_MAX='1000000',
                        BI18N_MINT_COALESCE_MS='0', BI18N_INSTALLATION_TOKENS_MAX='10000')
        self.env.update({f'BI18N_{k.upper()}': str(v) for k, v in settings.items()})
        self.process = None
        self.plain = None

    def command(self, *args, text=''):
        return run(BINARY, *args, env=self.env, input=text).stdout

    def seed(self, people, tokens, codes):
        """People with a grant each; the plain texts of their tokens lie in files in `plain`."""
        self.command('init')
        self.plain = self.data + '-plain'
        os.makedirs(self.plain, exist_ok=True)
        run(SEED, self.data, self.data + '.key', self.plain, str(people), str(tokens), str(codes))
        return self

    def start(self):
        self.process = Process([BINARY, 'serve', '--listen', f'127.0.0.1:{self.port}'], self.env, log=self.data + '.log')
        self.process.wait_for(lambda: answers(self.url + '/ready'))
        return self

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process:
            self.process.stop()


class Nginx:
    def __init__(self, work, files, returned):
        self.base = os.path.join(work, 'nginx')
        html = os.path.join(self.base, 'html')
        os.makedirs(html, exist_ok=True)
        os.chmod(work, 0o755)
        for name, body in files.items():
            path = os.path.join(html, name)
            with open(path, 'wb') as out:
                out.write(body)
            run('gzip', '-9', '-k', '-f', path)
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        conf = os.path.join(self.base, 'nginx.conf')
        with open(conf, 'w', encoding='utf-8') as out:
            out.write(f'''
daemon off; worker_processes 1; pid {self.base}/pid; error_log {self.base}/error.log; user root;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; types {{ application/json json; }}
  server {{ listen 127.0.0.1:{self.port}; root {html}; gzip_static on; etag on;
    add_header Cache-Control "public, max-age=60"; add_header Access-Control-Allow-Origin "*"; add_header Vary "Accept-Encoding";
    location = /returned {{ default_type application/json; return 200 '{returned}'; }} }} }}
''')
        self.master = Process(['nginx', '-p', self.base, '-c', conf], log=self.base + '/out.log')
        self.master.wait_for(lambda: answers(self.url + '/returned') and self.workers())
        self.pid = self.workers()[0]

    def workers(self):
        with open(f'/proc/{self.master.pid}/task/{self.master.pid}/children', encoding='ascii') as children:
            return [int(pid) for pid in children.read().split()]

    def stop(self):
        self.master.stop()


def milliseconds(text):
    number, unit = re.fullmatch(r'([\d.]+)(us|ms|s|m)', text).groups()
    return float(number) * MILLISECONDS[unit]


def wrk(pid, url, seconds, connections=16, headers=None, script=None, lists=None, may_be_slow=False):
    """One round of load on a server: requests a second, p50 and p99 in ms, server CPU in µs a request, answers not 2xx or 3xx."""
    command = ['taskset', '-c', LOAD_CPU, 'wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--timeout', '20s', '--latency', url]
    for name, value in (headers or {}).items():
        command += ['-H', f'{name}: {value}']
    if script:
        command += ['-s', os.path.join(ROOT, 'bench', script)]
    before = cpu_ticks(pid)
    out = run(*command, env=dict(os.environ, **(lists or {})), timeout=seconds + WRK_SLACK_SECONDS).stdout
    used = cpu_ticks(pid) - before
    facts = {'rps': 0.0, 'p50': 0.0, 'p99': 0.0, 'bad': 0}
    requests, lasted = 0, None
    for line in out.split('\n'):
        words = line.split()
        if len(words) >= 3 and words[1] == 'requests':
            requests = int(words[0])
        elif line.startswith('Requests/sec'):
            facts['rps'] = float(words[1])
        elif len(words) == 2 and words[0] in ('50%', '99%'):
            facts['p' + words[0][:-1]] = milliseconds(words[1])
        elif 'Non-2xx' in line:
            facts['bad'] += int(words[-1])
        elif 'Socket errors' in line:
            facts['bad'] += sum(int(n) for n in re.findall(r'\d+', line))
        elif line.startswith('List lasted'):
            lasted = float(words[2])
    if requests == 0 and may_be_slow:
        return dict(facts, p50=seconds * 1000, p99=seconds * 1000, us=used * TICK_US)
    if requests == 0:
        fail(f'no answers from {url} {(lists or {}).get("BENCH_PATH", "")} in {seconds} s:\n{out.strip()}')
    if lasted:
        facts['rps'] = requests / lasted
    facts['us'] = used * TICK_US / requests
    return facts


def median_of(rounds, key):
    return statistics.median(r[key] for r in rounds)


def fsync_rate(work):
    """Small durable writes a second: what no server with durable storage can pass without sharing them."""
    path = os.path.join(work, 'probe')
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b'x' * 4096)
    os.fsync(fd)
    n, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
        os.pwrite(fd, b'y' * 4096, 0)
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    os.unlink(path)
    return n / 2


class Report:
    def __init__(self):
        self.rows = []

    def add(self, **row):
        self.rows.append(row)
        print('  '.join(f'{k}={v}' for k, v in row.items()), flush=True)

    def say(self, text=''):
        print(text, flush=True)

    def json(self):
        return json.dumps(self.rows)
