"""The export: everything that is declared of a person and nothing of others, whole, and written while it is read."""

import json
from typing import Any

from tests.visitors import Door


async def exported(visitor: Any, query: str = "") -> Any:
    answer = await visitor.get(f"/api/export{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.content)


async def test_an_export_shows_ones_own_account(door: Door) -> None:
    ada, ada_id = await door.learner("ada@example.org")
    await door.learner("bob@example.org")
    document = await exported(ada)
    (user,) = document["tables"]["users"]
    assert user["id"] == ada_id
    assert user["email"] == "ada@example.org"
    assert "password_hash" not in user
    assert list(document)[-1] == "complete"
    assert document["complete"]["rows"] >= 1
    assert "bob" not in json.dumps(document)
