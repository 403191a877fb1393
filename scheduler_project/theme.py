"""The admin's theme: name, colours, styles and side bar. The pages are in each app's `admin/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse

from access.visibility import Action, caller_of, may

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

# Shade 600 is the background of white text; shade 500 is the text on the dark background. Both have a contrast of at
# least 4.5 to 1, as WCAG 2.2 level AA requires.
PRIMARY = {
    "50": "oklch(96.2% .018 272.314)",
    "100": "oklch(93% .034 272.788)",
    "200": "oklch(87% .065 274.039)",
    "300": "oklch(78.5% .115 274.713)",
    "400": "oklch(70.5% .155 275.5)",
    "500": "oklch(67.3% .182 276.935)",
    "600": "oklch(51.1% .23 276.966)",
    "700": "oklch(45.7% .22 277.023)",
    "800": "oklch(39.8% .195 277.366)",
    "900": "oklch(35.9% .144 278.697)",
    "950": "oklch(25.7% .09 281.288)",
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the side bar. Unfold hides the items whose `permission` returns False."""
    groups: list[dict[str, Any]] = [
        {
            "items": [
                {"title": "Overview", "icon": "dashboard", "link": reverse("admin:index"), "active": _is_index},
                _page("Jobs", "event_repeat", "schedules", "job") | {"active": _is_about_jobs},
                {
                    "title": "Pause many jobs",
                    "icon": "pause_circle",
                    "link": reverse("admin:schedules_job_pauses"),
                    "permission": _permission(Action.VIEW, "schedules.job"),
                },
                _page("Runs", "play_circle", "executions", "run"),
                _page("Feature flags", "toggle_on", "schedules", "featureflag"),
            ],
        },
        {
            "title": "Access",
            "separator": True,
            "items": [
                _page("API keys", "key", "access", "apikey"),
                _page("Users", "person", "auth", "user"),
                _page("Groups", "group", "auth", "group"),
            ],
        },
        {
            "title": "Housekeeping and classic periodic tasks",
            "separator": True,
            "collapsible": True,
            "items": [
                _page("Periodic tasks", "update", "django_celery_beat", "periodictask"),
                _page("Intervals", "timer", "django_celery_beat", "intervalschedule"),
                _page("Crontabs", "calendar_month", "django_celery_beat", "crontabschedule"),
                _page("Clocked instants", "alarm", "django_celery_beat", "clockedschedule"),
                _page("Solar events", "wb_twilight", "django_celery_beat", "solarschedule"),
            ],
        },
    ]
    tools = [{"title": "API documentation", "icon": "menu_book", "link": "/api/docs"}]
    if settings.FLOWER_URL:
        tools.append({"title": "Flower (workers)", "icon": "local_florist", "link": settings.FLOWER_URL})
    groups.append({"title": "Tools", "separator": True, "items": tools})
    return groups


def _page(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{app}_{model}_changelist"),
        "permission": _permission(Action.VIEW, f"{app}.{model}"),
    }


def _permission(action: Action, model: str) -> Callable[[HttpRequest], bool]:
    return lambda request: may(caller_of(request), action, model)


def _is_index(request: HttpRequest) -> bool:
    return request.path == reverse("admin:index")


def _is_about_jobs(request: HttpRequest) -> bool:
    # The path of "Pause many jobs" starts with the path of the job list, but the page has its own item.
    jobs, pauses = (reverse(f"admin:schedules_job_{page}") for page in ("changelist", "pauses"))
    return request.path.startswith(jobs) and not request.path.startswith(pauses)


def _file(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"mainspring/{name}")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Mainspring",
    "SITE_HEADER": "Mainspring",
    "SITE_SUBHEADER": "Jobs, schedules and runs",
    "SITE_SYMBOL": "cyclone",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("icon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [_file("admin.css")],
    "SCRIPTS": [_file("times.js"), _file("live.js")],
    "SIDEBAR": {"navigation": navigation},
    "DASHBOARD_CALLBACK": "schedules.admin.overview.add_overview",
}
