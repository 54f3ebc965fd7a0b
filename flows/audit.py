"""`barograph audit`: posts for people to label, blind, and their labels back."""

import json
import os
import secrets
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from cyclopts import App, Parameter

from barograph import settings
from barograph.clock import utc_now
from barograph.errors import ConfigError, InputError, Terminal
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.store import Warehouse
from barograph.tables import AUDITS
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.validate import TaskArgument

audit = App(name="audit", help="Give posts of annotators' samples to people, blind, and take their labels in.")


@audit.command
def export(
    task: TaskArgument,
    *,
    out: Annotated[
        Path,
        Parameter(
            help="CSV that gets the posts, with an empty column for each question. What raters are to read, with the "
            "answers, is written beside it as .codebook.md."
        ),
    ],
    posts: Annotated[int, Parameter(help="Posts, drawn at random from the annotators' samples.")] = 100,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
) -> None:
    """Write a sheet of posts for people to label. Nothing in it tells what annotators answered.

    It holds the texts of posts: give it only to who may read them, and remove it when it has been imported. Two raters
    get a copy each.
    """
    from barograph.annotate.audit import choices, codebook, sample, written
    from flows.annotators import task_of

    if posts < 1:
        raise ConfigError(f"--posts: got {posts}; expected at least 1")
    if out.suffix != ".csv" or out.exists():
        got = "a file that is there" if out.exists() else f"a file that ends in {out.suffix!r}"
        raise ConfigError(f"--out: got {out}, {got}; expected a new file that ends in .csv")
    book = out.with_suffix(".codebook.md")
    if book.exists():
        raise ConfigError(f"--out: got {out}, beside which {book.name} is there; expected another name")
    place = _there(home)
    asked = task_of(settings.load(settings.find_config(config, place.path)), task)
    sheet = secrets.token_hex(4)
    with place.lock("audit export"), Warehouse(place.warehouse) as warehouse:
        pool = warehouse.auditable(task)
        if asked.reads_parent:
            pool = pool.filter(pl.col("parent").is_not_null())
        try:
            drawn, share = sample(pool, posts, sheet, Keyed(place.key))
        except Terminal as error:
            raise InputError(f"{place.path}: task {task}: {error}") from None
        # Beside the posts' own probabilities this is all that is needed to weigh what comes back.
        warehouse.set(**{_meta(sheet): json.dumps({"task": task, "share": share})})
    try:
        with os.fdopen(
            os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8-sig", newline=""
        ) as file:
            file.write(written(drawn, asked, sheet))
        book.write_text(codebook(asked), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out: got {out}; it cannot be written: {error.strerror}") from None
    print(
        f"{out}: {drawn.height} of {pool.height} sampled posts, task {task}, sheet {sheet}; fill in "
        f"{', '.join(asked.questions)}, then `barograph audit import {task} --data {out} --rater NAME`"
    )
    for question in asked.questions:
        print(f"{question}: {choices(asked, question)}")
    print(f"{book}: what the answers mean; give it to raters with the sheet")


@audit.command(name="import")
def import_(
    task: TaskArgument,
    *,
    data: Annotated[Path, Parameter(help="The sheet with answers.")],
    rater: Annotated[str, Parameter(help="Role or initials of who answered; never a person's whole name.")],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """Take a rater's labels in, and say how far raters agree with each other and with annotators.

    Rows without any answer are left out; with a wrong row nothing is taken in. A side of the topic is `first` or
    `second`, or its own name.
    """
    from barograph.annotate.audit import agreement, code, read
    from flows.annotators import task_of

    if not rater.strip() or len(rater) > 40:
        raise ConfigError(f"--rater: got {rater!r}; expected a role or initials, 40 characters at most")
    place = _there(home)
    asked = task_of(settings.load(settings.find_config(config, place.path)), task)
    try:
        text = data.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8; save the sheet with that encoding"
        raise InputError(f"{data}: {why}") from None
    sheet, answered = read(text, asked, str(data))
    with place.lock("audit import"), Warehouse(place.warehouse) as warehouse:
        about = json.loads(warehouse.get(_meta(sheet)) or "{}")
        if about.get("task") != task:
            was = f"of task {about['task']}" if about else "that this home did not export"
            raise InputError(f"{data}: sheet {sheet!r} is one {was}; expected one of task {task} from this home")
        keyed, sampled = Keyed(place.key), warehouse.sampled(task)
        known = {code(post_id, sheet, keyed): post_id for post_id in sampled}
        gone = [post for post in answered if post not in known]
        rows = [
            {
                "post_id": known[post], "task": task, "rater": rater, "label": json.dumps(answers),
                "inclusion_probability": sampled[known[post]] * about["share"], "imported_at": utc_now(),
            }
            for post, answers in answered.items() if post in known
        ]  # fmt: skip
        warehouse.keep_audits(pl.DataFrame(rows, schema=AUDITS.schema))
        found = agreement(warehouse.readings_of_audited(task), asked)
    if as_json:
        print(json.dumps({"kept": len(rows), "gone": len(gone), "agreement": found}, indent=2))
        return
    print(
        f"{data}: {len(rows)} labels of {rater}" + (f"; {len(gone)} of posts that are no longer there" if gone else "")
    )
    print("\n".join(_line(row) for row in found if row["n"]) or "nobody else has answered these posts yet")


def _there(home: Path) -> Home:
    place = Home(home)
    if not place.warehouse.is_file():
        raise InputError(f"{place.path}: nothing there yet; expected the home of a monitor: name it with --home")
    return place


def _meta(sheet: str) -> str:
    return f"audit {sheet}"


def _line(row: dict[str, Any]) -> str:
    who = f"{row['of']} and {row['with']}" if row["with"] else row["of"]
    alpha = "–" if row["alpha"] is None else f"{row['alpha']:.3f}"
    return f"{who:<28}{row['question']:<18}{row['n']:>6} posts  same {row['same']:>6.1%}  alpha {alpha}"
