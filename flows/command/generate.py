"""Generate text from a release."""

from __future__ import annotations

import argparse
import sys

from flows.command.options import add_machine, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("release", help="folder of a release, or the recipe that was run (its file or its name)")
    command.add_argument(
        "prompt", help="the text that a decoder continues, an encoder-decoder reads, or an encoder fills the masks of"
    )
    command.add_argument(
        "--chat",
        action=argparse.BooleanOptionalAction,
        help="apply the tokenizer's chat template (default: where the release is instruction-tuned)",
    )
    command.add_argument("--max-tokens", type=int, default=100)
    command.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest token each time")
    command.add_argument("--top-k", type=int, default=50)
    command.add_argument("--top-p", type=float, default=0.95)
    command.add_argument("--seed", type=int, default=0)
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Print the model's text."""
    from domain.units import relative
    from flows.releases.registry import release_folder

    machine = machine_of(options)
    folder, as_of = release_folder(machine.work, options.release)
    if as_of:
        print(f"{relative(str(folder))}, released as of {as_of}", file=sys.stderr)
    from domain.inference.generate import generate

    names = ("max_tokens", "temperature", "top_k", "top_p", "seed", "chat")
    print(generate(folder, options.prompt, machine=machine, **{name: getattr(options, name) for name in names}))
    return 0
