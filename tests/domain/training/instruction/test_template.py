"""Templates that do not end are ended, others write what transformers writes."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from domain.errors import UserError
from domain.inference.generate import chat_prompt
from domain.training.instruction.chat import Chat, plain
from domain.training.instruction.examples_file import Conversation
from domain.training.instruction.template import TemplateError, TemplateProcess
from tests.domain.training.instruction.test_chat import CHATML, TALK, THINKING, chatting

# The features of transformers' templates that templates in use have.
LLAMA = (
    "{%- set ns = namespace(first=true) -%}{{- bos_token }}{%- for message in messages if message.role != 'tool' %}"
    "{%- if loop.index0 == 0 and message['role'] == 'system' %}{%- set ns.first = false %}{%- endif %}"
    "{{- '<|im_start|>' ~ message.role ~ '\n' ~ message['content'] | trim ~ '<|im_end|>\n' }}"
    "{%- if loop.index > 100 %}{% break %}{% endif %}{%- endfor %}"
    "{%- if tools is not none %}{{ tools | tojson(indent=4) }}{% endif %}{{ messages[0] | tojson }}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
ENDLESS = {
    "a long text": "{{ 'a' * 2000000000 }}",
    "a long text in steps": "{% set ns = namespace(s='a') %}{% for i in range(60) %}"
                            "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "two loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "two loops that write": "{% for i in range(99999) %}{% for j in range(99999) %}a{% endfor %}{% endfor %}",
    "three loops over text": "{% set a = 'a' * 9999 %}{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}"
                             "{% endfor %}{% endfor %}",
    "center": "{{ 'a' | center(2000000000) }}",
    "indent": "{{ ('a\n' * 9999) | indent(9999999) }}",
    "format": "{{ '%2000000000d' % 5 }}",
    "format, by the filter": "{{ '%2000000000d' | format(5) }}",
    "format, by the method": "{{ '{:2000000000}'.format(5) }}",
    "ljust": "{{ 'a'.ljust(2000000000) }}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "a sum of lists": "{{ ([0] * 999999999) | length }}",
    "a long number": "{{ ('9' * 4000 | int) ** 99999 }}",
    "recursion": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "replacing": "{{ ('a' * 99999) | replace('a', 'a' * 99999) }}",
    "joining": "{{ range(99999) | join('a' * 99999) }}",
    "json": "{{ messages | tojson(indent=2000000000) }}",
    "batch": "{{ messages | batch(2000000000, 'a') | list }}",
    "deep": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "only later": "{% if messages | length > 1 %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}"
                  "{% endfor %}{% endif %}",
}  # fmt: skip


@pytest.mark.parametrize("template", [CHATML, THINKING, LLAMA])
@pytest.mark.parametrize("opened", [False, True])
def test_the_text_is_that_of_transformers(template: str, opened: bool) -> None:
    tokenizer = chatting(template)
    expected = tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=opened)
    process = TemplateProcess(tokenizer)
    assert process.render(TALK, opened=opened) == expected
    assert process.render(TALK, opened=opened) == expected


FEW = ("only later",)  # it takes its limit of 2 s; so do the others, which are left to the soak


@pytest.mark.parametrize(
    "kind", [kind if kind in FEW else pytest.param(kind, marks=pytest.mark.soak) for kind in ENDLESS]
)
def test_a_template_that_does_not_end_is_one_line(kind: str) -> None:
    chat = Chat(chatting(ENDLESS[kind]), "decoder")
    start = time.monotonic()
    with pytest.raises(UserError, match=r"f:1: the tokenizer's chat template rejects it \(") as refusal:
        chat.examples(Conversation("f:1", TALK))
    assert time.monotonic() - start < 60  # 5 on a machine that does nothing else
    assert "\n" not in str(refusal.value)


def test_a_prompt_is_ended_too() -> None:
    tokenizer = chatting("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")
    with pytest.raises(UserError, match=r"the prompt: .*takes more than 2 seconds"):
        chat_prompt(tokenizer, "decoder", "What is a lien?")


def test_the_next_conversation_is_written_after_one_that_did_not_end() -> None:
    process = TemplateProcess(chatting(ENDLESS["only later"] + "a"))
    with pytest.raises(TemplateError, match="takes more than"):
        process.render(TALK, opened=False)
    assert process.render(TALK[:1], opened=False) == "a"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('roles must alternate\nsecond line') }}", r"\(roles must alternate\)"),
        ("{{ messages[", "unexpected"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ ''.__class__.__mro__ }}", "unsafe|no attribute"),
        ({"rag": "a", "tool_use": "b"}, "chat template"),
    ],
)
def test_a_template_that_raises(template: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        Chat(chatting(template), "decoder").examples(Conversation("f:1", TALK))
    assert "\n" not in str(refusal.value)


def test_no_process_for_the_plain_template() -> None:
    tokenizer = chatting(None)
    assert Chat(tokenizer, "decoder").process is None
    assert tokenizer.chat_template == plain(tokenizer, "decoder")
    again = Chat(tokenizer, "decoder")  # as a release has it
    assert (again.own, again.process) == (True, None)


def test_the_process_ends_with_its_conversations() -> None:
    renderer = TemplateProcess(chatting("a"))
    renderer.render(TALK, opened=False)
    process = renderer.process
    assert process is not None
    assert process.poll() is None
    del renderer
    gc.collect()
    assert process.poll() is not None


def test_neither_the_clock_nor_chance_enters_a_conversation() -> None:
    templates = (
        "{{ strftime_now('%d %b %Y %H:%M:%S %f') }}",
        "{% if not date is defined %}{% set date = strftime_now('%d %b %Y') %}{% endif %}Today: {{ date }}",
        "{% macro today() %}{{ strftime_now('%s') }}{% endmacro %}{{ today() }}",
        "{{ range(100000) | random }} {{ ['a', 'b', 'c', 'd', 'e'] | random }}",
        "{{ lipsum(n=1) }}",
    )
    content = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    early, late = ([TemplateProcess(chatting(template + content)) for template in templates] for _ in range(2))
    first = [process.render(TALK, opened=False) for process in early]
    assert [process.render(TALK, opened=False) for process in early] == first
    time.sleep(1.01)  # another second of the clock
    assert [process.render(TALK, opened=False) for process in late] == first
    conversation = "".join(message["content"] for message in TALK)
    assert all(text != conversation for text in first)


def test_a_template_is_told_one_fixed_day() -> None:
    template = "Today Date: {{ strftime_now('%d %b %Y') }}"
    assert TemplateProcess(chatting(template)).render(TALK, opened=False) == "Today Date: 26 Jul 2024"
