"""The room `insight`, as processes and commands take it."""

from skillcore.insight import (
    activity_routes,
    dashboard_routes,
    levels,
    module_routes,
    path_routes,
    prediction_routes,
    profile_routes,
    routes,
)
from skillcore.runtime.rooms import Room

__all__ = ["ROOM"]

ROOM = Room(
    name="insight",
    routes=(
        *routes.ROUTES,
        *activity_routes.ROUTES,
        *path_routes.ROUTES,
        *module_routes.ROUTES,
        *prediction_routes.ROUTES,
        *profile_routes.ROUTES,
        *dashboard_routes.ROUTES,
    ),
    subscriptions=(levels.SUBSCRIPTION,),
)
