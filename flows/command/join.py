"""Join the multi-node trainings of a work folder as another node."""

from __future__ import annotations

import argparse

from flows.command.options import add_machine, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("--node", type=int, required=True, help="its number, from 1; the one that runs is 0")
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Take part in every training that begins; ends by an interrupt."""
    from flows.run.join import join

    join(machine_of(options), options.node)
    return 0
