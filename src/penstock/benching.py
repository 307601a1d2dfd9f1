"""How fast a source can be read, where the time goes, and what bounds it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from penstock.errors import ConfigError, quote
from penstock.factory import make_generator
from penstock.readahead import usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.sequence import Sequence
    from penstock.stats import Stats

__all__ = ["Finding", "bench", "parse_options"]

_BUSY = 0.75  # of the cores that threads could use: from here on, the processor bounds
_SCALES = 1.3  # times faster with all threads than with one: from here on, they help
_FEW = 8  # batches: of fewer, most of the time between them is Keras' beginning and end
_COUNTED = ("load", "augment", "deliver", "encode")


@dataclass(frozen=True)
class Finding:
    """What was measured.

    Attributes:
        samples: Samples in the source.
        batch_size: Samples per batch.
        workers: Threads.
        samples_per_s: Samples made per second.
        megabytes_per_s: Of arrays as Keras gets them, 10⁶ bytes.
        one_thread_per_s: Samples made per second with one thread.
        keras_per_s: Samples per second that arrive at a model that does nothing.
        handover_ms: What Keras takes per batch, in milliseconds; None where there are too few
            batches to tell.
        cpu_us: Processor time per sample, in microseconds.
        cores_busy: How many cores were busy on average.
        us_per_sample: Thread time per sample by kind of work, in microseconds.
        first_batch_s: Seconds until there was a first batch, listing included.
        bound: What bounds it, and what would help.
    """

    samples: int
    batch_size: int
    workers: int
    samples_per_s: float
    megabytes_per_s: float
    one_thread_per_s: float
    keras_per_s: float
    handover_ms: float | None
    cpu_us: float
    cores_busy: float
    us_per_sample: dict[str, float]
    first_batch_s: float
    bound: str

    def as_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)

    def __str__(self) -> str:
        """Say it in a few lines."""
        work = ", ".join(f"{name} {value:,.0f}" for name, value in self.us_per_sample.items())
        took = (
            "too few batches"
            if self.handover_ms is None
            else f"{self.handover_ms:.2f} ms per batch"
        )
        gain = self.samples_per_s / max(self.one_thread_per_s, 1e-9)
        return (
            f"samples     {self.samples:,}, in batches of {self.batch_size},"
            f" on {self.workers} threads\n"
            f"made        {self.samples_per_s:,.0f} samples/s, {self.megabytes_per_s:,.0f} MB/s"
            f" ({gain:.1f} times one thread)\n"
            f"into Keras  {self.keras_per_s:,.0f} samples/s;"
            f" hand-over {took}\n"
            f"processor   {self.cpu_us:,.0f} µs per sample, {self.cores_busy:.1f} cores busy\n"
            f"work        {work} µs per sample\n"
            f"first batch after {self.first_batch_s:.2f} s\n"
            f"bound by    {self.bound}"
        )


def bench(source: Any, *, seconds: float = 5.0, **options: Any) -> Finding:
    """Measure how fast *source* can be read.

    Reads it with one thread, with all, and through Keras into a model that
    does nothing. With ``cache=``, an epoch fills the cache first.

    Args:
        source: As for ``make_generator``.
        seconds: How long to measure each, at least; one epoch of many small
            samples may take less, and is then read again.
        **options: As for ``make_generator``.

    Raises:
        ConfigError: *seconds* is not above 0.
        PenstockError: What ``make_generator`` raises, or a batch that cannot be made.
    """
    if not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        raise ConfigError(f"seconds={quote(seconds)} was given; it must be a number above 0.")
    began = time.perf_counter()
    with make_generator(source, **options) as sequence:
        sequence[0]
        first = time.perf_counter() - began
        if options.get("cache") is not None:
            _drain(iter(sequence))
        made, wall, cpu = _read(sequence, seconds)
        keras_stats, keras_rate = _feed(sequence, seconds, made.samples / wall)
    with make_generator(source, **{**options, "workers": 0}) as alone:
        if options.get("cache") is not None:
            _drain(iter(alone))
        one, one_wall, _ = _read(alone, seconds / 2)
    count = max(made.samples, 1)
    workers = options.get("workers")
    threads = max(usable_cores() if workers is None else workers, 1)
    work = {name: 1e6 * getattr(made, name) / count for name in _COUNTED}
    busy = cpu / wall
    delivered = keras_stats.batches
    handover = keras_stats.elsewhere / delivered if delivered >= _FEW else None
    return Finding(
        samples=sequence.num_samples,
        batch_size=sequence.batch_size,
        workers=threads,
        samples_per_s=count / wall,
        megabytes_per_s=made.bytes / wall / 1e6,
        one_thread_per_s=one.samples / one_wall,
        keras_per_s=keras_rate,
        handover_ms=None if handover is None else 1e3 * handover,
        cpu_us=1e6 * cpu / count,
        cores_busy=busy,
        us_per_sample=work,
        first_batch_s=first,
        bound=_bound(
            work,
            busy=busy,
            threads=min(threads, usable_cores()),
            gain=(count / wall) / max(one.samples / one_wall, 1e-9),
            handover=handover,
            per_batch=wall / max(made.batches, 1),
        ),
    )


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Make options of ``NAME=VALUE``: numbers, true, false, null, lists with commas, or text.

    Raises:
        ConfigError: There is no ``=``.
    """
    options = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigError(
                f"{quote(pair)} is no option. Write NAME=VALUE, such as image_size=224,224."
            )
        options[name] = _value(text)
    return options


