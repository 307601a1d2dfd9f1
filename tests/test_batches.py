"""A batch is a function of (seed, epoch, index): however it is sliced, wherever it is made."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import penstock
from penstock.batches import Batches
from penstock.errors import PluginError, SampleCorrupt, SampleMissing, SampleRefused
from penstock.fields import EncodedField, LoadedField
from penstock.memory import Pool
from penstock.order import Order


@dataclass(frozen=True)
class Ramps:
    """Sample n is filled with n, and more along each axis."""

    shape: tuple[int, ...] = (2, 3)
    dtype: str = "uint8"
    options: tuple[tuple[str, Any], ...] = ()

    @penstock.hookimpl
    def describe_sample(self):
        return penstock.ArraySpec(self.shape, self.dtype, **dict(self.options))

    @penstock.hookimpl
    def load_samples(self, samples, out):
        for row, number in zip(out, samples, strict=True):
            row[...] = number + np.arange(row.size).reshape(row.shape)


@dataclass(frozen=True)
class Faulty(Ramps):
    """Cannot load some of its samples."""

    error: BaseException | None = None
    guilty: int = 7

    @penstock.hookimpl
    def load_samples(self, samples, out):
        if self.guilty in samples:
            raise self.error
        out[...] = 1


@dataclass(frozen=True)
class Noise:
    """Adds a whole number from 0 to *most* to each sample of every array."""

    most: int = 9

    @penstock.hookimpl
    def augment_samples(self, batch):
        drawn = batch.draws.integers(0, self.most + 1)
        for array in (*batch.inputs.values(), *batch.targets.values()):
            column = drawn.reshape(-1, *[1] * (array.ndim - 1))
            np.add(array, column, out=array, casting="unsafe")


def loaded(name="x", loader=None, count=20):
    field = LoadedField(name, loader or Ramps(), np.arange(count), None, None)
    field.describe()
    return field


def batches(*inputs, targets=(), augmenters=(), count=20, batch_size=8, **options):
    return Batches(
        inputs=inputs or (loaded(count=count),),
        targets=tuple(targets),
        augmenters=tuple(augmenters),
        order=Order(count, batch_size, options.pop("shuffle", True), options.pop("seed", 3)),
        rows=options.pop("rows", np.arange(count)),
        **options,
    )


def labels(name="y", count=20):
    return EncodedField(name, penstock.Int(), np.arange(count) % 3, ["a", "b", "c"])


def same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        if isinstance(left, dict):
            assert left.keys() == right.keys()
            same(list(left.values()), list(right.values()))
        else:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


RICH = {
    "plain": {},
    "augmented": {"augmenters": (Noise(), Noise(3))},
    "delivered otherwise": {
        "loader": Ramps(
            options=(
                ("deliver_dtype", "float32"),
                ("scale", 0.5),
                ("data_format", "channels_first"),
            )
        ),
        "augmenters": (Noise(),),
    },
}


def rich(loader=None, **options):
    return batches(
        loaded("image", loader),
        loaded("other", Ramps((4,), "int32")),
        targets=[labels("label"), loaded("mask", loader)],
        nested_inputs=True,
        nested_targets=True,
        sample_weight=np.linspace(0, 1, 20, dtype=np.float32),
        class_weight=np.array([1, 2, 3], np.float32),
        **options,
    )


@pytest.mark.parametrize("kind", RICH)
@given(
    epoch=st.integers(0, 5),
    index=st.integers(0, 2),
    cuts=st.sets(st.integers(1, 7)),
    shuffled=st.randoms(use_true_random=False),
)
def test_slices_in_any_order_make_the_same_batch(kind, epoch, index, cuts, shuffled):
    made = rich(**RICH[kind])
    assembly = made.start(epoch, index, Pool())
    edges = [0, *sorted(cut for cut in cuts if cut < len(assembly)), len(assembly)]
    slices = list(pairwise(edges))
    shuffled.shuffle(slices)
    for start, stop in slices:
        assembly.fill(start, stop)
    same(assembly.finish(), made.make(epoch, index))


@pytest.mark.parametrize("kind", RICH)
def test_batches_that_travelled_are_the_same(kind):
    made = rich(**RICH[kind])
    made.make(0, 0)
    again = pickle.loads(pickle.dumps(made))
    for epoch, index in [(0, 0), (1, 2), (0, 1)]:
        same(again.make(epoch, index), made.make(epoch, index))


def test_batches_hold_the_samples_of_the_order():
    made = batches(seed=5)
    order = made.order.epoch(2)
    for index in range(3):
        (x,) = made.make(2, index)
        assert x[:, 0, 0].tolist() == order[index * 8 : index * 8 + 8].tolist()
        np.testing.assert_array_equal(
            x - x[:, :1, :1], np.broadcast_to(np.arange(6).reshape(2, 3), x.shape)
        )


def test_a_view_delivers_its_rows_and_no_others():
    made = batches(loaded(), rows=np.array([7, 3, 7, 19]), count=4, batch_size=4, shuffle=False)
    assert made.make(0, 0)[0][:, 0, 0].tolist() == [7, 3, 7, 19]


@pytest.mark.parametrize(
    ("options", "expected", "dtype"),
    [
        ({}, lambda x: x, "uint8"),
        ({"deliver_dtype": "float32"}, lambda x: x, "float32"),
        ({"deliver_dtype": "float32", "scale": 1 / 255}, lambda x: x / np.float32(255), "float32"),
        ({"deliver_dtype": "float16", "scale": 0.5}, lambda x: x * 0.5, "float16"),
        ({"scale": 2}, lambda x: x * 2, "uint8"),
        ({"deliver_dtype": "int64"}, lambda x: x, "int64"),
        ({"data_format": "channels_first"}, lambda x: np.moveaxis(x, -1, 1), "uint8"),
        (
            {"data_format": "channels_first", "deliver_dtype": "float32", "scale": 0.5},
            lambda x: np.moveaxis(x, -1, 1) * 0.5,
            "float32",
        ),
    ],
)
@pytest.mark.parametrize("shape", [(4, 5, 3), (3, 3, 3), (2, 3, 4, 2), (5, 2)])
def test_samples_are_delivered_as_they_were_described(options, expected, dtype, shape):
    (plain,) = batches(loaded(loader=Ramps(shape))).make(0, 0)
    (x,) = batches(loaded(loader=Ramps(shape, options=tuple(options.items())))).make(0, 0)
    assert x.dtype == dtype
    assert x.flags.c_contiguous
    assert x.ctypes.data % 64 == 0
    np.testing.assert_allclose(x, expected(plain), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float64", "float32"])
def test_every_loaded_dtype_is_scaled_in_the_delivered_one(dtype):
    loader = Ramps((3,), dtype, (("deliver_dtype", "float32"), ("scale", 0.25)))
    (x,) = batches(loaded(loader=loader), shuffle=False).make(0, 0)
    assert x.dtype == np.float32
    assert x[3].tolist() == [0.75, 1.0, 1.25]


def test_one_input_is_an_array_and_named_ones_are_a_dict():
    assert isinstance(batches().make(0, 0)[0], np.ndarray)
    assert set(batches(nested_inputs=True).make(0, 0)[0]) == {"x"}


def test_targets_and_weights_stand_where_keras_looks_for_them():
    weights = np.arange(20, dtype=np.float32)
    assert len(batches().make(0, 0)) == 1
    assert len(batches(targets=[labels()]).make(0, 0)) == 2
    x, y, weight = batches(targets=[labels()], sample_weight=weights).make(0, 0)
    assert y.tolist() == (x[:, 0, 0] % 3).tolist()
    assert weight.tolist() == x[:, 0, 0].tolist()
    x, y, weight = batches(sample_weight=weights).make(0, 0)
    assert y is None
    x, y = batches(echo=True).make(0, 0)
    assert x is y


def test_weights_of_samples_and_classes_are_multiplied():
    made = batches(
        targets=[labels()],
        sample_weight=np.full(20, 10, np.float32),
        class_weight=np.array([1, 2, 3], np.float32),
    )
    _, y, weight = made.make(0, 0)
    assert weight.dtype == np.float32
    assert weight.tolist() == [10 * (number + 1) for number in y]


def test_class_weights_are_those_of_the_target_that_has_classes():
    values = EncodedField("age", penstock.Float(), np.arange(20.0), None)
    made = batches(
        targets=[values, labels("label")],
        class_weight=np.array([1, 2, 3], np.float32),
        nested_targets=True,
    )
    _, y, weight = made.make(0, 0)
    assert weight.tolist() == [number + 1 for number in y["label"]]


@pytest.mark.parametrize("options", [(), (("deliver_dtype", "float32"),)])
@pytest.mark.parametrize("augmenters", [(), (Noise(0),)])
def test_an_input_and_a_target_of_one_name_are_two_things(options, augmenters):
    loader = Ramps(options=options)
    image, mask = loaded("image", loader), loaded("image", loader)
    mask.samples = mask.samples + 100
    made = batches(
        image, targets=[mask], augmenters=augmenters, nested_inputs=True, nested_targets=True
    )
    x, y = made.make(0, 0)
    np.testing.assert_array_equal(y["image"], x["image"] + 100)


# -- augmentation --------------------------------------------------------------------


def test_augmentation_is_a_function_of_seed_epoch_and_sample():
    whole = batches(augmenters=[Noise(200)], shuffle=True)
    part = batches(
        loaded(), augmenters=[Noise(200)], count=5, rows=np.array([4, 9, 2, 0, 17]), shuffle=False
    )
    by_sample = {}
    plain = batches()
    for index in range(3):
        numbers = plain.make(1, index)[0][:, 0, 0]
        by_sample |= dict(zip(numbers.tolist(), whole.make(1, index)[0], strict=True))
    for number, sample in zip([4, 9, 2, 0, 17], part.make(1, 0)[0], strict=True):
        np.testing.assert_array_equal(sample, by_sample[number])


def test_every_epoch_and_seed_is_augmented_anew():
    drawn = {
        batches(augmenters=[Noise(200)], shuffle=False, seed=seed).make(epoch, 0)[0].tobytes()
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(drawn) == 9


def test_two_augmenters_of_one_kind_draw_apart_and_an_input_and_its_mask_together():
    made = batches(
        loaded("x"), targets=[loaded("y")], augmenters=[Noise(200)], nested_targets=False
    )
    x, y = made.make(0, 0)
    np.testing.assert_array_equal(x, y)
    one = batches(augmenters=[Noise(100)]).make(0, 0)[0].astype(int)
    two = batches(augmenters=[Noise(100), Noise(100)]).make(0, 0)[0].astype(int)
    first, second = one - batches().make(0, 0)[0], two - one
    assert not (first == second).all()


@dataclass(frozen=True)
class Clear:
    """Sets everything in a batch to zero."""

    @penstock.hookimpl
    def augment_batch(self, batch):
        for array in (*batch.inputs.values(), *batch.targets.values()):
            array[...] = 0
        if batch.sample_weight is not None:
            batch.sample_weight[...] = 0


@pytest.mark.parametrize("augmenter", [Noise(), Clear()])
def test_augmentation_can_be_left_out_of_a_view(augmenter):
    same(batches(augmenters=[augmenter], augment=False).make(0, 0), batches().make(0, 0))


def test_augmenters_see_the_loaded_dtype_with_the_channels_last():
    seen = []

    class Look:
        @penstock.hookimpl
        def augment_samples(self, batch):
            seen.append((batch.inputs["x"].shape[1:], batch.inputs["x"].dtype))

    options = (("deliver_dtype", "float32"), ("data_format", "channels_first"))
    made = batches(loaded(loader=Ramps((4, 5, 3), options=options)), augmenters=[Look()])
    assert made.make(0, 0)[0].shape == (8, 3, 4, 5)
    assert seen == [((4, 5, 3), np.uint8)]


def test_augment_batch_sees_the_whole_batch_as_keras_will():
    seen = []

    class Mixup:
        @penstock.hookimpl
        def augment_batch(self, batch):
            seen.append(
                (
                    batch.inputs["x"].shape,
                    batch.inputs["x"].dtype,
                    len(batch.draws),
                    set(batch.targets),
                )
            )
            batch.inputs["x"][...] = batch.inputs["x"][::-1].copy()
            batch.sample_weight = np.ones(len(batch.draws), np.float32)

    loader = Ramps(options=(("deliver_dtype", "float32"),))
    made = batches(loaded(loader=loader), targets=[labels()], augmenters=[Mixup()])
    assembly = made.start(0, 2, Pool())
    for place in range(len(assembly)):
        assembly.fill(place, place + 1)
    x, _, weight = assembly.finish()
    assert seen == [((4, 2, 3), np.float32, 4, {"y"})]
    same((x[::-1],), batches(loaded(loader=loader)).make(0, 2))
    assert weight.tolist() == [1, 1, 1, 1]


def test_arrays_given_by_the_user_are_never_augmented_in_place():
    given_array = np.zeros((20, 4), np.uint8)
    field = loaded(loader=penstock.Arrays(given_array))
    assert batches(field, augmenters=[Noise(200)]).make(0, 0)[0].any()
    assert not given_array.any()


def test_the_labels_and_weights_of_the_data_are_never_changed_by_an_augmenter():
    weights, target = np.ones(20, np.float32), labels()
    batches(targets=[target], augmenters=[Clear()], sample_weight=weights).make(0, 0)
    assert weights.all()
    assert target.labels.any()


def test_an_augmenter_that_replaces_an_array_is_refused():
    class Replace:
        @penstock.hookimpl
        def augment_samples(self, batch):
            batch.inputs["x"] = batch.inputs["x"] + 1

    with pytest.raises(PluginError, match="replaced the array of 'x'.*in place"):
        batches(augmenters=[Replace()]).make(0, 0)


def test_an_augmenter_that_drops_an_array_is_refused():
    class Drop:
        @penstock.hookimpl
        def augment_samples(self, batch):
            batch.inputs.clear()

    with pytest.raises(PluginError, match="'x'"):
        batches(augmenters=[Drop()]).make(0, 0)


@pytest.mark.parametrize("hook", ["augment_samples", "augment_batch"])
def test_an_augmenter_that_fails_is_named_with_what_it_was_given(hook):
    class Bad:
        pass

    def fail(self, batch):
        raise ZeroDivisionError("no")

    setattr(Bad, hook, penstock.hookimpl(fail))
    with pytest.raises(PluginError) as caught:
        batches(augmenters=[Bad()]).make(0, 0)
    assert "The augmenter Bad failed on rows" in str(caught.value)
    assert "ZeroDivisionError: 'no'" in str(caught.value)
    assert "x uint8(8, 2, 3)" in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SampleCorrupt("It is cut."), SampleCorrupt, "It is cut."),
        (SampleRefused("Too large.", sample="other"), SampleRefused, "Too large."),
        (FileNotFoundError(2, "No such file"), SampleMissing, "cannot be opened: No such file"),
        (
            PermissionError(13, "Permission denied"),
            SampleMissing,
            "cannot be opened: Permission denied",
        ),
        (ValueError("bad\nbytes"), SampleCorrupt, r"ValueError: 'bad\nbytes'"),
        (OSError(5, "Input/output error"), SampleMissing, "cannot be opened: Input/output error"),
        (OSError("cannot identify"), SampleCorrupt, "OSError: 'cannot identify'"),
    ],
)
def test_a_sample_that_cannot_be_loaded_is_named(error, kind, message):
    field = loaded(loader=Faulty(error=error))
    made = batches(field, shuffle=False)
    with pytest.raises(kind) as caught:
        made.make(0, 0)
    found = caught.value
    assert message in str(found)
    assert (found.index, found.loader) == (7, "Faulty")
    assert found.sample == 7
    assert found is error or found.__cause__ is error
    assert str(pickle.loads(pickle.dumps(found))) == str(found)


def test_the_index_of_a_guilty_sample_is_its_row_in_the_table():
    field = loaded(loader=Faulty(error=SampleCorrupt("It is cut.")))
    rows = np.array([3, 4, 7, 1])
    with pytest.raises(SampleCorrupt) as caught:
        batches(field, rows=rows, count=4, batch_size=4, shuffle=False).make(0, 0)
    assert caught.value.index == 7


def test_a_plugin_error_of_a_loader_is_passed_on():
    with pytest.raises(PluginError, match="^mine$"):
        batches(loaded(loader=Faulty(error=PluginError("mine"))), shuffle=False).make(0, 0)


def test_a_loaders_own_kind_of_sample_error_is_passed_on_whatever_it_is_made_of():
    class Odd(SampleCorrupt):
        def __init__(self, path, line):
            super().__init__(f"{path} is cut in line {line}.")

    with pytest.raises(SampleCorrupt, match="a.npy is cut in line 3"):
        batches(loaded(loader=Faulty(error=Odd("a.npy", 3))), shuffle=False).make(0, 0)


def test_ctrl_c_in_a_loader_is_ctrl_c():
    with pytest.raises(KeyboardInterrupt):
        batches(loaded(loader=Faulty(error=KeyboardInterrupt())), shuffle=False).make(0, 0)


def test_an_encoder_that_returns_another_length_is_refused():
    class Short:
        @penstock.hookimpl
        def encode_labels(self, labels):
            return labels[:-1]

    target = EncodedField("y", Short(), np.arange(20), None)
    with pytest.raises(PluginError, match=r"Short returned ndarray of shape \(7,\) for 8 labels"):
        batches(targets=[target]).make(0, 0)


def test_a_loader_without_a_needed_hook_is_refused():
    class Half:
        @penstock.hookimpl
        def load_samples(self, samples, out): ...

    with pytest.raises(PluginError, match="Half does not implement describe_sample"):
        loaded(loader=Half())


@pytest.mark.parametrize("result", [None, (2, 3), np.zeros(3)])
def test_a_loader_that_describes_nothing_is_refused(result):
    class Mute(Ramps):
        @penstock.hookimpl
        def describe_sample(self):
            return result

    with pytest.raises(
        PluginError, match=r"describe_sample returned .*must return a penstock.ArraySpec"
    ):
        loaded(loader=Mute())
