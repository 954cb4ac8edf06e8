"""The SQL of this store, by name.

Every file in `sql/` holds queries in this form, and nothing else:

    -- name: heartbeat
    -- One sentence on what the query promises.
    UPDATE owner SET ... ;

They are read once, when the module is loaded. A name that is used twice, or a query without
its sentence, is an error.
"""

import re
from importlib.resources import files

_HEAD = re.compile(r"^-- name: *(\S*) *$", re.MULTILINE)
_PARAMETER = re.compile(r":([a-z_]+)")


def parse_queries(text: str, source: str) -> dict[str, str]:
    """The queries in `text` by name, without their comments.

    Raises:
        ValueError: text before the first name, a name that is no lower-case word or stands
            twice, a query without a sentence or without SQL.
    """
    before, *parts = _HEAD.split(text)
    if before.strip():
        raise ValueError(f"{source}: text before the first '-- name:'")
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        lines = body.strip().splitlines()
        if not re.fullmatch(r"[a-z][a-z_]*", name) or name in queries:
            raise ValueError(f"{source}: {name!r} is no name, or stands twice")
        if not lines or not lines[0].startswith("-- "):
            raise ValueError(f"{source}: {name} does not say what it promises")
        sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
        if not sql.endswith(";"):
            raise ValueError(f"{source}: {name} has no SQL, or it does not end with ';'")
        queries[name] = sql
    return queries


def for_rows(query: str, count: int) -> str:
    """`query`, which works on one row of VALUES, as one that works on `count` rows at a time.

    The parameters of the rows follow one another, each row's in the order of `query`; they have
    no names, because a long text takes a while to be found among the prepared statements.

    Raises:
        ValueError: there is no such row, a parameter outside of it, or one twice in it.
    """
    head, values, rest = query.partition("VALUES ")
    row = rest[: _end_of_row(rest)]
    tail = rest[len(row) :]
    names = _PARAMETER.findall(query)
    if not values or names != list(dict.fromkeys(_PARAMETER.findall(row))):
        raise ValueError(
            f"its parameters are not all, and once each, in one row of VALUES: {query}"
        )
    return f"{head}{values}{', '.join([_PARAMETER.sub('?', row)] * count)}{tail}"


def _end_of_row(text: str) -> int:
    """Where the parenthesis is closed with which `text` begins; 0 = it begins with none."""
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return position + 1 if position else 0
    return 0


def _load() -> dict[str, str]:
    queries: dict[str, str] = {}
    for file in sorted(files(__package__).joinpath("sql").iterdir(), key=lambda entry: entry.name):
        for name, sql in parse_queries(file.read_text(encoding="utf-8"), file.name).items():
            if name in queries:
                raise ValueError(f"{file.name}: {name} stands in another file too")
            queries[name] = sql
    return queries


QUERIES = _load()
