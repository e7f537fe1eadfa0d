"""Mutations of what a user or a stranger writes: of trees, of the text that states them, and of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Steps = tuple[str | int, ...]
Place = tuple[Any, str | int]  # a mapping or a list, and a key or an index of it

# What may stand for any value, as JSON, which YAML reads too: other types, extremes, texts with a meaning elsewhere.
ODD = (
    "true", "false", "null", "0", "-1", "1", "2", "0.5", "-0.0", "1e308", "-1e308", "1e999", "1e-320", "NaN",
    "Infinity",
    "9223372036854775808", "18446744073709551617", "9" * 400, "9" * 5_000, '""', '" "', '"x"', "[]", "{}",
    "[[]]", "[true]",
    '["a", 1, null]', '{"a": 1}', "[" * 40 + "]" * 40, "[" * 3_000 + "]" * 3_000, '{"a":' * 60 + "1" + "}" * 60,
    '"\\u0000"', '"\\u001b]0;x\\u0007"', '"a\\u202eb"', '"\\ud800"', '"\\n\\n---\\n"', '"' + "a" * 300 + '"',
    '"' + "é" * 5_000 + '"', '"../../outside/keys"', '"../outside"', '"/etc/passwd"', '"/dev/zero"',
    '"~no-such-user/x"',
    '"-oProxy=x"', '"2021-02-30"', '"1e999"', '"99999999999999999999T"', '"<img src=x>"', '"[/b]{0}%n$(id)"',
    '"None"',
    '"http://user:word@127.0.0.1:9/?sig=x"', '"file:///etc/passwd"', '"org/model@main"', '"os:system"',
    '"*"', '"**/*"',
)  # fmt: skip
# The same where only YAML has a reading.
ODD_YAML = (
    ".nan", "-.inf", "2021-02-30", "2021-01-01T25:00", "0x_", "0b_", "0100000", "on", "190:20:30",
    '"\\U00110000"', '"\\0"',
    "&a [*a]", "*nowhere", "!!python/object/apply:os.system [id]", "!!binary x", "<<", "{<<: {a: 1}, a: 2}",
    "{<<: 3}", "? x",
    "|\n x", "- - -", "%", "@", "`", "\t", "&b [&c [x, x], *c, *c]", "[" + "&d [x], " + "*d, " * 30 + "]",
    "{a: 1, a: 2}",
    "{1: 2}", "'", '"', "[", "}", "#", "---", "\u2028", "\ufeff",
)  # fmt: skip
KEYS = ("", "x", "kind", "path", "name", "__class__", "<<", "a" * 300, "\x1b[2J", "../outside", "corpus.domain", "0")
PIECES = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\t", b"\x1b[2J", b"{", b"}", b"[", b"]", b'"', b"'", b":", b",",
    b"\n", b"\r", b"&a ",
    b"*a", b"- ", b"9" * 50, b"-", b"\xe2\x80\xae", b"\xed\xa0\x80", b" " * 5_000, b"[" * 3_000,
)  # fmt: skip
MARK = "\u2063raw %d\u2063"  # stands for a piece of text that is put in as it is


def places(tree: Any) -> Iterator[Place]:
    """Every place in a tree that holds a value."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in items:
        yield tree, step
        yield from places(value)


def mutated_tree(tree: Any, random: Random, odd: tuple[str, ...]) -> str:
    """The tree with one to three mutations, as JSON with pieces of ``odd`` in it."""
    copy, pieces = json.loads(json.dumps(tree)), list[str]()

    def raw() -> str:
        pieces.append(random.choice(odd))
        return MARK % (len(pieces) - 1)

    for _ in range(random.choice((1, 1, 1, 2, 3))):
        every = list(places(copy))
        if not every:
            break
        owner, step = random.choice(every)
        match random.randrange(10):
            case 0:
                del owner[step]
            case 1:
                other, key = random.choice(every)
                owner[step] = json.loads(json.dumps(other.get(key) if isinstance(other, dict) else other))
            case 2:
                owner[step] = [owner[step]]
            case 3 if isinstance(owner, dict):
                owner[random.choice(KEYS)] = owner[step] if random.random() < 0.5 else raw()
            case 4 if isinstance(owner, list):
                owner.extend(owner[step : step + 1] * random.choice((1, 50)))  # type: ignore[operator]
            case _:
                owner[step] = raw()
    text = json.dumps(copy, ensure_ascii=False)
    for number, piece in enumerate(pieces):
        text = text.replace(json.dumps(MARK % number, ensure_ascii=False), piece)
    return text


def mutated_bytes(content: bytes, random: Random) -> bytes:
    """The bytes with one to three mutations."""
    for _ in range(random.choice((1, 1, 2, 3))):
        begin = random.randrange(len(content) + 1)
        end = min(len(content), begin + random.choice((1, 1, 2, 8, 100)))
        match random.randrange(7):
            case 0:
                content = content[:begin]
            case 1:
                content = content[:begin] + content[end:]
            case 2:
                content = content[:end] + content[begin:]
            case 3 if begin < len(content):
                flipped = content[begin] ^ (1 << random.randrange(8))
                content = content[:begin] + bytes([flipped]) + content[begin + 1 :]
            case 4:
                content = content[:begin] + random.randbytes(8) + content[end:]
            case _:
                content = content[:begin] + random.choice(PIECES) + content[begin:]
    return content


def json_text(tree: Any) -> Callable[[Random], bytes]:
    """A drawer of mutated JSON."""
    plain = json.dumps(tree).encode()
    return lambda random: (
        mutated_bytes(plain, random) if random.random() < 0.25 else encoded(mutated_tree(tree, random, ODD))
    )


def yaml_text(tree: Any, text: str) -> Callable[[Random], bytes]:
    """A drawer of mutated YAML, of a tree, or of the text that states it."""
    return lambda random: (
        mutated_bytes(text.encode(), random)
        if random.random() < 0.35
        else encoded(mutated_tree(tree, random, ODD + ODD_YAML))
    )


def encoded(text: str) -> bytes:
    """UTF-8, as some editors write it even where a text has no such form."""
    return text.encode("utf-8", "surrogatepass")
