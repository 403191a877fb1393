"""The WSGI entry point of the web process."""

import os

from django.core.wsgi import get_wsgi_application

from scheduler_project.env import Environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
# A request on a connection that the server has closed would fail with an error page; workers retry instead.
if not Environment(os.environ).text("MAINSPRING_DB_CHECK"):
    os.environ["MAINSPRING_DB_CHECK"] = "true"

application = get_wsgi_application()
