"""The labelled sets are read whole, with the labels their own files say."""

import pytest

from benchmarks import labelled

pytestmark = pytest.mark.shared
SETS = {
    "goemotions_dev": (5426, {"anger": 449, "fear": 90, "positive": 2219}),
    "semeval": (3259, {"anger": 1101, "joy": 1442, "surprise": 170}),
    "tweeteval_val": (374, {"anger": 160, "hope": 28, "joy": 97, "sadness": 89}),
    "emoevent_dev": (844, {"joy": 181, "fear": 9}),
    "dreaddit": (2838, {"stress": 1488}),
    "usvsthem": (920, {"hostility": 513, "out_group": 513}),
}


@pytest.fixture(scope="module")
def sets():
    if not labelled.LABELLED.is_dir():
        pytest.skip("no labelled sets: set BAROGRAPH_SHARED to the folder that holds data/labelled")
    return {data.name: data for data in (read() for read in labelled.EVALUATED)}


@pytest.mark.parametrize("name", SETS)
def test_set(sets, name):
    data, (n, positive) = sets[name], SETS[name]
    assert data.posts.height == n == data.posts["post_id"].n_unique()
    assert data.posts["text"].null_count() == 0
    assert {marker: int(labels.sum()) for marker, labels in data.labels.items() if marker in positive} == positive
    assert all(len(labels) == n for labels in data.labels.values())


def test_a_sample_keeps_posts_and_labels_together(sets):
    whole, part = sets["dreaddit"], sets["dreaddit"].sample(100)
    assert part.posts.height == 100
    at = [whole.posts["post_id"].to_list().index(post) for post in part.posts["post_id"]]
    assert part.labels["stress"].tolist() == whole.labels["stress"][at].tolist()
