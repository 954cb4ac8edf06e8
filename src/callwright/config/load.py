"""Reading the settings: defaults, then the file, then the environment, each over the last.

A problem is always one `ConfigInvalid` whose text is one line: where, which key, what to
write instead. Which settings exist is said in `settings`.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from callwright.config.settings import SECTIONS, Config, Section, TrunkSettings
from callwright.errors import ConfigInvalid

FILE_NAME = "callwright.toml"
_PREFIX = "CALLWRIGHT_"
_TOML_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)\Z", re.DOTALL)
_TRUNK_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|_(?!_))*\Z", re.ASCII)
_MASK = "********"


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The settings in force: `path` or what `find_file` finds, with `environ` over it.

    Raises:
        ConfigInvalid: an unreadable file, an unknown key (the text names the nearest one),
            or a value that will not do.
    """
    file = find_file(path, environ)
    in_file = _read_file(file) if file is not None else {}
    in_environ = _read_environ(environ)
    written = dict(_written(in_file, str(file)))
    for key, value, name in in_environ:
        written[key] = (value, name)
    _refuse_unknown(written)
    for key, value, name in in_environ:
        _put(in_file, key, value, name)
    try:
        config = Config.model_validate(in_file)
    except ValidationError as exc:
        raise ConfigInvalid(_one_line(exc, written)) from None
    config._file = file
    config._written = written
    return config


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """`path`, else what CALLWRIGHT_CONFIG names, else `./callwright.toml` if there is one."""
    if path is not None:
        return path
    named = environ.get("CALLWRIGHT_CONFIG", "")
    if named:
        return Path(named)
    here = Path(FILE_NAME)
    return here if here.exists() else None


def describe(config: Config) -> list[tuple[str, str, str]]:
    """(key, value, where it came from) for each setting, in order; secrets are masked."""
    rows = []
    for key, field in _declared(config.trunks):
        value, source = config._written.get(key, (field.default, "default"))
        rows.append((key, _shown(value, field), source))
    return rows


def _declared(trunks: Mapping[str, object]) -> Iterator[tuple[str, FieldInfo]]:
    sections: dict[str, type[Section]] = dict(SECTIONS)
    sections.update((f"trunks.{name}", TrunkSettings) for name in trunks)
    for section, model in sections.items():
        for name, field in model.model_fields.items():
            yield f"{section}.{name}", field


def _shown(value: object, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra.get("secret"):
        return _MASK if value else ""
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"(://[^/@:]*):[^/@]*@", rf"\1:{_MASK}@", text)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigInvalid(f"{file}: no such file; `callwright init` writes one") from None
    except OSError as exc:
        raise ConfigInvalid(f"{file}: cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise ConfigInvalid(f"{file}:{line}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as exc:
        place = _TOML_PLACE.match(str(exc))
        if place is None:
            raise ConfigInvalid(f"{file}: is not TOML: {exc}") from None
        problem, line_text, column = place.groups()
        raise ConfigInvalid(f"{file}:{line_text}:{column}: is not TOML: {problem}") from None


def _read_environ(environ: Mapping[str, str]) -> list[tuple[str, object, str]]:
    """(key, value, variable) of each CALLWRIGHT_SECTION__KEY."""
    found = []
    for name in sorted(environ):
        if name.startswith(_PREFIX) and "__" in name:
            key = ".".join(name.removeprefix(_PREFIX).lower().split("__"))
            found.append((key, _from_text(key, environ[name], name), name))
    return found


def _from_text(key: str, text: str, name: str) -> object:
    """`text`, cut up when the setting is a list: JSON, or words between commas."""
    section, _, rest = key.partition(".")
    trunks = [rest.partition(".")[0]] if section == "trunks" else []
    field = dict(_declared(dict.fromkeys(trunks))).get(key)
    if field is None or not isinstance(field.default, list):
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ConfigInvalid(f"{name}: is not a list in JSON") from None
    return [word.strip() for word in text.split(",") if word.strip()]


def _put(tree: dict[str, Any], key: str, value: object, name: str) -> None:
    """Set `key` in `tree`, over whatever the file says."""
    *path, last = key.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise ConfigInvalid(f"{name}: the file has a value where [{'.'.join(path)}] belongs")
    tree[last] = value


def _written(tree: Mapping[str, Any], source: str) -> Iterator[tuple[str, tuple[object, str]]]:
    """(key, (value, source)) of each value in a file, however deep it stands."""
    for section, values in tree.items():
        if not isinstance(values, dict):
            yield section, (values, source)
            continue
        deeper = values.items() if section == "trunks" else ()
        for name, trunk in deeper:
            if isinstance(trunk, dict):
                yield from ((f"trunks.{name}.{k}", (v, source)) for k, v in trunk.items())
            else:
                yield f"trunks.{name}", (trunk, source)
        if section != "trunks":
            yield from ((f"{section}.{k}", (v, source)) for k, v in values.items())


def _refuse_unknown(written: Mapping[str, tuple[object, str]]) -> None:
    for key, (_, source) in written.items():
        parts = key.split(".")
        trunks = [parts[1]] if parts[0] == "trunks" and len(parts) > 2 else ["main"]
        if parts[0] == "trunks" and len(parts) > 2 and not _TRUNK_NAME.match(parts[1]):
            raise ConfigInvalid(
                f"{source}: {key}: a trunk's name takes small letters, digits, - and single _"
            )
        known = [name for name, _ in _declared(dict.fromkeys(trunks))]
        if key not in known:
            nearest = max(known, key=lambda name: _likeness(key, name))
            if source.startswith(_PREFIX):
                nearest = _PREFIX + "__".join(nearest.split(".")).upper()
                raise ConfigInvalid(f"{source}: no such setting; did you mean {nearest}?")
            raise ConfigInvalid(f"{source}: {key}: no such setting; did you mean {nearest}?")


def _likeness(written: str, known: str) -> float:
    """How much two keys look alike: the whole and, once more, the last word."""
    last = (written.rpartition(".")[2], known.rpartition(".")[2])
    return sum(difflib.SequenceMatcher(None, a, b).ratio() for a, b in [(written, known), last])


def _one_line(exc: ValidationError, written: Mapping[str, tuple[object, str]]) -> str:
    errors = exc.errors(include_url=False, include_input=False)
    first = errors[0]
    path = [str(part) for part in first["loc"] if not isinstance(part, int)]
    key = ".".join(path)
    source = next((s for k, (_, s) in written.items() if k == key), None)
    if source is None:
        source = next((s for k, (_, s) in written.items() if k.startswith(key + ".")), "settings")
    problem = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if source.startswith(_PREFIX):
        return f"{source}: {problem}{more}"
    return f"{source}: {key}: {problem}{more}"
