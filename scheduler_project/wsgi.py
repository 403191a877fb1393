"""The WSGI entry point of the web process."""

import os

import structlog
from django.core.wsgi import get_wsgi_application
from gunicorn.errors import AppImportError

from scheduler_project.env import Environment
from scheduler_project.start_checks import start_problems
from scheduler_project.web.chunked_bodies import with_content_length
from scheduler_project.web.head_requests import without_head_bodies
from scheduler_project.web.known_charsets import without_other_charsets
from schedules.clock.zones.data import OWN_VERSION

log = structlog.get_logger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
# Check each connection before its use: a request on a connection that the server has closed would show an error page.
if not Environment(os.environ).text("MAINSPRING_DB_CHECK"):
    os.environ["MAINSPRING_DB_CHECK"] = "true"

application = without_head_bodies(without_other_charsets(with_content_length(get_wsgi_application())))
if problems := start_problems():
    raise AppImportError(problems)  # gunicorn prints the text, without a traceback, and ends
log.info("timezone_data", action="start", version=OWN_VERSION)
