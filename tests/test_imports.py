"""What importing costs: nobody pays for Keras, a backend or a plugin before using it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {"keras", "tensorflow", "jax", "torch"}
LIST_MODULES = """
import json, sys
print()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
PLUGINS = {"penstock_audio", "penstock_npy", "penstock_images", "penstock_csv"}


def imported(statement):
    """Return the top-level modules that a fresh interpreter has loaded after *statement*."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{statement}\n{LIST_MODULES}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import penstock; dir(penstock)",
        "import penstock.plugins; penstock.plugins.installed()",
        "from penstock.cli import main; main(['plugins'])",
        "from penstock.cli import main; main(['plugins', '--json'])",
    ],
)
def test_neither_the_package_nor_its_listings_load_anything_heavy(statement):
    assert not imported(statement) & (HEAVY | PLUGINS | {"pandas", "cv2", "pyarrow"})


def test_the_names_for_plugin_authors_load_no_backend():
    names = "ArraySpec, Batch, Draws, hookimpl, errors"
    assert not imported(f"from penstock import {names}") & (HEAVY | PLUGINS | {"pandas"})


def test_batches_are_made_without_keras():
    assert not imported("import penstock.batches, penstock.readahead") & (HEAVY | PLUGINS)


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
def test_a_plugins_module_loads_no_decoder_and_no_backend(plugin):
    heavy = HEAVY | {"cv2", "pyarrow", "pandas", "PIL", "scipy", "simplejpeg"}
    assert not imported(f"import {plugin}") & heavy


def test_every_public_name_is_there_and_no_other_is_offered():
    import penstock

    for name in penstock.__all__:
        assert getattr(penstock, name) is not None
    assert penstock.__all__ == sorted(penstock.__all__)
    assert set(dir(penstock)) == {*penstock.__all__, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'make_generater'"):
        penstock.make_generater  # noqa: B018


def test_every_name_is_imported_from_where_type_checkers_find_it():
    import ast
    import inspect

    import penstock

    block = next(
        node
        for node in ast.parse(inspect.getsource(penstock)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.name: node.module
        for node in block.body
        for alias in node.names
        if node.module != "penstock"
    }
    assert seen == penstock._HOMES
    assert {*seen, "callbacks", "errors"} == set(penstock.__all__)


def test_without_a_backend_the_error_says_what_to_install():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys; sys.modules['tensorflow'] = None\n"
                "import penstock\n"
                "try: penstock.make_generator\n"
                "except penstock.errors.BackendMissing as error: print(error)"
            ),
        ],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'pip install "penstock[tensorflow]"' in done.stdout
