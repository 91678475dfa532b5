"""The files of a checkpoint, found without loading any of them.

FOLDER                        state.json, weights.safetensors (average.safetensors)      --> itself
FOLDER of a cell              checkpoints/step-00000100/ ...                             --> the newest
"""

from pathlib import Path

from rcf.errors import InputError, Problem

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
AVERAGE = "average.safetensors"


def find_checkpoint(folder: Path) -> Path:
    """`folder` itself where it is a checkpoint, else the newest checkpoint of the training that is kept in it.

    Raises rcf.errors.InputError where there is none.
    """
    steps = [*folder.glob("checkpoints/step-*"), *folder.glob("step-*")]
    for found in [folder, *sorted(steps, key=lambda path: path.name, reverse=True)]:
        if (found / STATE).is_file() and weights_file(found).is_file():
            return found
    got = "no checkpoint in it" if folder.is_dir() else "no such folder"
    wanted = f"a folder with {STATE} and {WEIGHTS}, or the folder of a finished cell"
    raise InputError([Problem(str(folder), "training.start_from", got, wanted, "Set training.start_from")])


def weights_file(checkpoint: Path) -> Path:
    """What a network is loaded from: the running average of the weights, where the training kept one."""
    average = checkpoint / AVERAGE
    return average if average.is_file() else checkpoint / WEIGHTS
