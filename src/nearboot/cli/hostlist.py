"""Host lists as operators write them: ``web[01-40],db[1,3]`` and globs such as ``cp5*``.

expand(["web[01-03]"])  →  ["web01", "web02", "web03"]
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from nearboot.errors import Fault, InputError, NotFoundError

MAX_HOSTS = 100_000  # a typing error such as web[1-999999999] is refused before memory is filled

_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_NUMBERED = re.compile(r"([^0-9\[\],]*)([0-9]{1,18})([^0-9\[\],][^\[\],]*|)")
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?\Z")


def expand(words: Iterable[str]) -> list[str]:
    """All names that the words stand for, in their order, each once; InputError for a broken bracket."""
    names: dict[str, None] = {}
    for word in words:
        for part in _split(word):
            for name in _expand_one(part, word):
                names[name] = None
                if len(names) > MAX_HOSTS:
                    raise _fault(word, f"at most {MAX_HOSTS} names")
    return list(names)


def choose(
    words: Sequence[str], known: Sequence[str], *, places: Callable[[], Collection[str]] = tuple, flag: str = ""
) -> list[str]:
    """The known names that the words name: exact, by host list or by glob; NotFoundError has all that name none.

    A short name stands for a fully qualified one where only one fits: ``cp3050`` for ``cp3050.esams.wmnet``.
    ``places`` are the names of locations: whoever gives one as a server's name is told of ``flag``, which takes it.
    """
    chosen: dict[str, None] = {}
    missing: dict[str, None] = {}
    index = set(known)
    short: dict[str, list[str]] = {}
    for name in known:
        short.setdefault(name.split(".", 1)[0], []).append(name)
    for word in words:
        for name in expand([word]):
            found = _globbed(name, known) or _resolve(name, index, short)
            (chosen if found else missing).update(dict.fromkeys(found or [name]))
    if missing:
        first, *others = missing
        near = [f"{flag} {first}"] if first in places() else _near(first, known, short, chosen, alike=not others)
        raise NotFoundError("server", first, near, others=others)
    return list(chosen)


def fold(names: Iterable[str]) -> list[str]:
    """Host lists that stand for these names: what differs by one number only is told once."""
    rows: dict[tuple[str, int, str], list[int]] = {}
    found: dict[str, None] = {}
    for name in sorted(set(names)):
        if match := _NUMBERED.fullmatch(name):
            head, number, tail = match.groups()
            rows.setdefault((head, len(number), tail), []).append(int(number))
        else:
            found[name] = None
    for (head, width, tail), numbers in rows.items():
        runs = [f"{a:0{width}}" if a == b else f"{a:0{width}}-{b:0{width}}" for a, b in _runs(numbers)]
        single = len(runs) == 1 and "-" not in runs[0]
        found[f"{head}{runs[0]}{tail}" if single else f"{head}[{','.join(runs)}]{tail}"] = None
    return sorted(found)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last of each unbroken run; the numbers rise."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _globbed(name: str, known: Sequence[str]) -> list[str]:
    return fnmatch.filter(known, name) if any(mark in name for mark in "*?") else []


def _resolve(name: str, index: set[str], short: dict[str, list[str]]) -> list[str]:
    if name in index:
        return [name]
    return short[name] if len(short.get(name, [])) == 1 else []


def _near(
    name: str, known: Sequence[str], short: dict[str, list[str]], chosen: Collection[str], *, alike: bool
) -> list[str]:
    """What may have been meant: those of that short name, all that begin so, or names that look alike."""
    import difflib  # noqa: PLC0415 - only for the error

    begun = [f"'{name}*'"] if any(each.startswith(name) for each in known) else []
    if short.get(name) or begun:
        return short.get(name) or begun
    return [near for near in difflib.get_close_matches(name, known, 3) if near not in chosen] if alike else []


def _split(word: str) -> Iterator[str]:
    """Split at commas that stand outside brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(word):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            yield word[start:place]
            start = place + 1
    yield word[start:]


def _expand_one(part: str, word: str) -> Iterator[str]:
    match = _BRACKET.search(part)
    if match is None:
        if not part or "[" in part or "]" in part:
            raise _fault(word, "a name or a range such as web[01-40]")
        yield part
        return
    head, tail = part[: match.start()], part[match.end() :]
    for item in match.group(1).split(","):
        for number in _numbers(item, word):
            yield from _expand_one(f"{head}{number}{tail}", word)


def _numbers(item: str, word: str) -> Iterator[str]:
    match = _RANGE.match(item.strip())
    if match is None:
        raise _fault(word, "numbers or ranges of numbers in the brackets, such as [01-40,50]")
    first, last = match.group(1), match.group(2) or match.group(1)
    if int(last) < int(first) or int(last) - int(first) > MAX_HOSTS:
        raise _fault(word, f"a rising range of at most {MAX_HOSTS} names")
    for number in range(int(first), int(last) + 1):
        yield str(number).zfill(len(first))


def _fault(word: str, expected: str) -> InputError:
    return InputError([Fault("host list", 0, "", repr(word), expected)])
