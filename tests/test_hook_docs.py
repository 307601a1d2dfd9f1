"""The hooks' page says what src/penstock/hookspecs.py says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from penstock import hookspecs

PAGE = (Path(__file__).parents[1] / "docs/reference/hooks.md").read_text(encoding="utf-8")
HOOKS = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "penstock_spec")}


def signature(hook):
    """Write a hook's signature as the page does: the annotations without quotation marks."""
    return f"{hook}{inspect.signature(HOOKS[hook])}".replace("'", "")


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_shows_each_hook_with_its_exact_signature(hook):
    assert f"```python\n{signature(hook)}\n```\n\n::: penstock.hookspecs.{hook}\n" in PAGE


def test_the_page_has_the_hooks_in_the_order_of_the_contract_and_no_others():
    assert re.findall(r"^## (\w+) ", PAGE, re.MULTILINE) == list(HOOKS)
    assert re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE) == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_when_it_is_called_and_what_its_arguments_are(hook):
    text = inspect.getdoc(HOOKS[hook])
    assert "\nCalled " in text
    assert "\nArgs:\n" in text
    for argument in inspect.signature(HOOKS[hook]).parameters:
        assert f"\n    {argument}: " in text


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_tried_by_a_component_of_the_tests(hook):
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py")]
    assert any(re.search(rf"@(?:penstock\.)?hookimpl\n    def {hook}\(", text) for text in texts)
