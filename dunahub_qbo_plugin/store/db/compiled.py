"""Statements that are put together once for each driver: what hooks and drains do all the time.

SQLAlchemy finds a statement that it has put together before by a key as long as the statement. For
one that is carried out for every record, that costs more than all else that happens in Python.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    import sqlalchemy as sa


@attrs.frozen(kw_only=True)
class Prepared:
    """A statement in the words of one driver.

    It is for writing: what it reads comes back as the driver gives it.

    Attributes:
        text: as the driver takes it.
        order: names of the parameters, where the driver takes them by place; else None.
        constants: the parameters that are the same each time.
    """

    text: str
    order: tuple[str, ...] | None
    constants: dict[str, Any]

    def run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Carry it out with these parameters, by name."""
        return connection.exec_driver_sql(self.text, self.arguments(parameters))

    def run_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carry it out once for each row of parameters."""
        connection.exec_driver_sql(self.text, [self.arguments(row) for row in rows])

    def arguments(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401  a driver's
        """Return the parameters as the driver takes them."""
        values = {**self.constants, **parameters}
        return values if self.order is None else tuple([values[name] for name in self.order])


def compiled(
    connection: sa.Connection,
    make: Callable[..., sa.Executable],
    *given: Hashable,
) -> Prepared:
    """Return what ``make(*given)`` makes, in the words of the connection's driver.

    Args:
        connection: of any engine; a host's may speak through another driver than ours.
        make: makes the statement; always the same one for the same ``given``.
        given: what it is made of.
    """
    return prepare(connection.dialect, make, *given)


@lru_cache(maxsize=256)
def prepare(
    dialect: sa.Dialect, make: Callable[..., sa.ClauseElement], *given: Hashable
) -> Prepared:
    """As `compiled`, for whoever has a dialect alone."""
    compiled = make(*given).compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{make.__name__} makes no SQL")
    return Prepared(
        text=compiled.string,
        order=None if compiled.positiontup is None else tuple(compiled.positiontup),
        constants={
            name: parameter.effective_value
            for parameter, name in compiled.bind_names.items()
            if not parameter.required
        },
    )
