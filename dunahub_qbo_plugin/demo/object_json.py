"""Write a graph of the emulator's objects as JSON, and read it without running anybody's code.

Unlike a pickle, a file can name only classes and functions of the emulator itself, and a class is
only ever filled with its fields: whoever changes the file changes the companies in it, no more.
"""

from __future__ import annotations

import base64
import copyreg
import functools
import importlib
import json
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS: Final = "dunahub_qbo_plugin.emulator."
"""Where whatever a file names comes from."""
FACTORIES: Final[Mapping[str, Any]] = {
    "int": int,
    "list": list,
    "dict": dict,
    "set": set,
    "deque": deque,
    "Counter": Counter,
}
"""What a `defaultdict` may be made with besides."""
_LOCKS: Final = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}
_LISTS: Final = {"list": list, "set": set}
_TUPLES: Final = {"tuple": tuple, "frozenset": frozenset}
_DICTS: Final = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_PLAIN: Final = (type(None), bool, int, float, str)


class ForeignObject(ValueError):
    """A file that names what is not the emulator's, or an object that cannot be written."""


def dump(root: object, fresh: Mapping[type, Callable[[], object]]) -> bytes:
    """Return an object, and all that it refers to, as JSON.

    Args:
        root: the object.
        fresh: classes whose objects are not kept but made anew, and how.

    Raises:
        ForeignObject: something it refers to is not the emulator's.
    """
    writer = _Writer(fresh)
    root_at = writer.value(root)
    return json.dumps({"root": root_at, "objects": writer.nodes}).encode()


def load(content: bytes, fresh: Mapping[type, Callable[[], object]]) -> object:
    """Return what `dump` was passed.

    Raises:
        ValueError: it is not such a file, or names what is not the emulator's.
    """
    told = json.loads(content)
    try:
        return _Reader(told["objects"], fresh).value(told["root"])
    except (KeyError, IndexError, TypeError, AttributeError, ArithmeticError) as error:
        raise ForeignObject("this is not a file of the emulator's objects") from error


class _Writer:
    """Writes each object once; others refer to it by its number."""

    def __init__(self, fresh: Mapping[type, Callable[[], object]]) -> None:
        self.nodes: list[Any] = []
        self._fresh = fresh
        self._known: dict[
            int, tuple[int, object]
        ] = {}  # with the object, which keeps its id its own

    def value(self, value: object) -> Any:  # noqa: ANN401  JSON
        if type(value) in _PLAIN:
            return value
        known = self._known.get(id(value))
        if known is None:
            at = len(self.nodes)
            self.nodes.append(None)
            self._known[id(value)] = (at, value)
            self.nodes[at] = self._node(value)
            return {"at": at}
        return {"at": known[0]}

    def _pairs(self, value: Mapping[Any, Any]) -> list[Any]:
        # Copied at once: a request may add to it meanwhile.
        return [[self.value(key), self.value(one)] for key, one in list(value.items())]

    def _node(self, value: Any) -> list[Any]:  # noqa: ANN401, C901, PLR0911  one line for each sort
        kind = type(value)
        name = kind.__name__
        if kind in self._fresh:
            return ["fresh", name]
        if kind in _LOCKS:
            return ["lock", name]
        if name in _DICTS and kind is _DICTS[name]:
            return [name, self._pairs(value)]
        if kind is defaultdict:
            return [name, self.value(value.default_factory), self._pairs(value)]
        if kind is MappingProxyType:
            return ["proxy", self._pairs(value)]
        if kind in {set, frozenset}:
            return [name, [self.value(one) for one in sorted(value, key=repr)]]
        if kind in {list, tuple}:
            return [name, [self.value(one) for one in list(value)]]
        if kind is deque:
            return [name, value.maxlen, [self.value(one) for one in list(value)]]
        if kind is functools.partial:
            return [name, *map(self.value, (value.func, value.args, value.keywords))]
        if kind is MethodType:
            return ["method", self.value(value.__self__), value.__name__]
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return ["name", _name(value)]
        if isinstance(value, Enum):
            return ["enum", _name(kind), self.value(value.value)]
        return self._simple(value) or self._object(value)

    def _simple(self, value: Any) -> list[Any] | None:  # noqa: ANN401  of any sort
        match value:
            case bytes():
                return ["bytes", base64.b64encode(value).decode()]
            case Decimal():
                return ["Decimal", str(value)]
            case datetime():
                plain = value.replace(tzinfo=None).isoformat()
                return ["datetime", plain, self.value(value.tzinfo), value.fold]
            case date():
                return ["date", value.isoformat()]
            case timedelta():
                return ["timedelta", value.days, value.seconds, value.microseconds]
            case timezone():
                return ["timezone", self.value(value.utcoffset(None))]
            case ZoneInfo():
                return ["ZoneInfo", value.key]
            case _:
                return None

    def _object(self, value: Any) -> list[Any]:  # noqa: ANN401  of any class of the emulator
        if isinstance(value, tuple):
            return ["namedtuple", _name(type(value)), [self.value(one) for one in value]]
        made, arguments, *rest = value.__reduce_ex__(4)
        if made is not copyreg.__newobj__ or any(rest[1:]):  # type: ignore[attr-defined]  # pickle's own
            raise ForeignObject(f"a {type(value).__name__} cannot be written")
        state = rest[0] if rest else None
        return ["object", _name(arguments[0]), self.value(arguments[1:]), self.value(state)]