def _value(text: str) -> Any:
    for spelling in (text, f"[{text}]" if "," in text else text):
        try:
            value = json.loads(spelling)
        except ValueError:
            continue
        return tuple(value) if isinstance(value, list) else value
    return text


def _drain(batches: Iterable[Any]) -> None:
    for _ in batches:
        pass


def _read(sequence: Sequence, seconds: float) -> tuple[Stats, float, float]:
    """Read epochs until *seconds* have passed; return figures, wall and processor seconds."""
    sequence.stats(reset=True)
    cpu, began = time.process_time(), time.perf_counter()
    while (wall := time.perf_counter() - began) < seconds:
        for _ in sequence:
            wall = time.perf_counter() - began
            if wall >= seconds:
                break
    return sequence.stats(), wall, time.process_time() - cpu


def _feed(sequence: Sequence, seconds: float, rate: float) -> tuple[Stats, float]:
    """Let Keras read; return figures, and samples per second."""
    import keras

    class Sink(keras.Model):  # type: ignore[misc]
        """Takes batches and does nothing with them."""

        def call(self, x: Any) -> Any:
            first = keras.tree.flatten(x)[0]
            return keras.ops.zeros((keras.ops.shape(first)[0], 1))

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Notes when batches were done."""

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            times.append(time.perf_counter())

    times: list[float] = []
    sink = Sink()
    sink.predict(sequence, steps=1, verbose=0)  # compiles
    sequence.stats(reset=True)
    steps = min(len(sequence), max(2, int(seconds * rate / sequence.batch_size)))
    sink.predict(sequence, steps=steps, verbose=0, callbacks=[Clock()])
    spent = times[-1] - times[0]
    samples = min(sequence.num_samples, steps * sequence.batch_size) - sequence.batch_size
    # What was ready before the first batch arrived comes faster than it can be made.
    return sequence.stats(), min(samples / spent, rate) if samples > 0 and spent > 0 else rate


def _bound(
    work: dict[str, float],
    *,
    busy: float,
    threads: int,
    gain: float,
    handover: float | None,
    per_batch: float,
) -> str:
    """Say what bounds it."""
    if handover is not None and handover > per_batch:
        return "the hand-over to Keras: larger batches make it rarer"
    most = max(work, key=lambda name: work[name])
    share = work[most] / max(sum(work.values()), 1e-9)
    if threads > 1 and gain < _SCALES and _BUSY < busy < _BUSY * threads:
        return (
            f"Python's lock: the threads take turns at the work ({most} {share:.0%}), and more of"
            " them do not help. Use a library that releases it, or cache="
        )
    if busy < _BUSY * threads and most == "load":
        return (
            "waiting: for storage, or for other programs that use the processor. More workers="
            " than cores help with slow storage, and so does cache="
        )
    return {
        "load": f"loading, {share:.0%} of the work: more cores, or cache=",
        "augment": f"augmentation, {share:.0%} of the work: more cores, or fewer augmenters",
        "deliver": f"memory: delivery is {share:.0%} of the work. Deliver uint8 and let the model"
        " rescale",
        "encode": f"the encoder, {share:.0%} of the work",
    }[most]
