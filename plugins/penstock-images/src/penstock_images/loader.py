"""The loader of image files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import penstock
from penstock.arrayspec import ArraySpec
from penstock.errors import (
    ConfigError,
    SampleCorrupt,
    SampleError,
    SampleMismatch,
    SampleRefused,
    quote,
)
from penstock_images.decoding import COLOR_MODES, decode, decode_jpeg
from penstock_images.files import read_head, read_image
from penstock_images.fitting import fit_image
from penstock_images.formats import sniff
from penstock_images.headers import read_header
from penstock_images.options import check_choice, check_count, check_flag, check_number, check_size
from penstock_images.resampling import INTERPOLATIONS, resize
from penstock_images.survey import FORMATS, survey
from penstock_images.threads import single_threaded
from penstock_images.upright import is_sideways, turn_upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock_images.headers import Header

__all__ = ["ImageFiles"]

# How many files may be unreadable before the bit depth is told by none of them.
_PROBES = 64


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """Images from JPEG, PNG, BMP, GIF, WebP and TIFF files, resized to *image_size*.

    The defaults deliver what ``keras.utils.image_dataset_from_directory`` does:
    float32 from 0 to 255. The README says where the two differ, and why.

    Args:
        column: The table's column that holds the files.
        image_size: (height, width) of every sample, in pixels. None leaves each image in its
            own size, and batches are padded to the largest.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        interpolation: ``"bilinear"``, ``"nearest"`` (for masks), ``"bicubic"``, ``"area"``,
            ``"lanczos3"``, ``"lanczos5"``, ``"gaussian"`` or ``"mitchellcubic"``.
        crop_to_aspect_ratio: Cut the borders off rather than distort.
        pad_to_aspect_ratio: Add black borders rather than distort.
        data_format: ``"channels_last"`` (None means the same) or ``"channels_first"``.
        dtype: What is delivered to Keras; None for what is loaded, uint8 or uint16.
        rescale: Factor applied on delivery, such as 1/255.
        bit_depth: 8 or 16 to convert all files to it: v16 = 257 v8, and v8 is v16 / 257, rounded.
            None: that of the first file, and a file of another depth is refused.
        decode: ``"fast"`` decodes large JPEGs at 1/2, 1/4 or 1/8 of their size where that
            leaves no less than *image_size*, and smooths colours less;
            ``"accurate"`` decodes them pixel for pixel as TensorFlow does.
        exif_orientation: Turn images upright as their EXIF orientation tells.
        max_pixels: Images of more pixels are refused before they are decoded.

    Raises:
        ConfigError: An option's value that cannot work.
    """

    column: str = "sample"
    image_size: tuple[int, int] | None = (256, 256)
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    data_format: str | None = "channels_last"
    dtype: str | None = "float32"
    rescale: float | None = None
    bit_depth: int | None = None
    decode: str = "fast"
    exif_orientation: bool = True
    max_pixels: int = 64_000_000

    suffixes: ClassVar[tuple[str, ...]] = tuple(FORMATS)

    def __post_init__(self) -> None:
        if self.image_size is not None:
            object.__setattr__(self, "image_size", check_size("image_size", self.image_size))
        elif self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:
            raise ConfigError(
                "image_size=None leaves images in their own sizes, and crop_to_aspect_ratio= and "
                "pad_to_aspect_ratio= fit them into one: leave these out."
            )
        check_choice("color_mode", self.color_mode, tuple(COLOR_MODES))
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)
        check_flag("crop_to_aspect_ratio", self.crop_to_aspect_ratio)
        check_flag("pad_to_aspect_ratio", self.pad_to_aspect_ratio)
        check_flag("exif_orientation", self.exif_orientation)
        check_choice("decode", self.decode, ("fast", "accurate"))
        check_count("max_pixels", self.max_pixels)
        if self.data_format is not None:
            check_choice("data_format", self.data_format, ("channels_last", "channels_first"))
        if not isinstance(self.column, str):
            raise ConfigError(f"column={quote(self.column)} is no name of a column.")
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ConfigError(
                "crop_to_aspect_ratio=True and pad_to_aspect_ratio=True exclude each other: "
                "set one of them."
            )
        if self.bit_depth not in (None, 8, 16) or isinstance(self.bit_depth, bool):
            raise ConfigError(f"bit_depth={quote(self.bit_depth)} is none of 8, 16 and None.")
        if self.rescale is not None:
            check_number("rescale", self.rescale)
        self._spec(self.bit_depth or 8)

    @penstock.hookimpl
    def describe_sample(self, samples: NDArray[Any]) -> ArraySpec:
        """Describe a sample: its size, if all have one; the first readable file tells the depth."""
        bits = self.bit_depth or self._first_depth(samples)
        spec = self._spec(bits)
        survey(samples, bits if self.bit_depth is None else None, self._read)
        return spec

    def _first_depth(self, samples: NDArray[Any]) -> int:
        first_error: SampleError | None = None
        for path in samples[:_PROBES]:
            try:
                return self._read(str(path))[1].bits
            except SampleError as error:
                error.sample = path
                first_error = first_error or error
        if first_error is not None:
            raise first_error
        return 8

    @penstock.hookimpl
    def measure_samples(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        """Tell the heights and widths of images, as they are when they stand upright."""
        sizes = np.empty((len(samples), 2), np.int64)
        for path, size in zip(samples, sizes, strict=True):
            try:
                size[:] = self._upright_size(self._header(str(path)))
            except SampleError as error:
                error.sample = path
                raise
        return sizes

    @penstock.hookimpl
    def load_samples(self, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Fill ``out[i]``, uint8 or uint16, with the image at the path ``samples[i]``."""
        rows = out[..., 0] if self.color_mode == "grayscale" else out
        with single_threaded:
            for path, row in zip(samples, rows, strict=True):
                try:
                    self._load(str(path), row)
                except SampleError as error:
                    error.sample = path
                    raise

    def _load(self, path: str, row: NDArray[Any]) -> None:
        data, header = self._read(path)
        self._check_depth(header, row.dtype)
        orientation = header.orientation if self.exif_orientation else 1
        height, width = self._upright_size(header)
        fit = fit_image(
            height,
            width,
            self.image_size or (height, width),
            crop=self.crop_to_aspect_ratio,
            pad=self.pad_to_aspect_ratio,
        )
        if header.format == "JPEG":
            fast = self.decode == "fast"
            reduce = fit.reduction() if fast and self.interpolation != "nearest" else 1
            pixels = decode_jpeg(data, header, self.color_mode, reduce=reduce, fast=fast)
            if reduce > 1:
                fit = fit.reduced(reduce)
        else:
            pixels = decode(data, header, self.color_mode)
            if pixels.shape[:2] != (header.height, header.width):
                raise SampleCorrupt(
                    f"The file's header tells {header.height} x {header.width} pixels; "
                    f"decoded were {pixels.shape[0]} x {pixels.shape[1]}: restore the file."
                )
        if orientation != 1:
            pixels = turn_upright(pixels, orientation)
        if pixels.dtype != row.dtype:
            pixels = _converted(pixels, row.dtype)
        if self.pad_to_aspect_ratio:
            row[...] = 0
        resize(
            pixels[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width],
            row[fit.down : fit.down + fit.rows, fit.right : fit.right + fit.columns],
            self.interpolation,
        )

    def _upright_size(self, header: Header) -> tuple[int, int]:
        if self.exif_orientation and is_sideways(header.orientation):
            return header.width, header.height
        return header.height, header.width

    def _header(self, path: str) -> Header:
        head = read_head(path)
        found = sniff(head)
        if found == "PNG" and self.exif_orientation:  # which may stand at the end
            return self._read(path)[1]
        try:
            header = read_header(head, found)
        except SampleError:  # a long one, or none at all
            return self._read(path)[1]
        self._check_pixels(header)
        return header

    def _read(self, path: str) -> tuple[bytes, Header]:
        # Four channels of 16 bits, and as much again for a clumsy encoding.
        data = read_image(path, (1 << 20) + 16 * self.max_pixels, sniff)
        header = read_header(data, sniff(data))
        self._check_pixels(header)
        return data, header

    def _check_pixels(self, header: Header) -> None:
        if header.height * header.width > self.max_pixels:
            raise SampleRefused(
                f"An image of at most {self.max_pixels:,} pixels was expected; the file tells "
                f"{header.height:,} x {header.width:,}: raise max_pixels or shrink the image."
            )

    def _check_depth(self, header: Header, loaded: np.dtype[Any]) -> None:
        if self.bit_depth is None and header.bits != 8 * loaded.itemsize:
            raise SampleMismatch(
                f"An image of {8 * loaded.itemsize} bits per channel was expected, as the "
                f"first has; this one has {header.bits}: convert all by bit_depth=8 or =16."
            )

    def _spec(self, bits: int) -> ArraySpec:
        """Describe samples of *bits* per channel; refuse a dtype that cannot hold them."""
        loaded = np.dtype(np.uint8 if bits == 8 else np.uint16)
        shape = (*(self.image_size or (None, None)), COLOR_MODES[self.color_mode][0])
        data_format = self.data_format or "channels_last"
        spec = ArraySpec(shape, loaded, deliver_dtype=self.dtype, data_format=data_format)
        delivered = spec.deliver_dtype
        if delivered.kind not in "iuf" or not np.can_cast(loaded, delivered):
            others = ", or bit_depth=8" if bits == 16 else ", 'float16' or 'uint8'"
            raise ConfigError(
                f"dtype={quote(self.dtype)} cannot hold images of {bits} bits per channel: "
                f"give 'float32'{others}."
            )
        if self.rescale is None:
            return spec
        if delivered.kind != "f":
            raise ConfigError(
                f"rescale={quote(self.rescale)} needs a float dtype; found "
                f"dtype={quote(self.dtype)}: give dtype='float32'."
            )
        scale = float(self.rescale)
        return ArraySpec(
            shape, loaded, deliver_dtype=delivered, scale=scale, data_format=data_format
        )


def _converted(pixels: NDArray[Any], wanted: np.dtype[Any]) -> NDArray[Any]:
    """Convert between 8 and 16 bits: 255 is to one what 65535 = 255 * 257 is to the other."""
    if wanted == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
