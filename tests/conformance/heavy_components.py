"""Components whose module imports at once what its hooks need later."""

from __future__ import annotations

import pandas as pd
from sound_components import Classes, Raw, Shift


class HeavyLoader(Raw):
    library = pd


class HeavyEncoder(Classes):
    library = pd


class HeavyAugmenter(Shift):
    library = pd
