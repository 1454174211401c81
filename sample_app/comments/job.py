"""The job that tells those who follow a text of a new comment."""

from __future__ import annotations

from longpoll import channels
from queueapi import Job
from sample_app.bell.ringing import ring
from sample_app.comments import store
from sample_app.comments.words import notice
from sample_app.db import connect
from sample_app.pads import store as pads
from sample_app.settings import Settings


class TellFollowers(Job, queue="default", kind="tell_followers", max_attempts=5):
    """Ring at everybody who follows the text, except who wrote. Run twice, it rings once.

    A job, so that whoever comments need not wait until a thousand others have been told.
    """

    comment_id: int

    def run(self) -> dict[str, int]:
        with connect(Settings.from_env().dsn) as conn:
            comment = store.find_comment(conn, self.comment_id)
            pad = comment and pads.find_pad(conn, comment["pad_id"])
            if comment is None or pad is None:
                return {"told": 0}
            sentence, link = notice(comment, pad["title"]), f"/pads/{pad['id']}#comment-{comment['id']}"
            others = [one for one in store.followers(conn, pad["id"]) if one != comment["visitor"]]
            conn.commit()  # ends the transaction that reading began
            told = 0
            for visitor in self.progress(others):
                with conn.transaction():  # one each: nobody's bell is held while others are told
                    told += ring(conn, channels, visitor, f"comment-{comment['id']}", sentence, link)
        return {"told": told}
