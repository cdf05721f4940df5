#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages from include/bi18n.h: one for each function, and bi18n(3) with what the header says in front.
Usage: manual.py HEADER VERSION DIRECTORY.  The header is the only source; a function without a comment of its
own shares that of the declaration above it."""
import os
import re
import sys

SECTION = re.compile(r'^/\* (.+?) -{10,} \*/$')
FUNCTION = re.compile(r'\b(bi18n_\w+)\(')


def comment_text(lines):
    text = []
    for line in lines:
        line = re.sub(r'^\s*/?\*+/? ?', '', line)
        text.append(re.sub(r'\s*\*/\s*$', '', line).rstrip())
    while text and not text[0].strip():
        text.pop(0)
    return text


def parse(header):
    """[(section, comment lines, declaration)], and the first comment."""
    lines = open(header, encoding='utf-8').read().split('\n')
    end = next(i for i, line in enumerate(lines) if line.rstrip().endswith('*/'))
    intro = comment_text(lines[1:end + 1])
    section, comment, items, i = '', [], [], end + 1
    while i < len(lines):
        line = lines[i]
        match = SECTION.match(line)
        if match:
            section, comment = match.group(1), []
        elif line.startswith('/*'):
            start = i
            while '*/' not in lines[i]:
                i += 1
            comment = comment_text(lines[start:i + 1])
        elif line and not line.startswith(('#', ' ', '\t', '}', 'extern')):
            start, depth = i, 0
            while True:
                code = re.sub(r'/\*.*?(\*/|$)', '', lines[i])
                depth += code.count('{') - code.count('}')
                if depth == 0 and code.rstrip().endswith((';', '}')):
                    break
                i += 1
            items.append((section, comment, '\n'.join(lines[start:i + 1])))
        elif not line.strip():
            pass
        i += 1
    return intro, items


def roff(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text.startswith(('.', "'")) else text


def body(lines):
    """Indented lines as they stand, others as paragraphs."""
    out, verbatim = [], False
    for line in lines:
        indented = line.startswith((' ', '\t'))
        if indented != verbatim and line.strip():
            out.append('.nf' if indented else '.fi')
            verbatim = indented
        out.append(roff(line) if line.strip() else ('' if verbatim else '.PP'))
    if verbatim:
        out.append('.fi')
    return out


def sentence(lines):
    first = ' '.join(line.strip() for line in lines).split('. ')[0]
    return first.rstrip('.:') or 'see bi18n(3)'


def write(directory, name, version, parts):
    lines = [f'.TH {name} 3 "" "libbi18n {version}" "libbi18n"', '.nh']
    for title, content in parts:
        lines += [f'.SH {title}'] + content
    with open(os.path.join(directory, f'{name}.3'), 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')


def types_of(declaration, structs):
    """Those that its arguments are of, and those within them, but for what every function has."""
    found, todo = [], re.findall(r'struct (\w+)', declaration)
    while todo:
        name = todo.pop(0)
        if name in structs and name not in ('bi18n_error', 'bi18n_call') and structs[name] not in found:
            found.append(structs[name])
            todo += re.findall(r'struct (\w+) \*', structs[name])
    return found


def main():
    header, version, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    intro, items = parse(header)
    functions = []
    for section, comment, declaration in items:
        plain = re.sub(r'/\*.*?\*/', '', declaration, flags=re.S)
        match = FUNCTION.search(plain)
        if not match or plain.startswith(('struct', 'typedef', 'enum')) and '{' in plain or plain.startswith('typedef'):
            continue
        functions.append((match.group(1), section, comment, declaration))
    structs = {}
    for _, _, declaration in items:
        match = re.match(r'struct (\w+) \{', declaration)
        if match:
            structs[match.group(1)] = declaration
    groups = {}
    for name, section, comment, declaration in functions:
        groups.setdefault((section, tuple(comment)), []).append((name, declaration))
    for (section, comment), members in groups.items():
        synopsis = ['.nf', roff('#include <bi18n.h>'), '']
        for _, declaration in members:
            synopsis += [roff(line) for line in declaration.split('\n')] + ['']
        for name, declared in members:
            parts = [('NAME', [f'{name} \\- {roff(sentence(comment))}']), ('SYNOPSIS', synopsis + ['.fi']),
                     ('DESCRIPTION', body(comment) or ['See bi18n(3).'])]
            types = [line for struct in types_of(declared, structs) for line in struct.split('\n') + ['']]
            if types:
                parts.append(('TYPES', ['.nf'] + [roff(line.replace('\t', '    ')) for line in types] + ['.fi']))
            write(directory, name, version, parts + [('SEE ALSO', ['.BR bi18n (3)'])])
    index = [f'.BR {name} (3)' for name, *_ in functions]
    types = ['.nf'] + [roff(line) for _, _, declaration in items if '{' in declaration
                       for line in declaration.split('\n') + ['']] + ['.fi']
    write(directory, 'bi18n', version, [
        ('NAME', ['bi18n \\- the partner\'s side of Better I18N as a library']),
        ('SYNOPSIS', [roff('#include <bi18n.h>'), '.br', roff('cc ... $(pkg-config --cflags --libs bi18n)')]),
        ('DESCRIPTION', body(intro)), ('TYPES', types), ('FUNCTIONS', ['.nf'] + index + ['.fi'])])
    for name in sorted(['bi18n'] + [name for name, *_ in functions]):
        print(f'{name}.3')


if __name__ == '__main__':
    main()
