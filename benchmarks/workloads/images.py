"""JPEGs."""

from __future__ import annotations

from benchmarks.rows import PENSTOCK, READY, ROOFLINE, Peer, Row, Target

__all__ = ["ROWS", "scaling"]

_FROM_DIRECTORY = "image_dataset_from_directory"
_TUNED = "tuned tf.data"
_TORCH = "torch DataLoader + OpenCV"
_OLD = "ImageDataGenerator"
_LAYERS = "Keras layers in map"
_CACHE = "tf.data cache(), shuffled"
_PHOTOS = {"folder": "photos"}
_KEPT = {"shape": (32, 224, 224, 3), "batches": 63}
_WORKERS = tuple({"workers": count} for count in (0, 1, 2, 4))

ROWS = [
    Row(
        name="images",
        title="2,000 JPEGs 500×375 → 224×224",
        data=_PHOTOS,
        peers=(
            Peer(PENSTOCK, "ours:images"),
            Peer(ROOFLINE, "roofline:images"),
            Peer(_FROM_DIRECTORY, "tfdata:from_directory"),
            Peer(_TUNED, "tfdata:tuned"),
            Peer(_TORCH, "loaders:torch_images", variants=_WORKERS),
            Peer("Grain + OpenCV", "loaders:grain_images", variants=_WORKERS[:3:2]),
            Peer(_OLD, "older:image_data_generator", variants=_WORKERS[1:3]),
            Peer(READY, "trials:ready", variants=(_KEPT,), reads=False),
        ),
        targets=(
            Target(0.93, ROOFLINE),
            Target(1.9, _FROM_DIRECTORY),
            Target(1.3, _TUNED),
            Target(1.6, _TORCH),
            Target(2.5, _OLD),
        ),
    ),
    Row(
        name="augment",
        title="+ flip, rotation, shift, zoom, brightness",
        data=_PHOTOS,
        peers=(
            Peer(PENSTOCK, "ours:images", variants=({"augment": True},)),
            Peer(
                _OLD,
                "older:image_data_generator",
                variants=({"augment": True, "workers": 1}, {"augment": True, "workers": 2}),
            ),
            Peer(_LAYERS, "tfdata:keras_layers"),
        ),
        targets=(Target(9, _OLD), Target(4.5, _LAYERS)),
        alike=False,
    ),
    Row(
        name="large-images",
        title="12-megapixel JPEGs → 224×224",
        data={"folder": "large-photos"},
        peers=(
            Peer(PENSTOCK, "ours:images"),
            Peer(ROOFLINE, "roofline:images", variants=({"reduce": 8},)),
            Peer(_FROM_DIRECTORY, "tfdata:from_directory"),
            Peer(_TUNED, "tfdata:tuned", variants=({"ratio": 8},)),
        ),
        targets=(Target(1.4, _FROM_DIRECTORY),),
    ),
    Row(
        name="cache",
        title="the same JPEGs, second epoch, cached",
        data=_PHOTOS,
        peers=(
            Peer('Penstock, "memory"', "ours:cached", variants=({"cache": "memory"},)),
            Peer('Penstock, "disk"', "ours:cached", variants=({"cache": "disk"},)),
            Peer(_CACHE, "tfdata:from_directory", variants=({"cache": "samples"},)),
            Peer(
                "tf.data cache() of batches, never shuffled",
                "tfdata:from_directory",
                variants=({"cache": "batches"},),
            ),
        ),
        targets=(
            Target(10, 'Penstock, "memory"', of='Penstock, "memory"', against_figure="first_rate"),
            Target(7, 'Penstock, "disk"', of='Penstock, "disk"', against_figure="first_rate"),
            Target(1.2, _CACHE, of='Penstock, "memory"'),
        ),
        seconds=4,
    ),
]


def scaling(cores: int) -> Row:
    """Return the row of 1, 2, 4 … *cores*."""
    counts = [1 << power for power in range(cores.bit_length()) if 1 << power < cores] + [cores]
    return Row(
        name="scaling",
        title=f"the same JPEGs, on 1 to {cores} cores",
        data=_PHOTOS,
        peers=tuple(
            Peer(f"{who} on {count}", subject, cores=count)
            for count in counts
            for who, subject in ((PENSTOCK, "ours:images"), (ROOFLINE, "roofline:images"))
        ),
        targets=tuple(
            Target(0.93, f"{ROOFLINE} on {count}", of=f"{PENSTOCK} on {count}") for count in counts
        ),
    )
