"""What the command line understands: every command with its options, and the machine that they describe."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING

from flows.recipe.purposes import WORK
from flows.run.stages import STAGES

if TYPE_CHECKING:
    from domain.machine import Machine

# Nothing heavier than argparse is imported for --help.


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="shoptalk",
        description="Teach a language model to talk shop: from one recipe file to a released domain model.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    new = commands.add_parser("new", help="write a commented starter recipe")
    new.add_argument("name", help="the domain, such as contracts; writes NAME.yaml")
    new.add_argument("--for", dest="work", choices=sorted(WORK), default="generate", help="what the model is to do")
    check = commands.add_parser("check", help="check the installation and, if named, a recipe")
    check.add_argument("recipe", nargs="?")
    plan = commands.add_parser("plan", help="what a recipe will take, before anything is spent")
    plan.add_argument("--write", action="store_true", help="put the tokens that the budget allows into the recipe")
    pilot = commands.add_parser("pilot", help="small runs that choose the share of domain text and the learning rate")
    pilot.add_argument("--write", action="store_true", help="put what they speak for into the recipe")
    run = commands.add_parser("run", help="run a recipe to its release; what is finished is not done again")
    run.add_argument(
        "--until",
        choices=[each for each in STAGES if each not in ("grid_pilot", "choose")],
        default="release",
        help="stop after this stage",
    )
    for command in (pilot, run):
        command.add_argument(
            "--as-of", type=date.fromisoformat, default=None, metavar="DAY", help="YYYY-MM-DD; default today"
        )
    show = commands.add_parser("show", help="what the last run came to")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    say = commands.add_parser("generate", help="let a release go on, answer or fill in, by its family")
    say.add_argument("release", help="folder of a release, or the recipe that was run")
    say.add_argument(
        "prompt", help="what a decoder goes on from, an encoder-decoder reads, or an encoder fills the masks of"
    )
    say.add_argument(
        "--chat",
        action=argparse.BooleanOptionalAction,
        help="ask by the tokenizer's chat template; so is a release that was tuned, if left out",
    )
    say.add_argument("--max-tokens", type=int, default=100)
    say.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest token each time")
    say.add_argument("--top-k", type=int, default=50)
    say.add_argument("--top-p", type=float, default=0.95)
    say.add_argument("--seed", type=int, default=0)
    along = commands.add_parser("join", help="learn along as another node of the trainings in a work folder")
    along.add_argument("--node", type=int, required=True, help="its number, from 1; the one that runs is 0")
    out = commands.add_parser("export", help="a model from a training that is going on or was stopped")
    out.add_argument("training", help="its folder in work/building")
    out.add_argument("--out", required=True, metavar="DIR", help="the model, in the layout of transformers")
    out.add_argument("--step", type=int, help="of a checkpoint that is there; the newest if left out")
    commands.add_parser("recipes", help="the recipes that ship")
    of = "a recipe that was run, or the folder of a corpus"
    ledger = commands.add_parser("ledger", help="how many documents went where and why, or which ones")
    ledger.add_argument("run", help=of)
    ledger.add_argument("--reason", help="such as quality, or 'quality: too few words'")
    ledger.add_argument("--source", help="the name of a source")
    ledger.add_argument("--sample", type=positive, metavar="N", help="N of the rows, with the beginning of their text")
    ledger.add_argument("--json", action="store_true", help="print JSON lines")
    why = commands.add_parser("why", help="one document's story: whence it came, what became of it, where it stands")
    why.add_argument("run", help=of)
    why.add_argument("document", help="its id")
    sheet = commands.add_parser("datasheet", help="what a run's models read, in numbers; and the page that tells it")
    sheet.add_argument("run", help=of)
    sheet.add_argument("--json", action="store_true", help="print the whole sheet as JSON")
    withdraw = commands.add_parser("withdraw", help="leave documents out of later builds, and tell where they stand")
    withdraw.add_argument("documents", nargs="+", metavar="DOCUMENT", help="ids as shoptalk ledger shows them")
    withdraw.add_argument("--purge", action="store_true", help="also delete their text from the work folder")
    withdraw.add_argument("--reason", default="", metavar="TEXT", help="kept in the list of what was withdrawn")
    harm(commands.add_parser("harm", help="train a model of harmful text, or find the threshold that a domain allows"))

    for command in (plan, pilot, run, show):
        command.add_argument("recipe", help="a recipe file, or the name of one that ships")
        command.add_argument(
            "--set", action="append", default=[], metavar="A.B=C", help="override one value of the recipe"
        )
    for command in (check, plan, pilot, run, along, show, say, ledger, why, sheet, withdraw):
        machine = command.add_argument_group("machine", "where and with what it runs; never changes what is made")
        machine.add_argument(
            "--machine", metavar="FILE", help="a machine profile in YAML; the options below override it"
        )
        machine.add_argument("--work", metavar="DIR", help="folder of artifacts and records (default: work)")
        if command in (ledger, why, sheet, withdraw):
            continue
        machine.add_argument("--workers", type=int, help="processes that read and clean text")
        machine.add_argument("--threads", type=int, help="threads of one learning process")
        machine.add_argument("--processes", type=int, help="processes that learn together on this node")
        machine.add_argument("--device", choices=("auto", "cpu", "cuda"))
        machine.add_argument("--precision", choices=("auto", "fp32", "bf16"))
        machine.add_argument("--micro-batch", type=int, metavar="TOKENS", help="tokens per forward pass")
        machine.add_argument("--tracking", metavar="URI", help="MLflow tracking URI, or none")
    return top


def harm(command: argparse.ArgumentParser) -> None:
    """The two commands below ``harm``."""
    below = command.add_subparsers(dest="what", required=True, metavar="COMMAND")
    train = below.add_parser("train", help="labelled examples to a linear model for the harm filter")
    train.add_argument("examples", nargs="+", help="JSON Lines files with a text and a label")
    train.add_argument("--out", required=True, metavar="FILE", help="the model, a .safetensors file")
    train.add_argument("--safe", required=True, metavar="LABEL", help="the label that means no harm")
    train.add_argument("--harmless", nargs="+", default=[], metavar="FILE", help="the domain's own good text")
    train.add_argument("--label", default="label", metavar="COLUMN")
    train.add_argument("--seed", type=int, default=0)
    calibrate = below.add_parser("calibrate", help="the threshold above which few of a domain's good texts lie")
    calibrate.add_argument("texts", nargs="+", help="files of the domain's own good text")
    calibrate.add_argument("--scorer", default="words", help="as in the recipe, such as '{linear: model.safetensors}'")
    calibrate.add_argument("--most", type=float, default=0.001, metavar="SHARE", help="of good texts that may be lost")
    for one in (train, calibrate):
        one.add_argument("--text", default="text", metavar="COLUMN")


def positive(text: str) -> int:
    """A count above zero."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def machine_of(options: argparse.Namespace) -> Machine:
    """The machine profile: the file, overridden by flags."""
    from pathlib import Path

    from domain.errors import UserError
    from domain.machine import Machine
    from domain.yamlfile import read_yaml
    from flows.recipe.errors import validated

    path = Path(options.machine) if options.machine else Path("command line")
    content = read_yaml(path) or {} if options.machine else {}
    if not isinstance(content, dict):
        found = f"holds {type(content).__name__}, not keys and values"
        raise UserError(str(path), found, "write for instance workers: 4")
    if isinstance(content.get("work"), str):
        content["work"] = str(Path(content["work"]).expanduser())
    for name in ("work", "workers", "threads", "processes", "device", "precision", "micro_batch", "tracking"):
        if getattr(options, name, None) is not None:
            content[name] = getattr(options, name)
    return validated(Machine, content, path)
