"""Write a model from the checkpoint of a training that is running or was stopped."""

from __future__ import annotations

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("training", help="its folder in work/building")
    command.add_argument("--out", required=True, metavar="DIR", help="the model, in the layout of transformers")
    command.add_argument("--step", type=int, help="of a checkpoint that exists (default: the newest)")


def run(options: argparse.Namespace) -> int:
    """Write the model and name its step."""
    from pathlib import Path

    from domain.training.state.export import export

    out = Path(options.out)
    print(f"Wrote {out}: the model after step {export(Path(options.training), out, step=options.step):,}.")
    return 0
