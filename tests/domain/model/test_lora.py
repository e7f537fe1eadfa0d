"""LoRA: what learns, what merging gives, and a training by it that was killed, spread over two processes, released."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import seal
from domain.model.attention import Attention
from domain.model.build import build, load, save
from domain.model.lora import adapt, merge
from domain.model.parallel import full_weights, spread
from domain.model.spec import Scratch
from domain.settings.learning import Lora, Training
from domain.training.loss_head import Head
from domain.training.pretrain import pretrain
from domain.training.trainer import Trainer
from tests.domain.model.architectures import CONFIGS, apart, rows, tiny

ROOT = Path(__file__).parents[3]
CPU = Machine(device="cpu", precision="fp32", threads=1)
TRAINING = Training(tokens=2_560, batch=256, learning_rate=1e-2, lora=Lora(rank=2))
# The matrices of a layer, by the architectures' own names.
EACH = {
    "llama": "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj",
    "gpt2": "c_attn c_proj c_fc",
    "bloom": "query_key_value dense dense_h_to_4h dense_4h_to_h",
    "bert": "query key value dense",
    "modernbert": "Wqkv Wi Wo dense",
    "t5": "q k v o wi wo",
    "bart": "q_proj k_proj v_proj out_proj fc1 fc2",
}


def learning(model: Any) -> set[str]:
    """Names of what has gradients."""
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def stirred(model: Any) -> None:
    """B begins as 0, where a wrong merge would be right."""
    chance = torch.Generator().manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(generator=chance)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", EACH)
def test_matrices_of_low_rank_learn_and_nothing_else(name: str) -> None:
    model = tiny(name)
    adapt(model, Lora(rank=3), grown=False)
    learns = learning(model)
    assert all(".lora_A.default.weight" in each or ".lora_B.default.weight" in each for each in learns)
    assert {each.split(".lora_")[0].rpartition(".")[2] for each in learns} == set(EACH[name].split())
    assert {min(p.shape) for n, p in model.named_parameters() if n in learns} == {3}


@pytest.mark.parametrize("how", [{"grown": True}, {"grown": False, "embeddings": True}])
def test_embedding_and_head_learn_whole_where_the_vocabulary_grew_or_if_asked(how: dict[str, bool]) -> None:
    model = tiny("llama", tie_word_embeddings=False)
    adapt(model, Lora(rank=3, embeddings=how.get("embeddings", False)), grown=how["grown"])
    both = {"model.embed_tokens.weight", "lm_head.weight"}
    assert {each for each in learning(model) if "lora_" not in each} == both


def test_only_the_matrices_that_are_named() -> None:
    model = tiny("t5")
    adapt(model, Lora(targets=("SelfAttention.q", "v")), grown=False)
    hit = {each.split(".lora_")[0] for each in learning(model)}
    assert {each.rpartition(".")[2] for each in hit} == {"q", "v"}
    assert not any("EncDecAttention.q" in each for each in hit)


@pytest.mark.parametrize("name", CONFIGS)
def test_merged_as_unmerged(name: str) -> None:
    model, plain = tiny(name).eval(), tiny(name).eval()
    (_, _, inputs, _), *_ = apart(rows(name, [[12]], 12))
    names = [each for each, _ in plain.named_parameters()]
    tuner = adapt(model, Lora(rank=2, alpha=3), grown=False)
    begun = model(**inputs).logits
    torch.testing.assert_close(begun, plain(**inputs).logits, atol=1e-5, rtol=0)  # as it was
    stirred(model)
    before = model(**inputs).logits
    assert (before - begun).abs().max() > 0.1
    merge(tuner)
    torch.testing.assert_close(model(**inputs).logits, before, atol=1e-3, rtol=1e-4)
    assert [each for each, _ in model.named_parameters()] == names


@pytest.mark.parametrize(
    ("name", "matrix"), [("llama", "model.layers.1.mlp.up_proj"), ("gpt2", "transformer.h.1.mlp.c_fc")]
)
def test_an_update_is_alpha_over_rank_times_b_a(name: str, matrix: str) -> None:
    model = tiny(name)
    before = model.get_submodule(matrix).weight.detach().clone()
    tuner = adapt(model, Lora(rank=2, alpha=5), grown=False)
    stirred(model)
    a, b = (model.get_submodule(f"{matrix}.lora_{side}.default").weight.detach() for side in "AB")
    update = 5 / 2 * (b @ a)
    merge(tuner)
    update = update.T if name == "gpt2" else update  # its matrices are the other way round
    torch.testing.assert_close(model.get_submodule(matrix).weight, before + update)


def test_noise_is_the_same_in_every_process() -> None:
    drawn = []
    for seed in (1, 2):
        model = tiny("llama")
        torch.manual_seed(seed)
        adapt(model, Lora(), grown=False)
        following = float(torch.rand(()))
        torch.manual_seed(seed)
        assert following == float(torch.rand(()))  # nobody else's draws have changed
        drawn.append({n: p for n, p in model.named_parameters() if "lora_A" in n})
    assert all(torch.equal(one, drawn[1][name]) for name, one in drawn[0].items())


@pytest.mark.parametrize("targets", [("query",), ("q_proj", "query"), ("lm_head",), ("layers",)])
def test_names_that_no_matrix_has(targets: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="no matrix of the base has this name") as caught:
        adapt(tiny("llama"), Lora(targets=targets), grown=False, place="instruction_tuning.lora")
    assert caught.value.place == "instruction_tuning.lora.targets"
    assert caught.value.problem.startswith(targets[-1])
    assert "q_proj" in caught.value.fix


def test_without_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"training\.lora: needs the package peft.*shoptalk\[lora\]"):
        adapt(tiny("llama"), Lora(), grown=False)


@pytest.fixture(scope="module")
def base(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A base whose pieces from 300 on are new."""
    folder = tmp_path_factory.mktemp("base") / "base"
    save(build(Scratch(width=32, layers=2, heads=2, context=32), tokenizer.path, seed=0), tokenizer.path, folder)
    facts = {"embeddings": {"kind": "extended", "new_rows": [300, 320]}}
    fields = {"stage": "base", "version": 1, "kind": "Checkpoint", "spec": {}, "parents": {}, "facts": facts}
    seal(folder, identity="by-hand", **fields)
    return Checkpoint.open(folder)


