# SPDX-License-Identifier: MIT
"""Debian's glewlwyd in a directory of its own: an SQLite database from the package's schema, one OpenID Connect plugin, one
client with a secret. `tuned` takes the 150,000 PBKDF2 rounds out that it otherwise makes on every client authentication."""
import base64
import contextlib
import hashlib
import http.cookiejar
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

from tools import VERIFIER, Process, answers, fail, free_port, run

SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'
CLIENT = {'id': 'bench', 'secret': 'bench-secret'}
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip('=')
CALLBACK = 'https://client.example/cb'
SCOPE = 'projects:read'
CONFIGURATION = '''
port={port}
bind_address="127.0.0.1"
external_url="{base}/"
api_prefix="api"
login_url="login.html"
log_mode="file"
log_level="ERROR"
log_file="{folder}/glewlwyd.log"
cookie_secure=0
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
hash_algorithm="SHA512"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
database={{ type="sqlite3"; path="{folder}/glewlwyd.db"; }};
'''


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Glewlwyd:
    def __init__(self, folder, tuned):
        os.makedirs(folder)
        self.folder, self.port = folder, free_port()
        self.base = f'http://127.0.0.1:{self.port}'
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), NoRedirects())
        self.make_database(tuned)
        configuration = os.path.join(folder, 'glewlwyd.conf')
        with open(configuration, 'w', encoding='utf-8') as out:
            out.write(CONFIGURATION.format(port=self.port, base=self.base, folder=folder))
        self.process = Process(['glewlwyd', '--config-file=' + configuration], log=os.path.join(folder, 'out.log'))
        self.pid = self.process.pid

    def make_database(self, tuned):
        with open(SCHEMA, encoding='utf-8') as schema, \
                contextlib.closing(sqlite3.connect(os.path.join(self.folder, 'glewlwyd.db'))) as db:
            db.executescript(schema.read())
            db.execute('PRAGMA journal_mode = WAL')
            if tuned:
                db.execute("UPDATE g_client_module_instance SET gcmi_parameters = json_set(gcmi_parameters, "
                           "'$.pbkdf2-iterations', 1) WHERE gcmi_name = 'database'")
            db.commit()

    def ask(self, method, path, body=None, form=None):
        data = json.dumps(body).encode() if body is not None else urllib.parse.urlencode(form).encode() if form else None
        headers = {'Content-Type': 'application/json'} if body is not None else {}
        try:
            answer = self.opener.open(urllib.request.Request(self.base + path, data, headers, method=method), timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        text = answer.read().decode()
        if answer.status not in (200, 302):
            fail(f'glewlwyd: {method} {path}: {answer.status} {text[:300]}')
        return answer.headers.get('Location') if answer.status == 302 else text

    def set_up(self):
        """As its administrator, over its own API."""
        self.process.wait_for(lambda: answers(self.base + '/config'))
        key = run('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256').stdout
        self.ask('POST', '/api/auth/', {'username': 'admin', 'password': 'password'})
        self.ask('POST', '/api/scope/', {'name': SCOPE, 'display_name': 'read', 'description': 'read projects',
                                         'password_required': True, 'scheme': {}})
        self.ask('PUT', '/api/user/admin', {'username': 'admin', 'name': 'Admin', 'enabled': True,
                                            'scope': ['g_admin', 'g_profile', 'openid', SCOPE]})
        self.ask('POST', '/api/mod/plugin/', {'module': 'oidc', 'name': 'oidc', 'display_name': 'oidc', 'enabled': True, 'parameters': {
            'iss': self.base, 'jwt-type': 'ecdsa', 'jwt-key-size': '256', 'key': key,
            'cert': run('openssl', 'pkey', '-pubout', input=key).stdout,
            'access-token-duration': 43200, 'refresh-token-duration': 1209600, 'code-duration': 43200,
            'refresh-token-rolling': False, 'refresh-token-one-use': 'always', 'allow-non-oidc': True,
            'auth-type-client-enabled': True, 'auth-type-code-enabled': True, 'auth-type-password-enabled': True,
            'auth-type-refresh-enabled': True, 'auth-type-token-enabled': False, 'auth-type-implicit-enabled': False,
            'auth-type-device-enabled': False, 'pkce-allowed': True, 'introspection-revocation-allowed': True,
            'introspection-revocation-allow-target-client': True}})
        self.ask('POST', '/api/client/', {
            'client_id': CLIENT['id'], 'name': 'Bench', 'password': CLIENT['secret'], 'confidential': True, 'enabled': True,
            'scope': [SCOPE], 'redirect_uri': [CALLBACK], 'token_endpoint_auth_method': ['client_secret_post'],
            'authorization_type': ['client_credentials', 'refresh_token', 'password', 'code']})
        self.ask('PUT', f'/api/auth/grant/{CLIENT["id"]}', {'scope': f'{SCOPE} openid'})

    def tokens(self):
        return json.loads(self.ask('POST', '/api/oidc/token/', form={
            'grant_type': 'password', 'username': 'admin', 'password': 'password', 'scope': f'{SCOPE} openid',
            'client_id': CLIENT['id'], 'client_secret': CLIENT['secret']}))

    def code(self):
        place = self.ask('GET', '/api/oidc/auth?' + urllib.parse.urlencode({
            'response_type': 'code', 'client_id': CLIENT['id'], 'redirect_uri': CALLBACK, 'scope': SCOPE, 'nonce': 'bench',
            'state': 'bench', 'code_challenge': CHALLENGE, 'code_challenge_method': 'S256', 'g_continue': ''}))
        found = urllib.parse.parse_qs(urllib.parse.urlsplit(place or '').query).get('code')
        return found[0] if found else fail(f'glewlwyd: no code but {place}')

    def seeds(self, chains, codes):
        self.set_up()
        return {'token': '/api/oidc/token/', 'introspect': '/api/oidc/introspect', 'bearer': '/api/oidc/userinfo', 'scope': SCOPE,
                'client': CLIENT, 'callback': CALLBACK, 'access': self.tokens()['access_token'],
                'chains': [self.tokens()['refresh_token'] for _ in range(chains)], 'codes': [f'{self.code()} {VERIFIER}' for _ in range(codes)]}

    def stop(self):
        self.process.stop()
