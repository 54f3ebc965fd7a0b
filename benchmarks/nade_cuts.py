"""From where on nade's intensities count: `python -m benchmarks.nade_cuts` writes barograph/annotate/nade.json.

Learned from the training part of GoEmotions: of an emotion as many posts get any degree as people labelled with it, and
each degree has a third of them. Prints one JSON line.
"""

import argparse
import json

import numpy as np

from barograph.annotate.nade import CUTS, EMOTIONS, intensities
from benchmarks.labelled import goemotions


def main() -> None:
    """Learn the cut-offs and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=20_000, help="posts learned from, evenly spaced")
    train = goemotions("train").sample(parser.parse_args().posts)
    scores = intensities(train.texts)
    cuts, shares = {}, {}
    for emotion in EMOTIONS:
        share = float(train.labels[emotion].mean())
        cuts[emotion] = [
            round(float(q), 4) for q in np.quantile(scores[emotion], 1 - share * np.array([1, 2 / 3, 1 / 3]))
        ]
        shares[emotion] = round(share, 4)
    learned = {"learned_from": "GoEmotions, training part (Apache-2.0)", "posts": len(train.texts), "cuts": cuts}
    CUTS.write_text(json.dumps(learned, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"benchmark": "nade_cuts", "figures": {"posts": len(train.texts), **shares}, "misses": []}))


if __name__ == "__main__":
    main()
