"""A valid request for each route, as the generated attacks send it: a line for each, and no route without one.

Most lines say nothing but that the route is known: what stands in its path is found by its name (`IN_PATH`), and a query
parameter ``user`` names the person whom everything is about. A body is written out, with `R` where it refers to something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from skillcore.accounts.memberships import CONSENT
from tests.visitors import PASSWORD

__all__ = ["ABSENT", "EXAMPLES", "IN_PATH", "Example", "R"]


class R(Struct, frozen=True):
    """A reference to a thing of the town (`tests.attacks.town.furnished` makes them), by its name there.

    ``caller`` is the caller's name, where each of them needs something else.
    """

    name: str


class Example(Struct, frozen=True, kw_only=True):
    """A valid request.

    Attributes:
        body: as JSON.
        query: parameters beside ``user``.
        path: where a parameter of the path is not what its name usually stands for.
        by: callers who must succeed, if not those that follow from what the route declares.
        answers: statuses of success, if not those of the OpenAPI document.
        own: it is about the caller alone, whatever it refers to: there is nothing foreign to reach.
        last: those who succeed are gone then: it comes after everything else, and after those with less.
        refused: statuses, beside 404, that what does not exist is answered with, and what is foreign alike.
    """

    body: Any = None
    query: Mapping[str, Any] = {}
    path: Mapping[str, Any] = {}
    by: tuple[str, ...] = ()
    answers: tuple[int, ...] = ()
    own: bool = False
    last: int = 0
    refused: tuple[int, ...] = ()


IN_PATH: Mapping[str, Any] = {
    "formula": "level",
    "goal": R("goal"),
    "invitation_id": R("invitation"),
    "job_id": R("job"),
    "key_id": R("key"),
    "learner_id": R("learner"),
    "mentor_id": R("mentor"),
    "module": R("module"),
    "name": R("path"),
    "advice_id": R("advice"),
    "person": R("person"),
    "platform_id": R("platform"),
    "project_id": R("project"),
    "provider": "nowhere",
    "session_id": R("session"),
    "skill": "python",
    "source": "gym",
    "space": R("space"),
    "task_id": R("task"),
    "user_id": R("person"),
}
"""What a parameter of a path stands for."""

ABSENT: Mapping[str, str] = {"job": "999999999", "state": "nobody's"}
"""What does not exist, where that is no random UUID."""

E = Example
EVENT = {"kind": "session.ended", "user": R("person")}
TASK = {"user": R("person"), "description": "Solve it", "source": "gym", "requirements": {"exercise": "loops-1"}}
MODULE = {"title": "Web", "tasks": [{"name": "loops"}]}
TOPICS = [{"name": "HTML"}, {"name": "CSS", "prerequisites": ["HTML"], "library": "css"}]
ACCOUNT = {"email": "new@example.org", "password": PASSWORD}
NOTED = ("school",)  # who can name two people

EXAMPLES: Mapping[str, Example] = {
    "GET /.well-known/jwks.json": E(),
    "POST /api/setup": E(body=ACCOUNT | {"token": "x"}, answers=(409,)),  # once, which was before
    "POST /api/auth/register": E(body=ACCOUNT),
    "POST /api/auth/login": E(body={"email": "ada@example.org", "password": PASSWORD}),
    "POST /api/auth/refresh": E(body={"refresh_token": R("refresh")}, own=True),
    "GET /api/auth/profile": E(),
    "GET /api/auth/session": E(),
    "GET /api/auth/sessions": E(),
    "DELETE /api/auth/sessions/{session_id}": E(path={"session_id": R("signed in")}),
    "POST /api/auth/logout": E(last=3),
    "PATCH /api/auth/profile": E(body={"display_name": "Ada"}),
    "PUT /api/auth/email": E(body={"email": "ada.l@example.org", "password": PASSWORD}, last=2),
    "PUT /api/auth/password": E(body={"current_password": PASSWORD, "password": f"{PASSWORD} too"}, last=2),
    "POST /api/auth/password/reset": E(body={"token": R("reset"), "password": f"{PASSWORD} 3"}, own=True),
    # No mails are sent in the town, so nothing comes back from one; nor has anybody a second factor.
    "POST /api/auth/email/verify": E(answers=(403,)),
    "POST /api/auth/email/confirm": E(body={"token": "t"}, answers=(422,)),
    "POST /api/auth/password/forgotten": E(body={"email": "ada@example.org"}, answers=(403,)),
    "POST /api/auth/register/confirm": E(body={"token": "t", "password": PASSWORD}, answers=(422,)),
    # Nor is there a provider to sign in at.
    "GET /api/auth/oauth": E(),
    "POST /api/auth/oauth/{provider}/start": E(answers=(404,)),
    "POST /api/auth/oauth/{provider}/connect": E(answers=(404,)),
    "GET /api/auth/oauth/{provider}/callback": E(query={"state": "s", "code": "c"}, answers=(404,)),
    "POST /api/auth/oauth/{provider}/callback": E(body={"state": "s", "code": "c"}, answers=(404,)),
    "DELETE /api/auth/oauth/{provider}": E(answers=(404,)),
    "GET /api/auth/identities": E(),
    "GET /api/auth/second-factor": E(),
    "POST /api/auth/second-factor": E(body={"password": PASSWORD}),
    "POST /api/auth/second-factor/confirm": E(body={"code": "000000"}, answers=(422,)),
    "POST /api/auth/second-factor/disable": E(body={"password": PASSWORD, "code": "000000"}, answers=(409, 422)),
    "POST /api/auth/second-factor/recovery-codes": E(body={"password": PASSWORD, "code": "000000"}, answers=(409, 422)),
    "DELETE /api/users/{person}/second-factor": E(answers=(404,)),
    "POST /api/users/{person}/password-reset": E(),
    "POST /api/invitations": E(body={"email": "invited@example.org"}),
    "GET /api/audit": E(),
    "GET /api/auth/activity": E(),
    "PUT /api/users/{user_id}/role": E(body={"role": "learner"}),
    "GET /api/auth/visibility": E(),
    "PUT /api/auth/visibility": E(body={"public_profile": True}),
    "GET /api/profiles/{user_id}": E(answers=(404,)),  # private, unless its person says otherwise
    "GET /api/profiles/{user_id}/card.svg": E(answers=(404,)),
    "GET /api/export": E(),
    "DELETE /api/auth/profile": E(body={"password": PASSWORD}, by=("bob",), last=4),
    "GET /api/auth/erasure": E(answers=(404,)),  # nobody has asked for it
    "DELETE /api/auth/erasure": E(answers=(404,)),
    "DELETE /api/users/{person}": E(last=5),
    "GET /api/mentors": E(),
    "POST /api/mentors": E(body={"code": R("mentor code")}, own=True),  # whoever has the code may
    "DELETE /api/mentors/{mentor_id}": E(),
    "GET /api/mentors/invitations": E(),
    "POST /api/mentors/invitations": E(body={}),
    "DELETE /api/mentors/invitations/{invitation_id}": E(path={"invitation_id": R("mentor invitation")}),
    "GET /api/learners": E(),
    "DELETE /api/learners/{learner_id}": E(),
    "POST /api/platforms": E(body={"name": "Evening school"}),
    "GET /api/platforms": E(),
    "GET /api/platforms/{platform_id}": E(),
    "POST /api/platforms/{platform_id}/keys": E(body={"name": "app", "scopes": ["users:read"]}),
    "GET /api/platforms/{platform_id}/keys": E(),
    "POST /api/platforms/{platform_id}/keys/{key_id}/renew": E(body={}),
    "DELETE /api/platforms/{platform_id}/keys/{key_id}": E(),
    "POST /api/memberships/invitations": E(body={"external_id": "new-one"}),
    "GET /api/memberships/invitations": E(),
    "DELETE /api/memberships/invitations/{invitation_id}": E(),
    "POST /api/memberships/preview": E(body={"code": R("code")}, own=True),  # whoever has the code may
    "POST /api/memberships": E(body={"code": R("code"), "consent": CONSENT}, own=True, by=("bob",)),
    "POST /api/memberships/refuse": E(body={"code": R("other code")}, own=True),
    "GET /api/memberships": E(),
    "DELETE /api/memberships/{platform_id}": E(path={"platform_id": R("joined")}, last=1),
    "POST /api/users": E(body={"external_id": "new"}),
    "GET /api/users": E(),
    "GET /api/users/{person}": E(),
    "GET /api/users/{person}/level": E(),
    "GET /api/users/{person}/skills": E(),
    "GET /api/users/{person}/learning-paths": E(),
    "GET /api/users/{person}/events": E(),
    "GET /api/explain/{formula}": E(),
    "GET /api/scores/{formula}": E(),
    "GET /api/scores/{formula}/series": E(),
    "GET /api/analytics/distribution": E(),
    "GET /api/analytics/momentum": E(),
    "GET /api/analytics/activity": E(),
    "GET /api/analytics/progress": E(),
    "GET /api/analytics/aggregates": E(),
    "GET /api/analytics/patterns": E(),
    "GET /api/analytics/streaks": E(),
    "GET /api/analytics/profile": E(),
    "GET /api/dashboard": E(),
    "GET /api/recommendations": E(),
    "GET /api/charts/progress": E(),
    "GET /api/charts/progress.svg": E(),
    "GET /api/charts/radar": E(),
    "GET /api/charts/radar.svg": E(),
    "GET /api/charts/heatmap": E(),
    "GET /api/charts/heatmap.svg": E(),
    "GET /api/charts/weeks": E(),
    "GET /api/charts/weeks.svg": E(),
    "GET /api/predictions/completion": E(query={"remaining": 5}),
    "GET /api/predictions/score": E(),
    "GET /api/predictions/mastery": E(query={"skill": "python"}),
    "GET /api/predictions/attempt": E(),
    "GET /api/predictions/areas": E(),
    "POST /api/skills": E(body={"name": R("caller")}, by=("root", "school")),
    "GET /api/skills": E(),
    "GET /api/skills/{skill}": E(),
    "POST /api/events": E(body=EVENT),
    "POST /api/events/batch": E(body={"events": [EVENT], "atomic": True}),
    "GET /api/health": E(),
    "GET /api/health/live": E(),
    "GET /api/health/ready": E(),
    "GET /api/health/db": E(),
    "GET /api/health/mcp": E(),
    "GET /api/health/plugins": E(),
    "GET /api/jobs/{job_id}": E(),
    "GET /api/sources": E(),
    "PUT /api/users/{person}/sources/{source}": E(path={"person": R("member")}, body={"handle": "newcomer"}),
    "GET /api/users/{person}/sources": E(),
    "GET /api/users/{person}/sources/{source}": E(),
    "DELETE /api/users/{person}/sources/{source}": E(path={"person": R("vouched")}),
    "POST /api/sources/{source}/import": E(),
    "GET /api/sources/{source}/import": E(),
    "POST /api/sources/{source}/stats": E(),
    "POST /api/sources/{source}/link": E(body={"handle": "a-third"}),
    "GET /api/sources/{source}/link": E(),
    "POST /api/sources/{source}/link/confirm": E(),
    "POST /api/sources/{source}/link/callback": E(
        path={"source": "track"}, body={"code": "c", "state": R("state")}, refused=(422,)
    ),
    # What it does with a state is the same as above; here it must not use one up, since a GET counts as a read.
    "GET /api/sources/{source}/link/callback": E(path={"source": "track"}, query={"code": "c", "state": "s"}, answers=(422,)),
    "DELETE /api/sources/{source}/link": E(),
    "GET /api/sources/{source}/topics": E(),
    "POST /api/tasks": E(body=TASK | {"project": R("project"), "topic": "HTML", "path": R("path")}),
    "GET /api/tasks": E(),
    "GET /api/tasks/{task_id}": E(),
    "PATCH /api/tasks/{task_id}": E(body={"topic": "HTML", "project": R("project"), "path": R("path")}),
    "DELETE /api/tasks/{task_id}": E(),
    "POST /api/tasks/{task_id}/complete": E(),
    "GET /api/tasks/{task_id}/history": E(),
    "POST /api/learning-paths": E(body={"name": "new", "title": "New", "topics": TOPICS, "user": R("person")}),
    "GET /api/learning-paths": E(),
    "POST /api/learning-paths/validate": E(body={"topics": TOPICS}, query={"advice": True}),
    "GET /api/path-advice/{advice_id}": E(),
    "GET /api/learning-paths/{name}": E(),
    "PATCH /api/learning-paths/{name}": E(body={"title": "Newer"}),
    "DELETE /api/learning-paths/{name}": E(path={"name": R("old path")}),
    "GET /api/learning-paths/{name}/versions": E(),
    "POST /api/learning-paths/{name}/start": E(),
    "POST /api/learning-paths/{name}/leave": E(path={"name": R("followed path")}),
    "GET /api/learning-paths/{name}/position": E(),
    "GET /api/learning-paths/{name}/map.svg": E(),
    "POST /api/projects": E(body={"name": "Bees"}),
    "GET /api/projects": E(),
    "GET /api/projects/{project_id}": E(),
    "GET /api/projects/{project_id}/members": E(),
    "PUT /api/projects/{project_id}/members/{person}": E(),
    "DELETE /api/projects/{project_id}/members/{person}": E(),
    "POST /api/progress_updates": E(body={"project": R("project"), "user": R("person"), "content": "wrote a parser"}),
    "GET /api/progress_updates": E(query={"project": R("project")}, refused=(200,)),  # a filter, by which nothing is found
    "POST /api/mentorship-sessions": E(
        by=NOTED, body={"mentor": R("member"), "intern": R("person"), "project": R("project"), "focus": "parsers"}
    ),
    "GET /api/mentorship-sessions": E(),
    "GET /api/mentorship-sessions/{session_id}": E(),
    "PATCH /api/mentorship-sessions/{session_id}": E(body={"status": "held"}),
    "POST /api/spaces": E(body={"name": R("caller"), "user": R("person"), "milestones": ["in"]}),
    "GET /api/spaces": E(),
    "GET /api/spaces/{space}": E(),
    "GET /api/spaces/{space}/versions": E(),
    "PATCH /api/spaces/{space}": E(body={"expected_minutes": 60}),
    "DELETE /api/spaces/{space}": E(),
    "POST /api/spaces/{space}/progress": E(body={"user": R("person"), "milestone": "in"}),
    "POST /api/goals": E(body={"name": R("caller"), "user": R("person"), "spaces": [R("space")]}, refused=(422,)),
    "GET /api/goals": E(),
    "GET /api/goals/{goal}": E(),
    "GET /api/goals/{goal}/versions": E(),
    "PATCH /api/goals/{goal}": E(body={"spaces": [R("space")], "milestones": ["in"]}, refused=(422,)),
    "DELETE /api/goals/{goal}": E(),
    "POST /api/goals/{goal}/progress": E(body={"user": R("person"), "milestone": "in", "activity": "a talk"}),
    "PUT /api/weekly-goal": E(body={"user": R("person"), "works": 2}),
    "GET /api/weekly-goal": E(),
    "POST /api/reviews": E(by=NOTED, body={"user": R("person"), "reviewer": R("member"), "quality": 80, "skills": ["python"]}),
    "GET /api/reviews": E(),
    "POST /api/modules": E(body={"name": R("caller"), "user": R("person"), "module": MODULE}),
    "GET /api/modules": E(),
    "GET /api/modules/{module}": E(),
    "PUT /api/modules/{module}": E(body={"module": MODULE}),
    "DELETE /api/modules/{module}": E(),
    "GET /api/modules/{module}/versions": E(),
    "GET /api/modules/{module}/progress": E(),
    "POST /api/sessions": E(body={"user": R("person"), "module": "web"}),
    "GET /api/sessions": E(),
    "GET /api/sessions/{session_id}": E(path={"session_id": R("training")}),
    "POST /api/sessions/{session_id}/events": E(
        path={"session_id": R("training")}, body={"events": [{"type": "quiz", "score": 80, "item": "loops"}]}
    ),
    "POST /api/sessions/{session_id}/end": E(path={"session_id": R("training")}),
}
