"""NiftiFiles keeps Penstock's contract, and loads what nibabel wrote."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

import penstock
from nifti_plugin import NiftiFiles
from penstock.errors import (
    ConfigError,
    SampleCorrupt,
    SampleError,
    SampleMismatch,
    SampleMissing,
    SampleRefused,
)
from penstock.testing import LoaderConformance

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TO_LEFT = np.diag([-1.0, 1.0, 1.0, 1.0])


def write(
    path: Path,
    values: NDArray[Any],
    *,
    affine: NDArray[Any] | None = None,
    scale: tuple[float, float] = (1, 0),
    kind: type[Any] = nibabel.Nifti1Image,
) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = kind(values, np.eye(4) if affine is None else affine)
    if scale != (1, 0):
        image.header.set_slope_inter(*scale)
    image.to_filename(path)
    return path.name


def volume(seed: int, shape: tuple[int, ...] = (3, 4, 5)) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-100, 100, shape).astype(np.int16)


def loaded(loader: NiftiFiles, *paths: Path) -> NDArray[Any]:
    samples = np.array([str(path) for path in paths], object)
    spec = loader.describe_sample(samples=samples)
    out = np.full((len(samples), *spec.shape), np.nan, spec.dtype)
    loader.load_samples(samples=samples, out=out)
    return out


class TestVolumes(LoaderConformance):
    def make(self, directory: Path) -> tuple[Any, Any]:
        names = [write(directory / f"{n}.nii", volume(n)) for n in range(3)]
        return NiftiFiles(), names

    def expected(self, directory: Path) -> NDArray[Any]:
        return np.stack([volume(n) for n in range(3)])[..., None]


class TestCompressedSeriesOfAllShapes(LoaderConformance):
    def make(self, directory: Path) -> tuple[Any, Any]:
        shapes = [(3, 4, 5, 2), (6, 2, 5, 2), (2, 7, 4, 2)]
        for n, shape in enumerate(shapes):
            write(directory / f"{n}.nii.gz", volume(n, shape), affine=TO_LEFT, scale=(0.5, 3))
        loader = NiftiFiles(shape=(4, 4, 4), window=(-40, 40), data_format="channels_first")
        return loader, ["0", "1", "2"]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<i4", "<f4", ">f8"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_values_are_those_that_nibabel_reads(
    tmp_path: Path, ending: str, dtype: str, kind: type[Any]
) -> None:
    path = tmp_path / f"a{ending}"
    write(path, abs(volume(0)).astype(dtype), kind=kind)
    out = loaded(NiftiFiles(), path)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out[0, ..., 0], nibabel.load(path).get_fdata())


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    write(path, volume(0), scale=(0.25, -7))
    expected = nibabel.load(path).get_fdata()
    np.testing.assert_array_equal(expected, volume(0) * 0.25 - 7)
    np.testing.assert_allclose(loaded(NiftiFiles(), path)[0, ..., 0], expected, rtol=1e-6)


def test_axes_are_turned_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    affine = np.array([[0, -2, 0, 1], [0, 0, 3, 1], [1, 0, 0, 1], [0, 0, 0, 1.0]])
    write(path, volume(0), affine=affine)
    expected = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()
    assert expected.shape == (4, 5, 3)
    np.testing.assert_array_equal(loaded(NiftiFiles(), path)[0, ..., 0], expected)
    np.testing.assert_array_equal(loaded(NiftiFiles(canonical=False), path)[0, ..., 0], volume(0))


def test_volumes_are_cut_and_padded_about_the_centre(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    write(path, volume(0, (2, 5, 4)))
    out = loaded(NiftiFiles(shape=(4, 3, 4), fill=-1000), path)[0, ..., 0]
    np.testing.assert_array_equal(out[1:3], volume(0, (2, 5, 4))[:, 1:4])
    assert (out[[0, 3]] == -1000).all()


def test_values_beyond_the_window_are_moved_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    write(path, volume(0))
    out = loaded(NiftiFiles(window=(-20, 30)), path)
    np.testing.assert_array_equal(out[0, ..., 0], volume(0).clip(-20, 30))


def test_a_directory_of_class_folders_is_found_and_fed_to_keras(tmp_path: Path) -> None:
    for n in range(6):
        write(tmp_path / ("sick" if n % 2 else "well") / f"{n}.nii.gz", volume(n))
    data = penstock.make_generator(tmp_path, batch_size=4, shuffle=False)
    batches = list(data)
    data.close()
    assert data.class_names == ["sick", "well"]
    assert [x.shape for x, _ in batches] == [(4, 3, 4, 5, 1), (2, 3, 4, 5, 1)]
    np.testing.assert_array_equal(batches[0][0][0, ..., 0], volume(1))


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("shape", (3, 4), r"no \(x, y, z\)"),
        ("shape", (3, 4, 0), r"no \(x, y, z\)"),
        ("shape", 64, r"no \(x, y, z\)"),
        ("window", (1, 1), "two numbers in order"),
        ("window", (0, float("nan")), "two numbers in order"),
        ("fill", float("inf"), "no finite number"),
        ("max_voxels", 0, "at least 1"),
    ],
)
def test_an_option_that_cannot_work_is_refused(option: str, value: Any, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}=.*{hint}"):
        NiftiFiles(**{option: value})


def test_a_value_of_another_type_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", volume(0))
    with pytest.raises(ConfigError, match="canonical=1; it must be True or False"):
        penstock.make_generator(tmp_path, loader="nifti", canonical=1)
    with pytest.raises(ConfigError, match=r"dtype='float23'; .* Did you mean 'float32'\?"):
        penstock.make_generator(tmp_path, loader="nifti", dtype="float23")


def test_a_list_is_as_good_as_a_tuple() -> None:
    assert hash(NiftiFiles(shape=[4, 4, 4])) == hash(NiftiFiles(shape=(4, 4, 4)))  # type: ignore[arg-type]


def corrupted(tmp_path: Path, case: str) -> Path:
    path = tmp_path / "bad.nii"
    write(path, volume(0))
    content = path.read_bytes()
    if case == "no header":
        path.write_bytes(b"not a volume" * 40)
    elif case == "cut":
        path.write_bytes(content[:-1])
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "cut gzip":
        path = tmp_path / "bad.nii.gz"
        path.write_bytes(gzip.compress(content)[:-20])
    elif case == "no gzip":
        path = tmp_path / "bad.nii.gz"
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", ["no header", "cut", "empty", "cut gzip", "no gzip"])
def test_a_file_that_is_not_whole_is_named(tmp_path: Path, case: str) -> None:
    with pytest.raises(SampleCorrupt, match=r"bad\.nii"):
        loaded(NiftiFiles(), corrupted(tmp_path, case))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleMissing, match=r"none\.nii"):
        loaded(NiftiFiles(), tmp_path / "none.nii")


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (volume(0).astype(np.complex64), {}, "only integers and floats"),
        (volume(0, (2, 2, 2, 2, 2)), {}, "a volume"),
        (volume(0, (2, 2)), {}, "a volume"),
        (volume(0), {"max_voxels": 59}, "more than max_voxels=59"),
    ],
)
def test_what_is_no_volume_is_refused(
    tmp_path: Path, values: NDArray[Any], options: dict[str, Any], message: str
) -> None:
    write(tmp_path / "odd.nii", values)
    with pytest.raises(SampleRefused, match=message):
        loaded(NiftiFiles(**options), tmp_path / "odd.nii")


def test_a_volume_unlike_the_first_is_named(tmp_path: Path) -> None:
    paths = [tmp_path / "a.nii", tmp_path / "b.nii", tmp_path / "c.nii"]
    for path, shape in zip(paths, [(3, 4, 5), (3, 4, 6), (3, 4, 5, 2)], strict=True):
        write(path, volume(0, shape))
    for odd in paths[1:]:
        with pytest.raises(SampleMismatch, match=odd.name) as caught:
            loaded(NiftiFiles(), paths[0], odd)
        assert isinstance(caught.value, SampleError)