@pytest.fixture(scope="module")
def arm(base: Any, tokens: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path_factory.mktemp("arm") / "arm", machine=CPU)


def test_an_arm_differs_from_its_base_by_matrices_of_that_rank(arm: Any, base: Any) -> None:
    before, after = load(base.path).state_dict(), load(arm.path).state_dict()
    assert before.keys() == after.keys()
    assert arm.facts["parameters"] == sum(p.numel() for p in load(base.path).parameters())
    for name, weight in before.items():
        if "proj" in name:
            assert torch.linalg.matrix_rank(after[name] - weight, atol=1e-5) == 2, name
        else:
            assert torch.equal(after[name], weight) == ("norm" in name), name  # the vocabulary grew


class Stop(Exception):
    """Stands for a kill."""


def test_killed_it_ends_with_the_same_bits(
    arm: Any, base: Any, tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients, calls, often = Trainer.gradients, 0, CPU.replace(checkpoint_seconds=1e-6)

    def crashing(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls in (5, 8):
            self.checkpoints.finish()
            raise Stop
        return gradients(self, batch, valid)

    monkeypatch.setattr(Trainer, "gradients", crashing)
    for seed in (1, 2):
        torch.manual_seed(seed)
        with pytest.raises(Stop):
            pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path / "arm", machine=often)
    again = pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path / "arm", machine=often)
    assert calls == 10 + 2
    assert again.digest == arm.digest


def test_it_opens_where_there_is_no_peft(arm: Any) -> None:
    code = (
        "import sys; sys.modules['peft'] = None\n"
        "import json, torch; from transformers import AutoModelForCausalLM\n"
        "model, told = AutoModelForCausalLM.from_pretrained(sys.argv[1], output_loading_info=True)\n"
        "assert not any(told.values()), told\n"
        "print(json.dumps(model(torch.arange(9)[None]).logits.tolist()))"
    )
    run = subprocess.run([sys.executable, "-c", code, arm.path], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    here = load(arm.path)(torch.arange(9)[None]).logits
    torch.testing.assert_close(torch.tensor(json.loads(run.stdout)), here, atol=1e-5, rtol=0)
    assert sorted(path.name for path in arm.path.glob("*.safetensors")) == ["model.safetensors"]


@pytest.mark.soak
def test_two_processes_merge_what_they_hold(tmp_path: Path) -> None:
    """BERT has a matrix outside of its blocks, which stays gathered after a look."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-3000:]
    for name in ("llama", "bert"):
        begun, before, after = json.loads((tmp_path / f"{name}.json").read_text())
        assert begun - before > 1.0
        assert after == pytest.approx(before, rel=1e-5)


def two(name: str, out: Path) -> None:
    """Learn in two processes, look at the loss, merge, gather, and look again in a plain model."""
    model, cpu = tiny(name), torch.device("cpu")
    tuner = adapt(model, Lora(rank=2), grown=True)
    batch = rows(name, [[20, 12], [30]], 32)
    attention, head = Attention(model, cpu), Head(model)
    spread(model, 2, CPU, cpu)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    part = batch.part(dist.get_rank(), dist.get_rank() + 1, cpu)
    seen = []
    for step in range(4):
        loss = head.loss(attention(part), part.labels)
        if step < 3:
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        seen.append(loss.detach().clone())
        dist.all_reduce(seen[-1])
    with torch.no_grad():  # leaves some matrices gathered
        head.loss(attention(part), part.labels)
    merge(tuner)
    weights = full_weights(model, 2)
    if dist.get_rank() == 0:
        assert weights is not None
        plain = tiny(name)
        plain.load_state_dict(weights)
        after = Head(plain).loss(Attention(plain, cpu)(batch.part(0, 2, cpu)), batch.labels)
        out.write_text(json.dumps([float(seen[0]), float(seen[3]), float(after.detach())]))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    for each in ("llama", "bert"):
        two(each, Path(sys.argv[1]) / f"{each}.json")
    dist.destroy_process_group()
