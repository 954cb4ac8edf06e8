"""URLs that lead to this machine itself, in the spellings that URL readers and resolvers take.

Sources: the forms that published server-side request forgeries used (decimal, octal and
hexadecimal addresses, IPv4 inside IPv6, full-width and circled digits, user names that look
like hosts, half-parsed authorities), and random mixtures of them.
"""

import random
from collections.abc import Iterator

LOOPBACK = (0x7F000001, 0x7F7F7F7F)
"""Where listeners are; 0.0.0.0 and :: lead there too."""

_SIX = (
    "::1",
    "0:0:0:0:0:0:0:1",
    "::0001",
    "0000::1",
    "::",
    "0::0",
    "::ffff:127.0.0.1",
    "::FFFF:7F00:1",
    "0:0:0:0:0:ffff:7f00:0001",
    "::127.0.0.1",
    "::7f00:1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "::1%25lo",
    "::1%lo",
    "fe80::1%25lo",
    "::ffff:0.0.0.0",
)
_NAMES = (
    "localhost",
    "LOCALHOST",
    "localhost.",
    "any.localhost",
    "private.test",
    "private.test.",
    "six.test",
    "mapped.test",
    "any.test",
    "mixed-first.test",
    "mixed-last.test",
    "mixed-dead.test",
    "mixed-six.test",
    "ｌｏｃａｌｈｏｓｔ",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127．0．0．1",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "lOcAlHoSt",
)
_AROUND = (
    "http://127.0.0.1:{port}",
    "HTTP://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://user:key@127.0.0.1:{port}/",
    "http://127.1.1.1@127.0.0.1:{port}/",
    "http://127.1.1.1:80@127.0.0.1:{port}/",
    "http://good.test@127.0.0.1:{port}/",
    "http://good.test%00@127.0.0.1:{port}/",
    "http://a%0d%0aHost:b@127.0.0.1:{port}/",
    "http://good.test\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.test/",
    "http://127.0.0.1:{port}#@good.test/",
    "http://127.0.0.1:{port}?@good.test/",
    "http://good.test:{port}@127.0.0.1:{port}@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/%0d%0aX:y",
    "http://127.0.0.1:{port}/\r\nX: y",
    "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:{port}:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t/",
    "http://127.0.0.1\n:{port}/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://%6c%6f%63alhost:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1:{port}/",
    "http://::1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.1..:{port}/",
    "http://.127.0.0.1:{port}/",
    "http://127.0.0.1\u200b:{port}/",
    "http://127.0.0.1\u00ad:{port}/",
    "http://127.0.0.1\ufeff:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/x",
    "file:///etc/hostname",
    "unix:///run/x.sock",
    "jar:http://127.0.0.1:{port}/!/",
    "http+unix://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "javascript:http://127.0.0.1:{port}/",
)


def forms(port: int, count: int, chance: random.Random) -> list[str]:
    """At least `count` URLs, no two alike; the fixed ones first."""
    urls = [form.format(port=port) for form in _AROUND]
    urls += [f"http://[{six}]:{port}/" for six in _SIX]
    urls += [f"http://{name}:{port}/" for name in _NAMES]
    urls += [f"http://{host}:{port}/" for host in ("0", "0.0.0.0", "0x0", "00", "0.0", "000.0.0.0")]
    seen = dict.fromkeys(urls)
    spelt = _spellings(chance)
    while len(seen) < count:
        seen[f"http://{next(spelt)}:{port}/"] = None
    return list(seen)


def _spellings(chance: random.Random) -> Iterator[str]:
    """Loopback addresses as the C library reads them, with whatever it lets stand around."""
    while True:
        number = chance.choice(LOOPBACK)
        parts = chance.randint(1, 4)
        words = [number >> (24 - 8 * place) & 0xFF for place in range(parts - 1)]
        words.append(number & (1 << 8 * (5 - parts)) - 1)
        text = ".".join(_spelt(word, chance) for word in words)
        text += chance.choice(("", "", "", "."))
        yield chance.choice(("", "", "user@", "127.1.1.1@")) + text


def _spelt(word: int, chance: random.Random) -> str:
    zeros = "0" * chance.randint(0, 2)
    return chance.choice(
        (str(word), f"0{zeros}{word:o}", f"0x{zeros}{word:x}", f"0X{zeros}{word:X}")
    )
