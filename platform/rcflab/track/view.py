"""The shell's way to results that MLflow has: the same view of a plan as the ledger's.

Session --MlflowResults--> LedgerView      match records are fetched where the table resamples videos
"""

from rcflab.errors import InputError, Problem
from rcflab.plan import cell_states
from rcflab.session import LedgerView, Session
from rcflab.track.mlflow_results import MlflowResults
from rcflab.track.schema_check import refuse_other_schema


def read_tracking(session: Session) -> LedgerView:
    """What the tracking store says of all cells. Looks at no ledger, and keeps fetched records below storage.root.

    Raises InputError where there is no store, ServiceDownError where it does not answer.
    """
    uri = session.tracking_uri
    if uri is None:
        wanted = "a tracking store to read from"
        raise InputError([Problem("--from", "", "mlflow, with tracking.uri: none", wanted, "Use --from ledger")])
    refuse_other_schema(uri)
    cache = session.storage / "cache" / "mlflow" if session.spec.table.resamples else None
    keys = MlflowResults(uri).keys(session.plan, cache)
    return LedgerView(keys, cell_states(session.plan, keys, (), session.provenance.code_digest))
