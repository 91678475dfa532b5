"""What studies are called, so that a change of what matters makes a new study. Loads no Optuna.

study = arm + digest(space, objective, sampler, seeds, pruner, the arm's cell before the search, code)
"""

from rcflab.identity import digest, eval_key
from rcflab.search.checks import space_of
from rcflab.search.config import FIRST_SEED
from rcflab.session import Session

SHARED = "shared"
"""What the one study of a search without per_arm is called; the rest of its name is the digest."""


def study_names(session: Session) -> dict[str, str]:
    """Arm -> the name of its study; the baseline alone without per_arm. The number of trials is no part of it."""
    spec = session.spec
    search = spec.search
    assert search is not None, "the experiment has a search"
    configs = {cell.arm: cell.config for cell in session.plan.cells}
    rest = search.model_dump(mode="json", exclude={"trials", "space", "when", "per_arm"})
    names: dict[str, str] = {}
    for arm in configs if search.per_arm else [spec.baseline]:
        parts = {
            "search": rest,
            "objective": list(search.objective.items()),
            "space": space_of(spec).to_json(),
            "cell": eval_key(spec.task, configs[arm], FIRST_SEED, session.fingerprints[arm]),
            "evaluate_every": configs[arm]["training"]["evaluate_every"] if search.pruner else 0,
            "code": session.provenance.code_digest,
        }
        names[arm] = f"{f'arm {arm}' if search.per_arm else SHARED}/{digest(parts)[:12]}"
    return names