class _Reader:
    """Makes each object once."""

    def __init__(self, nodes: list[list[Any]], fresh: Mapping[type, Callable[[], object]]) -> None:
        self._nodes = nodes
        self._fresh = {kind.__name__: make for kind, make in fresh.items()}
        self._made: dict[int, Any] = {}

    def value(self, told: Any) -> Any:  # noqa: ANN401  whatever was written
        if not isinstance(told, dict):
            return told
        at = told["at"]
        if at not in self._made:
            made = self._make(at, *self._nodes[at])
            self._made[at] = made
        return self._made[at]

    def _pairs(self, told: list[Any]) -> dict[Any, Any]:
        return {self.value(key): self.value(one) for key, one in told}

    def _make(self, at: int, kind: str, *told: Any) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912  as above
        if kind in _DICTS or kind == "defaultdict":
            empty: Any = defaultdict(self.value(told[0])) if kind == "defaultdict" else None
            made = self._made[at] = _DICTS[kind]() if empty is None else empty
            made.update(self._pairs(told[-1]))
            return made
        if kind in _LISTS:
            made = self._made[at] = _LISTS[kind]()
            for one in told[0]:
                made.append(self.value(one)) if kind == "list" else made.add(self.value(one))
            return made
        if kind in _TUPLES:
            return _TUPLES[kind](self.value(one) for one in told[0])
        match kind:
            case "deque":
                return deque((self.value(one) for one in told[1]), maxlen=told[0])
            case "proxy":
                return MappingProxyType(self._pairs(told[0]))
            case "fresh":
                return self._fresh[told[0]]()
            case "lock":
                return next(new for one, new in _LOCKS.items() if one.__name__ == told[0])()
            case "partial":
                function, arguments, named = map(self.value, told)
                return functools.partial(function, *arguments, **named)
            case "method":
                return _method(self.value(told[0]), told[1])
            case "name":
                return _named(told[0])
            case "enum":
                return _class(told[0])(self.value(told[1]))
            case "namedtuple":
                return tuple.__new__(_class(told[0]), [self.value(one) for one in told[1]])
            case "object":
                return self._object(at, *told)
            case _:
                return self._simple(kind, told)

    def _simple(self, kind: str, told: tuple[Any, ...]) -> Any:  # noqa: ANN401  of any sort
        match kind:
            case "bytes":
                return base64.b64decode(told[0])
            case "Decimal":
                return Decimal(told[0])
            case "datetime":
                plain = datetime.fromisoformat(told[0])
                return plain.replace(tzinfo=self.value(told[1]), fold=told[2])
            case "date":
                return date.fromisoformat(told[0])
            case "timedelta":
                return timedelta(*told)
            case "timezone":
                return timezone(self.value(told[0]))
            case "ZoneInfo":
                return ZoneInfo(told[0])
            case _:
                raise ForeignObject(f"there is no {kind!r}")

    def _object(self, at: int, name: str, arguments: Any, state: Any) -> Any:  # noqa: ANN401  any class
        made = self._made[at] = object.__new__(_class(name))
        if self.value(arguments):
            raise ForeignObject("an object is filled with its fields only")
        values = self.value(state)
        if hasattr(type(made), "__setstate__"):
            made.__setstate__(values)
            return made
        plain, slots = values if isinstance(values, tuple) else (values, None)
        for field, value in {**(plain or {}), **(slots or {})}.items():
            object.__setattr__(made, field, value)
        return made


def _name(value: Any) -> str:  # noqa: ANN401  a class or a function
    for name, factory in FACTORIES.items():
        if value is factory:
            return name
    name = f"{value.__module__}:{value.__qualname__}"
    if _named(name) is not value:
        raise ForeignObject(f"{name} cannot be written")
    return name


def _named(name: str) -> Any:  # noqa: ANN401  a class or a function
    if name in FACTORIES:
        return FACTORIES[name]
    module, _, path = name.partition(":")
    if not module.startswith(OURS) or not path.isidentifier():
        raise ForeignObject(f"{name[:100]!r} is not the emulator's")
    found = getattr(importlib.import_module(module), path, None)
    if not isinstance(found, type | FunctionType) or found.__module__ != module:
        raise ForeignObject(f"{name[:100]!r} is not the emulator's")
    return found


def _class(name: str) -> type[Any]:
    found = _named(name)
    if not isinstance(found, type) or name in FACTORIES:
        raise ForeignObject(f"{name[:100]!r} is no class of the emulator's")
    return found


def _method(owner: object, name: str) -> Any:  # noqa: ANN401  bound
    found = getattr(owner, name) if name.isidentifier() else None
    if not isinstance(found, MethodType) or not type(owner).__module__.startswith(OURS):
        raise ForeignObject("a method is one of the emulator's objects")
    return found
