"""Train on a dataframe: an image file, a text and two numbers per row.

A tutorial on generators says why one writes them: a model that reads text and
images at once is beyond ``ImageDataGenerator``. It gives a class with blanks to
be filled in::

    def __init__(self, df, x_col, y_col=None, batch_size=32, num_classes=None, shuffle=True): ...

    def __get_data(self, batch):
        X = # logic to load the data from storage
        y = # logic for the target variables

The class and its blanks are the function ``generators`` below: one loader per
input, by the input's name, and ``y_col`` for the labels. The augmentation that
the tutorial shows, ``ImageDataGenerator(rescale=1./255, zoom_range=0.2,
horizontal_flip=True)``, is there too, and works beside other inputs. What went
wrong in the class cannot happen here:

- ``len(indices) // batch_size`` leaves samples out. All of them are delivered.
- ``self.df = dataframe`` is a NameError, or worse, another dataframe that happens
  to be around. Column names are checked, with a suggestion, before training.
- Validation data gets augmented as well, where one class does for both. The
  parts of ``split`` after the first are neither augmented nor shuffled.
- Paths, texts, numbers and labels are gathered by four pieces of code, which have
  to agree on the order. Here a row stays a row.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

import penstock
from penstock import Columns
from penstock_images import Flip, ImageFiles, Zoom

if TYPE_CHECKING:
    from penstock import Sequence

PATTERNS = ("plain", "striped")
CAPTIONS = {
    "tablecloth": ["for a set table", "seats six guests", "covers the whole table"],
    "towel": ["for bath and beach", "dries you in no time", "hangs beside the bath"],
}


def main() -> None:
    """Write images and a dataframe, train on them and print the validation accuracy."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as photos:
        df = write_listings(photos)
        train, validation = generators(df, photos)
        model = network(df["caption"], len(train.class_names))
        model.compile(keras.optimizers.Adam(5e-3), "categorical_crossentropy", metrics=["accuracy"])
        model.fit(train, validation_data=validation, epochs=8, verbose=2)
        _, accuracy = model.evaluate(validation, verbose=0)
    print(f"validation accuracy: {accuracy:.3f}")


def generators(df: pd.DataFrame, photos: str) -> tuple[Sequence, Sequence]:
    """Do what the tutorial's class would do with its blanks filled in."""
    train, validation = penstock.make_generator(
        df,
        inputs={
            "image": ImageFiles(column="path", image_size=(32, 32), rescale=1 / 255),
            "caption": Columns("caption"),
            "measures": Columns(["weight", "price"]),
        },
        y_col="label",
        root=photos,
        augment=[Flip(), Zoom(height_factor=0.2)],
        batch_size=32,
        seed=0,
    ).split(0.8, 0.2)
    return train, validation


def network(captions: pd.Series, classes: int) -> keras.Model:
    """Build a network with a branch per input; the inputs' names are the generator's."""
    image = keras.Input((32, 32, 3), name="image")
    seen = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(image)
    seen = keras.layers.GlobalMaxPooling2D()(seen)

    caption = keras.Input((), name="caption", dtype="string")
    words = keras.layers.TextVectorization(output_mode="multi_hot")
    words.adapt(captions.to_numpy(object))
    read = keras.layers.Dense(16, activation="relu")(words(caption))

    measures = keras.Input((2,), name="measures")
    measured = keras.layers.BatchNormalization()(measures)

    joined = keras.layers.Concatenate()([seen, read, measured])
    joined = keras.layers.Dense(32, activation="relu")(joined)
    target = keras.layers.Dense(classes, activation="softmax")(joined)
    return keras.Model([image, caption, measures], target)


def write_listings(folder: str, count: int = 600) -> pd.DataFrame:
    """Write images of cloth, and describe them in a dataframe.

    The image shows the pattern, the text tells the use, and it takes both to tell
    the label; the two numbers are hints.
    """
    rng = np.random.default_rng(0)
    kinds = [(pattern, use) for pattern in PATTERNS for use in CAPTIONS]
    rows = []
    for number in range(count):
        pattern, use = kinds[number % len(kinds)]
        image = Image.new("RGB", (48, 40), tuple(rng.integers(80, 256, 3).tolist()))
        if pattern == "striped":
            draw = ImageDraw.Draw(image)
            for left in range(int(rng.integers(0, 8)), 48, 8):
                draw.line((left, 0, left + int(rng.integers(-2, 3)), 40), "white", width=3)
        path = f"{number:03d}.png"
        image.save(os.path.join(folder, path))
        rows.append(
            {
                "path": path,
                "caption": rng.choice(CAPTIONS[use]),
                "weight": rng.normal(400 if use == "towel" else 600, 200),
                "price": rng.normal(15 if pattern == "plain" else 20, 5),
                "label": f"{pattern} {use}",
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
