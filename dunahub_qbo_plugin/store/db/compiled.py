"""SQL statements that are compiled once for each dialect: those that hooks and drains use most.

SQLAlchemy's own cache looks a compiled statement up by a key as long as the statement. For one that
is executed for every record, that costs more than everything else in Python.
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
class CompiledStatement:
    """A statement in the SQL of one driver.

    Meant for writes: result values are not converted but come as the driver returns them.

    Attributes:
        text: the SQL as the driver takes it.
        order: names of positional parameters in their order; None for named parameters.
        constants: parameters with the same value each time.
    """

    text: str
    order: tuple[str, ...] | None
    constants: dict[str, Any]

    def run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Execute it with these parameters, by name."""
        return connection.exec_driver_sql(self.text, self.arguments(parameters))

    def run_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it once for each row of parameters."""
        connection.exec_driver_sql(self.text, [self.arguments(row) for row in rows])

    def arguments(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401  a driver's
        """Return the parameters as the driver takes them."""
        values = {**self.constants, **parameters}
        return values if self.order is None else tuple([values[name] for name in self.order])


def compiled(
    connection: sa.Connection,
    make: Callable[..., sa.Executable],
    *given: Hashable,
) -> CompiledStatement:
    """Return the statement of ``make(*given)``, compiled for the connection's dialect.

    Args:
        connection: of any engine; a host's may have another driver than ours.
        make: builds the statement; always the same one for the same ``given``.
        given: the arguments for it.
    """
    return compile_for(connection.dialect, make, *given)


@lru_cache(maxsize=256)
def compile_for(
    dialect: sa.Dialect, make: Callable[..., sa.ClauseElement], *given: Hashable
) -> CompiledStatement:
    """Return the same as `compiled`, for a dialect."""
    compiled = make(*given).compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{make.__name__} makes no SQL")
    return CompiledStatement(
        text=compiled.string,
        order=None if compiled.positiontup is None else tuple(compiled.positiontup),
        constants={
            name: parameter.effective_value
            for parameter, name in compiled.bind_names.items()
            if not parameter.required
        },
    )
