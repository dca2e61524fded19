#!/usr/bin/env python3
"""Keeps docs/porting.md honest: the code of its pairs is compiled and run, on both sides.

porting.py generate GUIDE PART.cpp...      writes the C++ sides of all pairs, spread over the files
porting.py run GUIDE PROGRAM [NAME] [-- LAUNCHER...]
    runs the Python sides here and PROGRAM for the C++ sides, and compares what they print with the guide. NAME: only
    the pairs with that in their heading. Exit code 77 (skipped) where PROGRAM skips or Python is too old.

A pair is a heading, a table with a ```python and a ```cpp block, and below it one ```text block with what both print; or,
where they differ on purpose, two ```text blocks in a second row of the table.
"""
import asyncio
import contextlib
import difflib
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

LEAST_PAIRS = 40
MOST_LINES = 26   # of one side
WIDTH = 112       # of both sides together: what GitHub shows without a scroll bar
PATIENCE = 120    # seconds

PRELUDES = 2      # the first python block and the first cpp block stand before all pairs
MARK = "\x1e"     # what the program prints before the name of a pair
ON_PURPOSE = "*On purpose:*"


class Block:
    def __init__(self, language, line, code):
        self.language, self.line, self.code = language, line, code

    @property
    def width(self):
        return max(map(len, self.code.splitlines()))


class Pair:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.blocks, self.on_purpose = [], False


class Mistake(Exception):
    """In the guide itself."""


def check(condition, guide, line, what):
    if not condition:
        raise Mistake(f"{guide}:{line}: {what}")


def parse(guide):
    """The two preludes and the pairs of the guide."""
    preludes, pairs, pair, block = {}, [], None, None
    for number, text in enumerate(pathlib.Path(guide).read_text(encoding="utf-8").splitlines(), 1):
        if block is not None:
            if text.rstrip() == "```":
                if pair:
                    pair.blocks.append(block)
                elif block.language in ("python", "cpp"):
                    check(block.language not in preludes, guide, block.line, "code that belongs to no pair")
                    preludes[block.language] = block
                block = None
            else:
                block.code += text + "\n"
        elif fence := re.fullmatch(r"```(\w*)", text.rstrip()):
            block = Block(fence[1], number + 1, "")
        elif text.startswith("#"):
            level, name = text.split(" ", 1)
            pair = Pair(name, number) if level == "###" else None
            if pair:
                pairs.append(pair)
        elif pair and text.startswith(ON_PURPOSE):
            pair.on_purpose = True
    check(block is None, guide, block.line if block else 0, "a block that does not end")
    check(len(preludes) == PRELUDES, guide, 1, "the first python and cpp blocks, before all pairs, are missing")

    pairs = [p for p in pairs if p.blocks]
    for p in pairs:
        outputs = "text text" if p.on_purpose else "text"
        found = " ".join(b.language for b in p.blocks)
        check(found == f"python cpp {outputs}", guide, p.line,
              f"'{p.name}' has the blocks '{found}', not 'python cpp {outputs}'"
              f"; only a pair with {ON_PURPOSE} has two outputs")
        p.python, p.cpp, p.python_output, p.cpp_output = *p.blocks[:3], p.blocks[-1]
        check(p.python.width + p.cpp.width <= WIDTH, guide, p.line,
              f"'{p.name}' is {p.python.width} + {p.cpp.width} columns wide, more than {WIDTH}")
        for side in p.python, p.cpp:
            lines = side.code.count("\n")
            check(lines <= MOST_LINES, guide, side.line, f"{lines} lines, more than {MOST_LINES}")
        check(not p.on_purpose or p.python_output.code != p.cpp_output.code, guide, p.line,
              f"'{p.name}' does not differ")
    names = [p.name for p in pairs]
    check(len(names) == len(set(names)), guide, 1, "two pairs of one name")
    return preludes, pairs


# ---------------------------------------------------------------- generate

