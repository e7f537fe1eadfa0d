"""The machine profile: workers, threads, device, precision and paths, which never change an artifact's identity."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from domain.spec import Spec
from domain.url_secrets import from_environment

MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"


def meeting_place(address: str) -> str:
    """Empty, or host:port; nothing that a command would take for an option."""
    match = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*:([0-9]{1,5})", address)
    if address and not (match and 1 <= int(match[1]) <= 65_535):
        raise ValueError("write host:port, such as node1:29500")
    return address


def ray_address(address: str) -> str:
    """Empty, auto, host:port or ray://host:port."""
    return address if address == "auto" else meeting_place(address.removeprefix("ray://")) and address


def absolute(folder: Path) -> Path:
    """A path that means the same in every folder."""
    path = Path(os.path.expanduser(folder))
    if not path.is_absolute():
        raise ValueError("write an absolute path")
    return path


def with_scheme(proxy: str) -> str:
    """A proxy's URL; without a scheme it is an http proxy."""
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


Address = Annotated[str, AfterValidator(from_environment)]  # ${NAME} is a variable of the environment
Proxy = Annotated[Address, AfterValidator(with_scheme)]

# What Shoptalk writes directly in a work folder. One that holds anything else is somebody's folder for more than that,
# such as a home, and keeps its mode.
WRITTEN_IN_WORK = {
    "artifacts", "building", "cache", "checkpoints", "corpora.jsonl", "heldout", "lock", "machine.json", "mlartifacts",
    "mlflow.db", "mlruns", "prefect", "releases", "reports", "runs", "trials", "trunks", "verified", "withdrawn.jsonl",
}  # fmt: skip


class Slurm(Spec):
    """How a Slurm cluster is asked to clean text; the work folder and the environment must be there on every node."""

    partition: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.,-]*$", max_length=200)]
    time: Annotated[
        str, Field(pattern=r"^([0-9]{1,3}-)?[0-9]{1,4}(:[0-9]{2}){0,2}$", description="limit of one task, hh:mm:ss")
    ] = "04:00:00"
    memory_gb: Annotated[int, Field(ge=1, le=100_000, description="of one task")] = 4
    qos: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.,-]*$", max_length=200)] = "normal"


