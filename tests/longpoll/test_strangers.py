"""What a user's browser sends along counts for pages that are named, and for no others, however they ask."""

from __future__ import annotations

import json
from collections.abc import Callable

import falcon
import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.endpoints.bayeux import Bayeux
from longpoll.listener import Feed
from queueapi.runtime import Runtime

Client = falcon.testing.TestClient
Make = Callable[..., Client]

USERS = {"Cookie": "user=ann", "Authorization": "Basic x"}
ASK = json.dumps({"channels": ["private-ann"], "wait": 0})
SHOP = "https://shop.example"


def may(request: falcon.Request, channel: str, action: str) -> bool | None:
    """As an application says who knows its users by what their browsers send along."""
    return request.get_cookie_values("user") == ["ann"] and request.auth == "Basic x"


@pytest.fixture
def make(feed: Feed, runtime: Runtime) -> Make:
    def make(**how: object) -> Client:
        return Client(create_app(feed, runtime, authorize=may, endpoints=[Bayeux("/faye")], **how))  # type: ignore[arg-type]

    return make


def status(client: Client, **headers: str) -> int:
    return client.simulate_post("/poll", body=ASK, headers={**USERS, **headers}).status_code


def test_a_user_without_a_page_or_on_a_page_of_this_server_is_known(make: Make) -> None:
    client = make()
    assert status(client) == 200
    assert status(client, Origin="http://falconframework.org") == 200, "the test client's own host"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://falconframework.org.evil.example"])
@pytest.mark.parametrize("named", ["*", [SHOP]])
def test_a_page_that_nobody_named_does_not_speak_for_its_user(make: Make, origin: str, named: object) -> None:
    assert status(make(origins=named), Origin=origin) == 403


def test_a_page_that_is_named_does(make: Make) -> None:
    assert status(make(origins=[SHOP]), Origin=SHOP) == 200


def test_a_script_does_not_speak_for_its_user_either(make: Make) -> None:
    client = make(origins=[SHOP])
    asked = {"channels": '["private-ann"]', "wait": "0"}
    assert client.simulate_get("/poll", params=asked, headers=USERS).status_code == 200
    assert '"forbidden"' in client.simulate_get("/poll", params={**asked, "callback": "f"}, headers=USERS).text


def test_nobody_publishes_in_a_users_name_by_a_form_of_another_page(make: Make) -> None:
    client = make()
    message = json.dumps([{"channel": "/x", "data": 1, "id": "1"}])
    (told,) = client.simulate_post("/faye", body=message, headers={**USERS, "Content-Type": "application/json"}).json
    assert told["successful"]
    form = {**USERS, "Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    (told,) = client.simulate_post("/faye", body=f"message={message}", headers=form).json
    assert (told["successful"], told["error"][:3]) == (False, "403")
    script = client.simulate_get("/faye", params={"message": message, "jsonp": "f"}, headers=USERS).text
    assert '"successful":false' in script.replace(" ", "")