def generate(guide, *parts):
    preludes, pairs = parse(guide)
    share = -(-len(pairs) // len(parts))
    for index, part in enumerate(parts):
        write_part(guide, part, preludes["cpp"], pairs[index * share:(index + 1) * share])


def write_part(guide, part, prelude, pairs):
    lines = ["// Made of docs/porting.md by tests/porting/porting.py.", "#include <tests/porting/pair.hpp>"]

    def quote(code, line):
        lines.extend([f'#line {line} "{guide}"', *code, f'#line {len(lines) + len(code) + 3} "{part}"'])

    quote(prelude.code.splitlines(), prelude.line)
    for p in pairs:
        code = p.cpp.code.splitlines()
        includes = next(n for n, text in enumerate(code) if text and not text.startswith("#include"))
        quote(code[:includes], p.cpp.line)
        lines.append(f"namespace at_line_{p.line} {{")
        quote(code[includes:], p.cpp.line + includes)
        lines.append(f'const porting::pair this_pair({p.line}, "{escape(p.name)}", &porting::run<&example>);')
        lines.append("}")
    pathlib.Path(part).write_text("\n".join(lines) + "\n", encoding="utf-8")


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


# ---------------------------------------------------------------- run

def python_side(guide, prelude, pair):
    """What the Python code of the pair prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            names = {"__name__": pair.name}
            for block in prelude, pair.python:
                # The lines of the guide, so that a traceback points there.
                exec(compile("\n" * (block.line - 1) + block.code, guide, "exec"), names)
            example = names["example"]
            if asyncio.iscoroutinefunction(example):
                asyncio.run(example())
            else:
                example()
        except BaseException:
            traceback.print_exc()
    return out.getvalue()


def cpp_sides(command):
    """What the program prints for each pair. If it dies, that is added to the last one, and the others are missing."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  cwd=scratch, timeout=PATIENCE)
            text, code = done.stdout, done.returncode
            end = f"(the program ends with exit code {code})\n"
        except subprocess.TimeoutExpired as late:
            text, code = late.stdout or b"", None
            end = f"(the program has not ended after {PATIENCE} s)\n"
    text = text.decode(errors="replace").replace("\r\n", "\n")
    if code == 77 or MARK not in text:
        print(text + end)
        sys.exit(code or 1)
    outputs = dict(piece.split("\n", 1) for piece in text.split(MARK)[1:])
    if code != 0:
        last = next(reversed(outputs))
        outputs[last] += end
    return outputs


def compare(guide, pair, side, block, found):
    if found == block.code:
        return True
    print(f"{guide}:{block.line}: '{pair.name}' prints something else in {side}:")
    for line in difflib.unified_diff(block.code.splitlines(), found.splitlines(), "the guide", side, lineterm="", n=99):
        if not line.startswith("@@"):
            print("    " + line)
    return False


def run(guide, program, *arguments):
    launcher = []
    if "--" in arguments:
        launcher = list(arguments[arguments.index("--") + 1:])
        arguments = arguments[:arguments.index("--")]
    only = arguments[0] if arguments else ""
    if sys.version_info < (3, 11):
        print("skipped: asyncio.TaskGroup and asyncio.timeout came with Python 3.11, this is", sys.version)
        sys.exit(77)

    preludes, pairs = parse(guide)
    check(len(pairs) >= LEAST_PAIRS, guide, 1, f"{len(pairs)} pairs, fewer than {LEAST_PAIRS}")
    pairs = [p for p in pairs if only in p.name]
    cpp = cpp_sides([*launcher, program, only])
    failed = []
    for p in pairs:
        same = compare(guide, p, "Python", p.python_output, python_side(guide, preludes["python"], p))
        if p.name in cpp:
            same &= compare(guide, p, "C++", p.cpp_output, cpp[p.name])
        if not same:
            failed.append(p.name)
    different = sum(p.on_purpose for p in pairs)
    print(f"{len(pairs)} pairs: {len(pairs) - different} print the same, {different} differ on purpose")
    missing = len(pairs) - len(cpp)
    if missing:
        print(f"the C++ sides of {missing} were not run")
    if failed:
        print(f"{len(failed)} are not as the guide says:", "; ".join(failed))
    sys.exit(1 if failed or missing else 0)


try:
    {"generate": generate, "run": run}[sys.argv[1]](*sys.argv[2:])
except Mistake as mistake:
    print(mistake)
    sys.exit(1)
