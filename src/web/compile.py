#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles pages/*.html and strings/*.json into one C file. Usage: compile.py OUT PAGES_DIR STRINGS_DIR ASSETS_DIR

Fails the build when a page has no <title> or names a string that English does not have, when a language has a string more
or less than English, or when a translation loses a {placeholder}."""
import hashlib
import json
import os
import re
import sys

TAG = re.compile(r'\{\{(.*?)\}\}', re.S)
PRE = re.compile(r'(<pre\b.*?</pre>)', re.S)
OWN = re.compile(r'\b(href|action|src)="/')
ARGS_MAX = 4


def c_string(text):
    out = []
    for byte in text.encode('utf-8'):
        char = chr(byte)
        if char in '"\\?':
            out.append('\\' + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append('\\%03o' % byte)
    joined = ''.join(out)
    lines = [joined[i:i + 90] for i in range(0, len(joined), 90)] or ['']
    # Never split an escape: glue pieces that end inside one to the next.
    fixed, carry = [], ''
    for line in lines:
        line = carry + line
        carry = ''
        match = re.search(r'\\[0-7]{0,2}$', line)
        odd = len(re.search(r'\\*$', line).group()) % 2 == 1
        if match and (odd or match.group() != '\\'):
            carry, line = line[match.start():], line[:match.start()]
        fixed.append(line)
    if carry:
        fixed.append(carry)
    return '\n\t\t'.join('"%s"' % piece for piece in fixed)


def c_bytes(data):
    return ','.join(str(b if b < 128 else b - 256) for b in data)


def flatten(tree, prefix=''):
    flat = {}
    for key, value in tree.items():
        path = prefix + key
        if isinstance(value, dict):
            flat.update(flatten(value, path + '.'))
        else:
            flat[path] = value
    return flat


def load_strings(folder):
    languages = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith('.json'):
            raw = open(os.path.join(folder, name), encoding='utf-8').read()
            languages[name[:-5]] = (raw, flatten(json.loads(raw)))
    english = languages['en'][1]
    placeholder = re.compile(r'\{[a-zA-Z]+\}')
    for code, (_, flat) in languages.items():
        for key in english:
            if not flat.get(key):
                sys.exit(f'strings/{code}.json: {key} is missing')
        for key, text in flat.items():
            if key not in english:
                sys.exit(f'strings/{code}.json: {key} is not in en.json')
            if set(placeholder.findall(text)) != set(placeholder.findall(english[key])):
                sys.exit(f'strings/{code}.json: {key}: placeholders differ from English')
    return languages


class Page:
    def __init__(self, folder, name, keys):
        self.folder, self.keys, self.ops, self.stack = folder, keys, [], []
        self.add_file(name)
        if not any('<title>' in op['text'] for op in self.ops if op['kind'] == 'TEXT'):
            sys.exit(f'{name}.html: has no <title>')
        if self.stack:
            sys.exit(f'{name}.html: {{{{{self.stack[-1][0]}}}}} is never ended')

    def add_file(self, name):
        path = os.path.join(self.folder, name + '.html')
        source = open(path, encoding='utf-8').read()
        # Indentation is for the reader of the template, except where the browser shows it.
        source = ''.join(part if part.startswith('<pre') else re.sub(r'\n\s+', '\n', part) for part in PRE.split(source))
        # Addresses of our own lie under the path of public_url; the view names it.
        source = OWN.sub(r'\1="{{=root}}/', source)
        at = 0
        for match in TAG.finditer(source):
            self.text(source[at:match.start()])
            self.tag(match.group(1).strip(), path)
            at = match.end()
        self.text(source[at:])

    def text(self, text):
        if text:
            self.ops.append({'kind': 'TEXT', 'text': text})

    def tag(self, tag, path):
        word, _, rest = tag.partition(' ')
        rest = rest.strip()
        if tag.startswith('='):
            self.ops.append({'kind': 'VALUE', 'text': tag[1:].strip()})
        elif word == 't':
            key, *pairs = rest.split()
            if key not in self.keys:
                sys.exit(f'{path}: string {key} is not in strings/en.json')
            args = [pair.split('=', 1) for pair in pairs]
            if len(args) > ARGS_MAX:
                sys.exit(f'{path}: {key}: too many arguments')
            self.ops.append({'kind': 'STRING', 'text': key, 'string': self.keys.index(key), 'args': args})
        elif word in ('if', 'each'):
            self.stack.append((word, len(self.ops)))
            self.ops.append({'kind': word.upper(), 'text': rest})
        elif word == 'else':
            kind, start = self.stack[-1]
            if kind != 'if':
                sys.exit(f'{path}: else outside if')
            self.ops[start]['jump'] = len(self.ops)
            self.stack[-1] = ('else', len(self.ops))
            self.ops.append({'kind': 'ELSE'})
        elif word == 'end':
            if not self.stack:
                sys.exit(f'{path}: end without a beginning')
            kind, start = self.stack.pop()
            self.ops[start]['jump'] = len(self.ops)
            self.ops.append({'kind': 'END', 'jump': start if kind == 'each' else -1})
        elif word == 'include':
            self.add_file(rest)
        else:
            sys.exit(f'{path}: unknown tag {{{{{tag}}}}}')


def write_page(out, name, page):
    out.append(f'static const struct template_op ops_{name}[] = {{')
    for op in page.ops:
        args = ', '.join('{ STR("%s"), STR("%s") }' % (n, p) for n, p in op.get('args', []))
        text = c_string(op.get('text', ''))
        out.append('\t{ TEMPLATE_%s, STR(%s), %d, { %s }, %d },' % (
            op['kind'], text, op.get('jump', 0), args or '{ STR_EMPTY, STR_EMPTY }', op.get('string', 0)))
    out.append('};')


def main():
    target, pages_dir, strings_dir, assets_dir = sys.argv[1:5]
    languages = load_strings(strings_dir)
    keys = sorted(languages['en'][1])
    out = ['/* SPDX-License-Identifier: MIT */', '/* Made by compile.py. */',
           '#include "web/strings.h"', '#include "web/template.h"', '#include "web/assets.h"', '#include <string.h>',
           '#define STR_EMPTY { "", 0 }', '']
    pages = [n[:-5] for n in sorted(os.listdir(pages_dir)) if n.endswith('.html') and not n.startswith('_')]
    for name in pages:
        write_page(out, name, Page(pages_dir, name, keys))
    out.append('static const struct template pages[] = {')
    out += [f'\t{{ "{n}", ops_{n}, COUNT(ops_{n}) }},' for n in pages]
    out.append('};')
    out.append('const struct template *template_find(const char *name)\n{\n\tfor (size_t i = 0; i < COUNT(pages); i++) {\n'
               '\t\tif (strcmp(pages[i].name, name) == 0)\n\t\t\treturn &pages[i];\n\t}\n\treturn NULL;\n}')
    out.append('const char *const interface_keys[] = {')
    out += [f'\t"{k}",' for k in keys]
    out.append('};')
    out.append(f'const size_t interface_keys_n = {len(keys)};')
    for code, (raw, _) in languages.items():
        out.append(f'static const char file_{code.replace("-", "_")}[] = {{ {c_bytes(raw.encode("utf-8"))}, 0 }};')
    out.append('const struct interface_file interface_files[] = {')
    order = ['en'] + [c for c in languages if c != 'en']
    for code in order:
        size = len(languages[code][0].encode('utf-8'))
        out.append(f'\t{{ STR("{code}"), {{ file_{code.replace("-", "_")}, {size} }} }},')
    out.append('};')
    out.append(f'const size_t interface_files_n = {len(order)};')
    assets = sorted(os.listdir(assets_dir))
    types = {'.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml'}
    for i, name in enumerate(assets):
        data = open(os.path.join(assets_dir, name), 'rb').read()
        out.append(f'static const char asset_{i}[] = {{ {c_bytes(data)}, 0 }};')
    digest = hashlib.sha256(b''.join(open(os.path.join(assets_dir, n), 'rb').read() for n in assets)).hexdigest()[:12]
    out.append('const struct asset assets[] = {')
    for i, name in enumerate(assets):
        size = os.path.getsize(os.path.join(assets_dir, name))
        out.append(f'\t{{ STR("{name}"), STR("{types[os.path.splitext(name)[1]]}"), {{ asset_{i}, {size} }} }},')
    out.append('};')
    out.append(f'const size_t assets_n = {len(assets)};')
    out.append(f'const str assets_version = STR("{digest}");')
    with open(target, 'w', encoding='utf-8') as file:
        file.write('\n'.join(out) + '\n')


main()