class Machine(Spec):
    """A machine profile. The same recipe on two machines asks for the same artifacts."""

    workers: Annotated[
        int, Field(ge=0, le=4_096, description="processes that read and clean text; 0 is one per core")
    ] = 0
    executor: Annotated[
        Literal["local", "ray", "slurm"], Field(description="what runs these processes: this machine, or a cluster")
    ] = "local"
    ray: Annotated[
        str,
        AfterValidator(ray_address),
        Field(description="address of a Ray cluster; empty: one of this machine, for the run"),
    ] = ""
    slurm: Annotated[
        Slurm | None, Field(description="partition, time, memory_gb and qos, where the executor is `slurm`")
    ] = None
    threads: Annotated[int, Field(ge=0, le=4_096, description="threads of one training process; 0 is one per core")] = 0
    thread_wait: Annotated[
        Literal["brief_spin", "sleep", "spin"],
        Field(
            description="how these threads wait for each other: brief_spin costs nothing on a quiet machine, sleep is "
            "for one that is always busy, spin is OpenMP's default"
        ),
    ] = "brief_spin"
    device: Annotated[Literal["auto", "cpu", "cuda"], Field(description="what models are trained and scored on")] = (
        "auto"
    )
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="number format of training and scoring")
    ] = "auto"
    micro_batch: Annotated[
        int,
        Field(
            ge=0,
            le=10**8,
            description="tokens per forward pass; gradients accumulate up to a batch; 0 suits the device; lower it "
            "when memory runs out",
        ),
    ] = 0
    processes: Annotated[
        int,
        Field(ge=0, le=1_024, description="processes that learn together on a node; 0: one for each GPU, one on a CPU"),
    ] = 0
    nodes: Annotated[
        int, Field(ge=1, le=10_000, description="machines that learn together; the others run shoptalk join")
    ] = 1
    rendezvous: Annotated[
        str,
        AfterValidator(meeting_place),
        Field(description="host:port at which nodes meet, on the first of them"),
    ] = ""
    shard: Annotated[
        int,
        Field(ge=0, le=10**7, description="processes that share one copy of the weights; 0: all, 1: each has its own"),
    ] = 0
    recompute: Annotated[
        Literal["none", "selective", "full"],
        Field(description="what the backward pass computes again to save memory: cheap operations, or whole blocks"),
    ] = "none"
    compile: Annotated[
        bool, Field(description="compile the model's blocks; pays on a GPU, and costs half a minute")
    ] = False
    gpu: Annotated[
        str, Field(max_length=100, description="the GPU to plan for where it is not this machine's, such as H100")
    ] = ""
    memory_gb: Annotated[
        float | None,
        Field(ge=0.001, le=10**7, description="memory to plan for, of one GPU or of the host; as found if not set"),
    ] = None
    checkpoint_seconds: Annotated[
        float, Field(ge=1e-6, le=10**7, description="seconds between two training checkpoints")
    ] = 60.0
    checkpoints_kept: Annotated[
        int, Field(ge=1, le=10**6, description="newest checkpoints of a training that stay")
    ] = 2
    permanent_every: Annotated[
        int,
        Field(
            ge=0, le=10**9, description="steps from one checkpoint that outlasts the training to the next; 0: none does"
        ),
    ] = 0
    work: Annotated[
        Path, Field(description="folder of all artifacts, run logs and, by default, the tracking store")
    ] = Path("work")
    shared: Annotated[
        bool,
        Field(
            description="others own the work folder or write there too: who does may run code as whoever runs there; "
            "false: it is refused where another user could have written, and kept at mode 0700"
        ),
    ] = False
    tracking: Annotated[
        Address,
        Field(
            description="MLflow tracking URI; empty: SQLite in the work folder; 'none': off; ${NAME} is a variable of "
            "the environment, here and in proxy and mirrors"
        ),
    ] = ""
    network: Annotated[
        bool, Field(description="false: any use of the network while collecting is an error; cached pages are used")
    ] = True
    proxy: Annotated[Proxy, Field(description="proxy URL for collecting; empty: as HTTPS_PROXY and HTTP_PROXY say")] = (
        ""
    )
    ca_bundle: Annotated[Path | None, Field(description="certificates to trust, PEM; default: certifi's")] = None
    mirrors: dict[str, Address] = Field(
        default_factory=dict, description="beginnings of URLs, each with what is asked in its place"
    )
    private_hosts: Annotated[
        tuple[str, ...], Field(description="hosts (or host:port) on private or loopback addresses that may be asked")
    ] = ()
    plugins: Annotated[
        tuple[Annotated[str, Field(pattern=MODULE, max_length=200)], ...],
        Field(
            description="Python modules or packages of your own that a recipe may name as kind: module:name; "
            "they must be installed, or lie in plugin_path"
        ),
    ] = ()
    plugin_path: Annotated[
        Path | None, AfterValidator(lambda path: path and absolute(path)), Field(description="folder of these modules")
    ] = None

    @model_validator(mode="after")
    def _says_how(self) -> Machine:
        if self.executor == "slurm" and self.slurm is None:
            raise ValueError("executor slurm needs slurm: {partition: ...}")
        if self.nodes > 1 and not self.rendezvous:
            raise ValueError("nodes that learn together need rendezvous: host:port of the first")
        return self

    @property
    def worker_count(self) -> int:
        """Processes that read and clean text."""
        return self.workers or available_cores()

    @property
    def cache(self) -> Path:
        """Where sources keep what they have fetched, so that the next run fetches only what is new."""
        return self.work / "cache"

    @property
    def thread_count(self) -> int:
        """Threads of one training process."""
        return self.threads or available_cores()


def available_cores() -> int:
    """Cores this process may use: its CPU affinity, which a container or scheduler may have narrowed."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
