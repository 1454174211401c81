"""The slow third party and the client that copes with it; over real sockets where there is something to wait for."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from http import HTTPStatus

import pytest

from sample_app.db import Connection
from sample_app.rates import store
from sample_app.rates.client import ATTEMPTS, RatesAPI, RateUnavailable
from sample_app.rates.fetching import fetch_rates, wanted
from sample_app.slow_api import HANG, Query, SlowAPI, rate, treat

NOTHING: list[object] = []


def api(server: SlowAPI, **more: float) -> RatesAPI:
    """A client of the server, in a hurry."""
    values = {"seed": 1, "failures": 0, "fastest": 0, "slowest": 0, "timeout": 2.0, "first_pause": 0.001} | more
    return RatesAPI("127.0.0.1", server.server_port, **values)  # type: ignore[arg-type]


def seed_of(*statuses: HTTPStatus | None, currency: str = "USD", failures: int = 50) -> int:
    """A seed under which the first attempts are treated like this."""
    for seed in range(100_000):
        if all(
            treat(currency, Query(seed, attempt, failures)).status == status
            for attempt, status in enumerate(statuses, start=1)
        ):
            return seed
    raise AssertionError("no such seed")


def test_the_same_question_is_treated_the_same_way_and_another_attempt_is_another_question() -> None:
    query = Query(seed=7, attempt=1, failures=50)
    assert treat("USD", query) == treat("USD", query)
    assert len({treat("USD", query._replace(attempt=attempt)) for attempt in range(20)}) > 10


@pytest.mark.parametrize("failures", [0, 30, 100])
def test_so_many_percent_fail_in_every_way(failures: int) -> None:
    treatments = [treat("USD", Query(seed, 1, failures)) for seed in range(2000)]
    failed = [treatment for treatment in treatments if treatment.status is not HTTPStatus.OK]
    assert len(failed) / 20 == pytest.approx(failures, abs=4)
    if failures:
        assert {treatment.status for treatment in failed} == {
            HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE, None,
        }  # fmt: skip


def test_an_answer_takes_between_the_fastest_and_the_slowest_and_a_silence_much_longer() -> None:
    treatments = [treat("USD", Query(seed, failures=20, fastest=200, slowest=3000)) for seed in range(500)]
    assert all(0.2 <= treatment.delay <= 3 for treatment in treatments if treatment.status)
    assert {treatment.delay for treatment in treatments if treatment.status is None} == {HANG}


def test_rates_are_consistent() -> None:
    assert rate("EUR", "EUR") == 1
    assert rate("EUR", "USD") * rate("USD", "EUR") == pytest.approx(Decimal(1), abs=Decimal("0.00001"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/rates/USD?base=EUR&fastest=0&slowest=0", 200),
        ("/rates/XXX", 404),
        ("/rates/USD?base=XXX", 404),
        ("/rates/USD?seed=x", 400),
        ("/", 404),
    ],
)
def test_it_answers_json_whatever_is_asked(slow_api: SlowAPI, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", slow_api.server_port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == status
    assert ("error" in body) == (status != 200)


def test_a_rate_is_fetched_at_the_first_attempt_when_all_is_well(slow_api: SlowAPI) -> None:
    told: list[object] = []
    assert api(slow_api).rate("EUR", "USD", lambda *words: told.append(words)) == (Decimal("1.141600"), 1)
    assert told == NOTHING


def test_a_failed_call_is_made_again_and_told_of(slow_api: SlowAPI) -> None:
    told: list[object] = []
    seed = seed_of(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.OK)
    client = api(slow_api, seed=seed, failures=50)
    assert client.rate("EUR", "USD", lambda *words: told.append(words))[1] == 3
    assert told == [(2, "503 Service Unavailable"), (3, "500 Internal Server Error")]


def test_silence_is_given_up_on_after_the_timeout(slow_api: SlowAPI) -> None:
    told: list[object] = []
    client = api(slow_api, seed=seed_of(None, HTTPStatus.OK), failures=50, timeout=0.2)
    assert client.rate("EUR", "USD", lambda *words: told.append(words))[1] == 2
    assert told == [(2, "no answer within 0.2 s")]


def test_after_the_last_attempt_the_error_says_what_the_last_one_met(slow_api: SlowAPI) -> None:
    told: list[object] = []
    seed = seed_of(*[HTTPStatus.SERVICE_UNAVAILABLE] * ATTEMPTS, failures=100)
    with pytest.raises(RateUnavailable, match="no rate for USD after 4 calls; the last one: 503 Service Unavailable"):
        api(slow_api, seed=seed, failures=100).rate("EUR", "USD", lambda *words: told.append(words))
    assert len(told) == ATTEMPTS - 1


def test_a_third_party_that_is_not_there_is_said_to_give_no_answer() -> None:
    nobody = RatesAPI("127.0.0.1", 1, first_pause=0.001)
    with pytest.raises(RateUnavailable, match="no answer"):
        nobody.rate("EUR", "USD", lambda *words: None)


def test_what_will_fail_every_time_is_not_tried_again(slow_api: SlowAPI) -> None:
    told: list[object] = []
    with pytest.raises(RateUnavailable, match="404"):
        api(slow_api).rate("EUR", "XXX", lambda *words: told.append(words))
    assert told == NOTHING


def test_a_run_fetches_all_rates_but_its_own_and_says_how_far_it_is(conn: Connection, slow_api: SlowAPI) -> None:
    run_id = store.add_run(conn, "USD")
    conn.commit()
    said: list[tuple[int, int, str]] = []
    assert fetch_rates(conn, run_id, api(slow_api), lambda *words: said.append(words)) == {"rates": 12, "calls": 12}
    assert [row["currency"] for row in store.rates_of_run(conn, run_id)] == sorted(wanted("USD"))
    assert [done for done, _, _ in said] == list(range(13))


def test_a_run_that_failed_goes_on_where_it_stopped(conn: Connection, slow_api: SlowAPI) -> None:
    run_id = store.add_run(conn, "EUR")
    conn.commit()
    # The first two currencies are answered at once, the third never.
    seed = next(
        seed
        for seed in range(10**6)
        if all(treat(code, Query(seed, 1, 70)).status is HTTPStatus.OK for code in ("USD", "GBP"))
        and all(treat("JPY", Query(seed, n, 70)).status == HTTPStatus.SERVICE_UNAVAILABLE for n in range(1, 5))
    )
    with pytest.raises(RateUnavailable):
        fetch_rates(conn, run_id, api(slow_api, seed=seed, failures=70), lambda *words: None)
    conn.rollback()
    assert [row["currency"] for row in store.rates_of_run(conn, run_id)] == ["GBP", "USD"]

    said: list[tuple[int, int, str]] = []
    fetch_rates(conn, run_id, api(slow_api), lambda *words: said.append(words))
    assert said[0] == (2, 12, "asking for JPY")
    assert len(store.rates_of_run(conn, run_id)) == 12
