"""What a table asks for, held against what its task can give, before anything is trained for it.

table.metrics --in a group that evaluations report?--   table.primary, table.tests --from match records?--> faults
"""

from collections.abc import Iterator

from rcflab.field_faults import Fault
from rcflab.schema import ExperimentSpec, TableConfig
from rcflab.suggest import nearest


def table_faults(spec: ExperimentSpec) -> list[Fault]:
    """Metrics that no cell will report, and tests that cannot be made; loads the task's records only where asked."""
    if spec.table == TableConfig():
        return []
    return [*_unreported(spec), *_untestable(spec)]


def _unreported(spec: ExperimentSpec) -> Iterator[Fault]:
    from rcflab.task import load_resampling

    groups = load_resampling(spec.task).groups
    for place, key in enumerate(spec.table.metrics or ()):
        if key.split("/")[0] not in groups:
            wanted = (
                f"a metric that evaluations of the task {spec.task} report: {', '.join(f'{g}/...' for g in groups)}"
            )
            yield Fault(("table", "metrics", place), repr(key), wanted)


def _untestable(spec: ExperimentSpec) -> Iterator[Fault]:
    from rcflab.task import load_resampling

    table, task = spec.table, load_resampling(spec.task)
    asked = {("table", "primary"): table.primary}
    asked |= {
        ("table", "tests", place, "statistic"): test.statistic
        for place, test in enumerate(table.tests)
        if test.unit != "seed"
    }
    for loc, key in asked.items():
        if key is not None and key not in task.known:
            wanted = f"a metric that match records can give ({', '.join(task.known)}){nearest(key, task.known)}"
            yield Fault(loc, repr(key), wanted)
    for place, test in enumerate(table.tests):
        if test.unit == "category" and task.by_category is None:
            got = f"the unit category, which the task {spec.task} has not"
            yield Fault(("table", "tests", place, "unit"), got, "video or seed")
    if table.tests and not table.resamples:
        yield Fault(("table", "tests"), "tests without resamples", "table.resamples above 0, or no tests")
