"""A results object: its table, and the SQL expressions over it."""

from dataclasses import dataclass
from typing import Any

from wb_cli.server.db.fetch_config import SHORTENED, FetchConfig, InvalidConfigError
from wb_cli.server.db.queries_versions import LAST_RUN, RunVersion
from wb_cli.server.db.sql import quoted, require_row

# The periods that derive from a row's month, finest first: 202405, 20242, 2024.
PERIOD_SQL = {
    "period_id": "period_id",
    "quarter_id": "(period_id / 100 * 10 + (period_id % 100 + 2) / 3)",
    "year": "(period_id / 100)",
}


@dataclass(frozen=True, slots=True)
class ResultsObject:
    """One table of results that a module writes: a row per month and combination of dimensions."""

    id: str
    module_id: str
    label: str
    dimensions: tuple[str, ...]
    measures: tuple[str, ...]
    # False after a module's results are described and before its first run.
    has_table: bool = True

    @property
    def table(self) -> str:
        """The table's name."""
        return f"results_{self.id}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns, in the order in which rows are written."""
        return (*self.dimensions, "period_id", *self.measures)

    def dimension_sql(self, dimension: str) -> str:
        """A dimension or period of a row, as SQL. Any other text is refused."""
        if dimension in self.dimensions:
            return quoted(dimension)
        if dimension in PERIOD_SQL:
            return PERIOD_SQL[dimension]
        known = ", ".join((*self.dimensions, *PERIOD_SQL))
        raise InvalidConfigError(
            f"{self.id} has no dimension {SHORTENED.repr(dimension)}", f"it has {known}"
        )

    def measure_sql(self, measure: str) -> str:
        """A value column, as SQL."""
        if measure in self.measures:
            return quoted(measure)
        known = ", ".join(self.measures)
        raise InvalidConfigError(
            f"{self.id} has no value {SHORTENED.repr(measure)}", f"it has {known}"
        )

    def conditions(self, fetch: FetchConfig) -> tuple[str, list[Any]]:
        """The rows that a fetch config asks for: the SQL after WHERE, and its parameters."""
        terms: list[str] = []
        values: list[Any] = []

        def bound(value: Any) -> str:
            values.append(value)
            return f"${len(values)}"

        for part in fetch.filters:
            cast = "::text" if part.dimension in PERIOD_SQL else ""
            dimension = self.dimension_sql(part.dimension)
            terms.append(f"{dimension}{cast} = ANY({bound(list(part.values))})")
        if fetch.first_period is not None:
            terms.append(f"period_id >= {bound(fetch.first_period)}")
        if fetch.last_period is not None:
            terms.append(f"period_id <= {bound(fetch.last_period)}")
        if fetch.latest_months is not None:
            newest = f"(SELECT max(period_id) FROM {quoted(self.table)})"
            months = bound(-fetch.latest_months)
            terms.append(f"period_id > months_later({newest}, {months}::integer)")
        return " AND ".join(terms) or "true", values


async def read_results_object(
    connection: Any, results_object_id: str
) -> tuple[ResultsObject, RunVersion]:
    """A results object and the version of its rows, within the caller's snapshot."""
    row = await connection.fetchrow(
        f"""SELECT {LAST_RUN}, ro.id, ro.module_id, ro.label, ro.dimensions, ro.measures,
            to_regclass(quote_ident('results_' || ro.id)) IS NOT NULL AS has_table
        FROM results_objects ro LEFT JOIN modules mod ON mod.id = ro.module_id
        WHERE ro.id = $1""",
        results_object_id,
    )
    require_row(row, "results object", results_object_id)
    run = RunVersion(row["last_run"], row["is_running"])
    dimensions, measures = tuple(row["dimensions"]), tuple(row["measures"])
    # Without a table there is no data. There is no version either, as the table appears without
    # moving one.
    has_table = row["has_table"]
    described = ResultsObject(
        row["id"], row["module_id"], row["label"], dimensions, measures, has_table
    )
    return described, run if has_table else RunVersion(None, run.is_running)


async def results_bounds(connection: Any, source: ResultsObject) -> dict[str, int] | None:
    """The first and last month of a results object; None if it has no rows."""
    return await period_bounds(connection, source.table) if source.has_table else None


async def period_bounds(connection: Any, table: str) -> dict[str, int] | None:
    """The first and last month of a table; None if it is empty."""
    row = await connection.fetchrow(
        f"SELECT min(period_id) AS first, max(period_id) AS last FROM {quoted(table)}"
    )
    return None if row["first"] is None else dict(row)
