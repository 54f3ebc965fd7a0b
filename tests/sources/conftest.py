"""What tests of files share."""

import json

import pytest

from tests.sources.written import fetch


@pytest.fixture
def read(write):
    """A function that writes JSON values, one a line, and reads them back as posts."""

    def rows(*values, columns=None):
        return fetch(write("posts.jsonl", "".join(json.dumps(v) + "\n" for v in values)), columns)

    return rows
