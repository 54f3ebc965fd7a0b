"""The part of the warehouse that delivery reads and writes."""

from collections.abc import Collection
from datetime import datetime

import polars as pl

from barograph import tables
from barograph.store.database import Database

_WHICH = """(len(?) = 0 OR list_contains(?, notification_id)) AND (len(?) = 0 OR list_contains(?, receiver))"""


class Outbox(Database):
    """Notifications with their bodies: what is due, what came of it, and what is dead."""

    def due(self, at: datetime, receivers: Collection[str] | None = None, most: int | None = None) -> pl.DataFrame:
        """Notifications to send at `at` (by the clock), with their `body` and all they are `about`; oldest first.

        Of those decided at one time ends come first: to Alertmanager an end of the line's last episode, sent after the
        beginning of its next one, would end that. One about some alerts waits until those before it about any of them
        are through, so that no receiver hears of an end before the beginning. receivers: only to these; most: at most
        so many to each.
        """
        return self._frame(
            """WITH waiting AS (SELECT * FROM notifications WHERE status = 'waiting'),
               parts AS (
                   SELECT notification_id, receiver, created_at, next_attempt_at, alert_id FROM waiting
                   UNION ALL
                   SELECT notification_id, receiver, created_at, next_attempt_at, g.alert_id
                   FROM waiting JOIN grouped g USING (notification_id)),
               turns AS (
                   SELECT notification_id, max(next_attempt_at) OVER (
                       PARTITION BY receiver, alert_id ORDER BY created_at, notification_id ROWS UNBOUNDED PRECEDING
                   ) AS free_at, alert_id FROM parts),
               free AS (
                   SELECT notification_id, max(free_at) AS free_at, list(alert_id) AS about
                   FROM turns GROUP BY notification_id)
               SELECT n.*, o.body, about
               FROM waiting n JOIN outbox o USING (notification_id) JOIN free USING (notification_id)
               WHERE free_at <= ? AND (? OR list_contains(?, receiver))
               QUALIFY row_number() OVER (
                   PARTITION BY receiver ORDER BY created_at, state != 'resolved', notification_id) <= ?
               ORDER BY created_at, state != 'resolved', notification_id""",
            [at, receivers is None, list(receivers or ()), most or 2**62],
        )

    def settle(self, notifications: pl.DataFrame, receivers: pl.DataFrame | None = None) -> int:
        """Keep what came of sending these, and what is now known of receivers.

        Whatever waits for a receiver that is gone is dead with the result 410; how many is returned. The body of one
        that arrived is dropped, that of a dead one kept, so that it can be sent again.
        """
        checked = tables.NOTIFICATIONS.validate(notifications)
        known = tables.RECEIVERS.validate(tables.RECEIVERS.empty() if receivers is None else receivers)
        with self._registered(settled=checked, known=known), self._transaction():
            self._con.execute("INSERT OR REPLACE INTO notifications BY NAME SELECT * FROM settled")
            self._con.execute("INSERT OR REPLACE INTO receivers BY NAME SELECT * FROM known")
            self._con.execute(
                """DELETE FROM outbox WHERE notification_id IN
                   (SELECT notification_id FROM settled WHERE status = 'delivered')"""
            )
            buried = self._con.execute(
                """UPDATE notifications SET status = 'dead', next_attempt_at = NULL, last_result = '410'
                   WHERE status = 'waiting' AND receiver IN (SELECT receiver FROM receivers WHERE gone_at IS NOT NULL)
                   RETURNING notification_id"""
            ).fetchall()
        return len(buried)

    def undelivered(self) -> pl.DataFrame:
        """Notifications that are dead or wait, oldest first, with `gone_at` of their receivers.

        `kept`: their body is there, so that they can be sent.
        """
        return self._frame(
            """SELECT n.*, r.gone_at, notification_id IN (SELECT notification_id FROM outbox) AS kept
               FROM notifications n LEFT JOIN receivers r USING (receiver)
               WHERE status != 'delivered' ORDER BY created_at, notification_id"""
        )

    def forget_bodies(self, before: datetime, receivers: Collection[str]) -> int:
        """Drop the bodies of dead notifications that were decided before `before`. Returns how many.

        What waits as long for a receiver that is no longer configured (not in `receivers`) is dead too.
        """
        with self._transaction():
            self._con.execute(
                """UPDATE notifications SET status = 'dead', next_attempt_at = NULL
                   WHERE status = 'waiting' AND created_at < ? AND NOT list_contains(?, receiver)""",
                [before, list(receivers)],
            )
            gone = self._con.execute(
                """DELETE FROM outbox WHERE notification_id IN
                   (SELECT notification_id FROM notifications WHERE status = 'dead' AND created_at < ?)
                   RETURNING notification_id""", [before]
            ).fetchall()  # fmt: skip
        return len(gone)

    def revive(self, at: datetime, names: Collection[str] = (), receivers: Collection[str] = ()) -> list[str]:
        """Have dead notifications wait again, due at `at` and with all their attempts; their receivers count again.

        names: only these; receivers: only to these; empty is all. Returns their ids.
        """
        which = [list(names)] * 2 + [list(receivers)] * 2
        with self._transaction():
            rows = self._con.execute(
                f"""UPDATE notifications SET status = 'waiting', attempts = 0, next_attempt_at = ?
                    WHERE status = 'dead' AND notification_id IN (SELECT notification_id FROM outbox) AND {_WHICH}
                    RETURNING notification_id, receiver""", [at, *which]
            ).fetchall()  # fmt: skip
            told = sorted({receiver for _, receiver in rows} | set(receivers))
            self._con.execute("UPDATE receivers SET gone_at = NULL WHERE list_contains(?, receiver)", [told])
        return sorted(name for name, _ in rows)
