"""`rcflab export`: the step of a stream as ONNX or as a program of torch.export.

CHECKPOINT --rcf.load--> network --StreamStep--> FILE.onnx (compared with the network) | FILE.pt2
"""

from pathlib import Path
from typing import Annotated

import typer

from rcflab.errors import StorageError


def export_command(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a cell.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="NAME.onnx or NAME.pt2.", show_default=False)
    ],
    height: Annotated[int | None, typer.Option(min=32, help="Of a frame, pixels; else as trained.")] = None,
    width: Annotated[int | None, typer.Option(min=32, help="Of a frame, pixels; else as trained.")] = None,
) -> None:
    """Write one step of a stream as a function of tensors: a frame and the state in, objects and the state out.

    All sizes are fixed, and the state of a new video is zeros, so a program in any language can run it. The header
    says names, sizes and categories. An ONNX file is run beside the network on a few random frames before it gets its
    name. Needs the extra `export` for ONNX. About a minute.

    Example: rcflab export runs/cells/9f2325d7 --out step.onnx

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    # Slow to import, and not needed for --help.
    from rcf.export.write import stream_step, write_step
    from rcf.trained import load
    from rcflab.countdown import on_stderr

    model = load(checkpoint)
    step = stream_step(model, height, width)
    on_stderr("exporting: about a minute, nothing of it can be counted")
    try:
        write_step(model, step, out)
    except OSError as error:
        raise StorageError(f"{error.filename or out}: {error.strerror or error}") from error
    sizes = step.sizes
    heard = f", sound of {sizes.hops} hops" if sizes.hops else ""
    typer.echo(f"{out}: frames of {sizes.width}x{sizes.height}{heard}, {out.stat().st_size / 1e6:.1f} MB")
